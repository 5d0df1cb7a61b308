/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths of an engine: the instructions it computes with. All paths of a model
 * give the same bits. Portable.
 *
 * The kernel may use vector registers between kmlops_vector_begin() and
 * kmlops_vector_end() only, and not everywhere: an interrupted user of them
 * may be on the stack. Whoever cannot takes the scalar path.
 */
#ifndef KMLOPS_PATH_H
#define KMLOPS_PATH_H

#include "portable.h"

enum kmlops_path {
	KMLOPS_PATH_SCALAR,	/* general registers */
	KMLOPS_PATH_AVX2,
	KMLOPS_PATH_AVX512,	/* F, BW, CD, DQ, VL, VBMI and VNNI */
	KMLOPS_PATH_CODE,	/* the model as code of a module of its own */
	KMLOPS_PATHS,
};

const char *kmlops_path_name(enum kmlops_path path);

#define KMLOPS_PATH_BIT(path)	(1U << (path))

static inline bool kmlops_path_is_vector(enum kmlops_path path)
{
	return path == KMLOPS_PATH_AVX2 || path == KMLOPS_PATH_AVX512;
}

/* Multiply-accumulates or comparisons after which vector code must pause. */
#define KMLOPS_VECTOR_WORK_MAX	65536

#ifdef __KERNEL__

/*
 * Nanoseconds that it takes to save the vector registers of user space and to
 * load them again, which the first inference after each entry into the kernel
 * pays. Trying a path does not see it: only its first run pays. Measured on
 * Zen 4, see Documentation/kernmlops/models.rst.
 */
#define KMLOPS_VECTOR_ENTRY_NS	200

#include <linux/preempt.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

/* Paths that this machine has, as a mask of KMLOPS_PATH_BIT(). */
static inline u32 kmlops_cpu_paths(void)
{
	u32 paths = KMLOPS_PATH_BIT(KMLOPS_PATH_SCALAR);

	if (boot_cpu_has(X86_FEATURE_AVX2) &&
	    cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM, NULL))
		paths |= KMLOPS_PATH_BIT(KMLOPS_PATH_AVX2);
	if (boot_cpu_has(X86_FEATURE_AVX512F) &&
	    boot_cpu_has(X86_FEATURE_AVX512BW) &&
	    boot_cpu_has(X86_FEATURE_AVX512CD) &&
	    boot_cpu_has(X86_FEATURE_AVX512DQ) &&
	    boot_cpu_has(X86_FEATURE_AVX512VL) &&
	    boot_cpu_has(X86_FEATURE_AVX512VBMI) &&
	    boot_cpu_has(X86_FEATURE_AVX512_VNNI) &&
	    cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM |
			      XFEATURE_MASK_AVX512, NULL))
		paths |= KMLOPS_PATH_BIT(KMLOPS_PATH_AVX512);
	return paths;
}

/* irq_fpu_usable() itself warns in an NMI. */
static inline bool kmlops_vector_usable(void)
{
	return !in_nmi() && irq_fpu_usable();
}

static inline void kmlops_vector_begin(void)
{
	kernel_fpu_begin();
}

static inline void kmlops_vector_end(void)
{
	kernel_fpu_end();
}

#else /* !__KERNEL__ */

#define KMLOPS_VECTOR_ENTRY_NS	0

static inline u32 kmlops_cpu_paths(void)
{
	u32 paths = KMLOPS_PATH_BIT(KMLOPS_PATH_SCALAR);

	if (__builtin_cpu_supports("avx2"))
		paths |= KMLOPS_PATH_BIT(KMLOPS_PATH_AVX2);
	if (__builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512cd") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("avx512vnni"))
		paths |= KMLOPS_PATH_BIT(KMLOPS_PATH_AVX512);
	return paths;
}

static inline bool kmlops_vector_usable(void)
{
	return true;
}

static inline void kmlops_vector_begin(void)
{
}

static inline void kmlops_vector_end(void)
{
}

#endif /* !__KERNEL__ */

/* Lets the scheduler in. The contents of vector registers are lost. */
static inline void kmlops_vector_pause(void)
{
	kmlops_vector_end();
	kmlops_vector_begin();
}

#endif /* KMLOPS_PATH_H */
