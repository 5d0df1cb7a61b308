/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * KernMLOps for BPF programs: feature stores and models, as kfuncs of
 * kernmlops.ko. Include after vmlinux.h and <bpf/bpf_helpers.h>.
 */
#ifndef KERNMLOPS_BPF_H
#define KERNMLOPS_BPF_H

/**
 * kmlops_capture_feature() - Append a row to the store of a map
 * @map: the map that was registered as a store
 * @key: the entity the row is about
 * @key__sz: size of @key in bytes, the key size of the map
 * @data: the features
 * @data__sz: size of @data in bytes, the value size of the map
 *
 * Stamps the row with the time, appends it to the history of this CPU and
 * makes it the latest row of its key. Takes no lock and allocates nothing.
 *
 * Context: any, NMI included; does not sleep.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0), or
 *   -ENOENT: @map is no store (not registered, or no longer);
 *   -EINVAL: @key__sz or @data__sz does not fit the store;
 *   -EBUSY: the row had no place and is counted as dropped.
 */
extern __s64 kmlops_capture_feature(void *map, void *key, __u32 key__sz,
				    void *data, __u32 data__sz) __ksym __weak;

/**
 * kmlops_get_feature() - Read the latest row of a key
 * @store: name of the store, a constant string
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @data: receives the features; untouched on error
 * @data__sz: size of @data in bytes, the value size of the store
 *
 * Context: any, NMI included; does not sleep.
 * Return: the time of the row (CLOCK_MONOTONIC ns, > 0), or
 *   -ENOENT: no such store, or no row of that key is left in it;
 *   -EINVAL: @key__sz or @data__sz does not fit the store;
 *   -EAGAIN: the row was overwritten again and again while being read.
 */
extern __s64 kmlops_get_feature(const char *store, void *key, __u32 key__sz,
				void *data, __u32 data__sz) __ksym __weak;

/**
 * kmlops_infer() - Run a model
 * @model: name of the model, a constant string
 * @in: the input vector, s64 words in the order of the model's inputs
 * @in__sz: size of @in in bytes: 8 times the number of inputs
 * @out: receives the output vector: the answer (class or value), then the
 *   scores; may be shorter than that, the rest is then left out
 * @out__sz: size of @out in bytes, a multiple of 8, at least 8
 *
 * @in and @out must not overlap.
 *
 * Context: any, NMI included; does not sleep.
 * Return: 0, or
 *   -ENOENT: no such model;
 *   -EINVAL: @in__sz or @out__sz does not fit the model.
 */
extern int kmlops_infer(const char *model, void *in, __u32 in__sz,
			void *out, __u32 out__sz) __ksym __weak;

/* Capture a row given the map, the key and the features by address. */
#define capture_feature(map, key, data)					\
	kmlops_capture_feature((map), (void *)(key), sizeof(*(key)),	\
			       (void *)(data), sizeof(*(data)))

/* Gives a field of a row its unit; registration passes it on to readers. */
#if __has_attribute(btf_decl_tag)
#define KMLOPS_UNIT(unit) __attribute__((btf_decl_tag("unit:" #unit)))
#else
#define KMLOPS_UNIT(unit)
#endif

#endif /* KERNMLOPS_BPF_H */
