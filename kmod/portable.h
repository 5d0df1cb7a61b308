/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the portable files of kmod/ may use of the kernel. In the kernel this
 * is a list of includes and a few macros; in user space (libkmlops, native
 * tests and benchmarks) the same names are built on the compiler.
 *
 * Local operations (kmlops_local_*) are atomic against interrupts and NMIs of
 * the CPU that runs them, not against other CPUs.
 */
#ifndef KMLOPS_PORTABLE_H
#define KMLOPS_PORTABLE_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/local.h>
#include <linux/unaligned.h>

/*
 * What others may change meanwhile, only to be compared: the compiler can do
 * that in one instruction, which READ_ONCE() forbids.
 */
#define kmlops_peek(x)	data_race(x) /* compared, and looked at once */

/* Memory of a store or a model, zeroed, charged to the cgroup of the caller. */
static inline void *kmlops_alloc(size_t size, int node)
{
	return kvmalloc_node(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO |
			     __GFP_NOWARN | __GFP_RETRY_MAYFAIL, node);
}

static inline void kmlops_free(void *mem)
{
	kvfree(mem);
}

/* CRC-32 as zlib computes it; @crc is 0 or the result for the bytes before. */
static inline u32 kmlops_crc32(u32 crc, const void *data, size_t size)
{
	return ~crc32_le(~crc, data, size);
}

static inline u64 kmlops_time_ns(void)
{
	return ktime_get_ns();
}

/* In the midst of long work: lets others run. */
static inline void kmlops_relax(void)
{
	cond_resched();
}

static inline void kmlops_local_inc(u64 *counter)
{
	local_inc((local_t *)counter);
}

static inline u64 kmlops_local_cmpxchg(u64 *word, u64 old, u64 new)
{
	return cmpxchg_local(word, old, new);
}

/* As try_cmpxchg(): on failure @old receives what was there. */
static __always_inline bool kmlops_local_try_cmpxchg(u64 *word, u64 *old,
						     u64 new)
{
	return try_cmpxchg_local(word, old, new);
}

#else /* !__KERNEL__ */

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/types.h>
#include <zlib.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define S16_MIN		INT16_MIN
#define S16_MAX		INT16_MAX
#define U16_MAX		UINT16_MAX
#define S32_MIN		INT32_MIN
#define S32_MAX		INT32_MAX
#define S64_MAX		INT64_MAX
#define U32_MAX		UINT32_MAX
#define U64_MAX		UINT64_MAX
#define S64_MIN		INT64_MIN
#define NUMA_NO_NODE	(-1)

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define smp_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define kmlops_peek(x)	(x)
#define cmpxchg(p, o, n)	__sync_val_compare_and_swap((p), (o), (n))
#define try_cmpxchg(p, o, n) \
	__atomic_compare_exchange_n((p), (o), (n), false, __ATOMIC_SEQ_CST, \
				    __ATOMIC_SEQ_CST)
#define le16_to_cpu	le16toh
#define le32_to_cpu	le32toh
#define le64_to_cpu	le64toh
#define struct_size(p, member, n) \
	(sizeof(*(p)) + sizeof((p)->member[0]) * (size_t)(n))
#define array_index_nospec(index, size)	(index)
#define cond_resched()	do { } while (0)
#define swap(a, b) \
	do { __typeof__(a) kept_ = (a); (a) = (b); (b) = kept_; } while (0)
#define round_up(n, power)	((((n) - 1) | ((__typeof__(n))(power) - 1)) + 1)
#define sort(base, nr, size, compare, swap)	qsort(base, nr, size, compare)
#define scnprintf	snprintf

#define ____cacheline_aligned	__attribute__((aligned(64)))

static inline void *kmlops_alloc(size_t size, int node)
{
	void *mem = NULL;

	(void)node;
	if (posix_memalign(&mem, 64, size ? size : 1))
		return NULL;
	return memset(mem, 0, size);
}

static inline void kmlops_free(void *mem)
{
	free(mem);
}

static inline u32 kmlops_crc32(u32 crc, const void *data, size_t size)
{
	return crc32(crc, data, size);
}

static inline u64 kmlops_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static inline void kmlops_relax(void)
{
}

static inline u64 roundup_pow_of_two(u64 n)
{
	return n <= 1 ? 1 : 1ULL << (64 - __builtin_clzll(n - 1));
}

#ifdef __x86_64__
static inline void kmlops_local_inc(u64 *counter)
{
	asm volatile("incq %0" : "+m" (*counter));
}

static inline u64 kmlops_local_cmpxchg(u64 *word, u64 old, u64 new)
{
	asm volatile("cmpxchgq %2, %1"
		     : "+a" (old), "+m" (*word) : "r" (new) : "memory");
	return old;
}

static inline bool kmlops_local_try_cmpxchg(u64 *word, u64 *old, u64 new)
{
	bool done;

	asm volatile("cmpxchgq %3, %1"
		     : "=@ccz" (done), "+m" (*word), "+a" (*old)
		     : "r" (new) : "memory");
	return done;
}
#else
#error "kernmlops supports x86-64"
#endif

#endif /* !__KERNEL__ */

/*
 * For arrays on the stack that are written before they are read: kernels that
 * clear all of the stack would clear them each time.
 */
#define kmlops_uninitialized	__attribute__((__uninitialized__))

/* The same value, of which the compiler knows nothing: it will not redo it. */
#define kmlops_opaque(value) ({			\
	__typeof__(value) same_ = (value);	\
	asm("" : "+r" (same_));			\
	same_;					\
})

/*
 * Makes @low, @high, two words at a multiple of 16, into @new_low and the later
 * of @high and *@new_high, which *@new_high receives.
 *
 * One piece, and a branch rather than a conditional move, for the sake of
 * emulation: QEMU 7.2 computes the flags of a CMPXCHG16B from the operand of
 * the comparison before, if there is no branch between. An interrupt saves
 * them, and its return then loads flags that never were.
 */
static __always_inline bool kmlops_local_try_advance(void *pair, u64 low,
						     u64 high, u64 new_low,
						     u64 *new_high)
{
	bool done;

	asm volatile("cmpq %[high], %[new_high]\n"
		     "	jae 1f\n"
		     "	movq %[high], %[new_high]\n"
		     "1:	cmpxchg16b %[pair]"
		     : "=@ccz" (done), [pair] "+m" (*(u64 (*)[2])pair),
		       "+a" (low), [high] "+d" (high), [new_high] "+c" (*new_high)
		     : "b" (new_low) : "memory");
	return done;
}

#endif /* KMLOPS_PORTABLE_H */
