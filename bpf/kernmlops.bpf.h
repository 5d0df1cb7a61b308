/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * KernMLOps for BPF programs: feature stores and models, as kfuncs of
 * kernmlops.ko. Include after vmlinux.h and <bpf/bpf_helpers.h>.
 *
 * A vmlinux.h of the kernel may have prototypes of kfuncs or not. One that was
 * made from the BTF of kernmlops.ko itself has the types below already: define
 * KMLOPS_IN_VMLINUX_H then. Prototypes may be in both.
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
 *   -EBUSY: the row had no place and is counted as dropped;
 *   -EOPNOTSUPP: the store is the map itself (mode map).
 */
extern __s64 kmlops_capture_feature(void *map, void *key, __u32 key__sz,
				    void *data, __u32 data__sz) __ksym __weak;

/**
 * kmlops_get_feature() - Read the latest row of a key
 * @store: name of the store, a constant string
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @data: receives the features; undefined on error
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

/* The same, by map: without the time to look up a name. */
extern __s64 kmlops_get_feature_map(void *map, void *key, __u32 key__sz,
				    void *data, __u32 data__sz) __ksym __weak;

/*
 * A packed row: what reads of whole rows give. The time is CLOCK_MONOTONIC ns;
 * seq identifies the row in its store. Declare it for a store with
 * KMLOPS_ROW(struct my_key, struct my_value) name;
 */
#define KMLOPS_ROW(key_type, value_type)				\
	struct {							\
		__u64 time;						\
		__u64 seq;						\
		key_type key __attribute__((aligned(8)));		\
		value_type value __attribute__((aligned(8)));		\
	} __attribute__((aligned(8)))

/**
 * kmlops_get_features_last() - Read the latest rows of a key
 * @store: name of the store, a constant string
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @rows: receives packed rows, the latest first; undefined on error
 * @rows__sz: size of @rows in bytes: as many packed rows as are wanted
 *
 * Context: any, NMI included; does not sleep. Looks at 4096 rows at most.
 * Return: number of rows, or
 *   -ENOENT: no such store, or no row of that key is left in it;
 *   -EINVAL: @key__sz or @rows__sz does not fit the store;
 *   -E2BIG: too many rows would have to be looked at;
 *   -EAGAIN: rows of the key were overwritten faster than they were read;
 *   -EOPNOTSUPP: the store is the map itself (mode map).
 */
extern int kmlops_get_features_last(const char *store, void *key,
				    __u32 key__sz, void *rows,
				    __u32 rows__sz) __ksym __weak;

/**
 * kmlops_get_feature_asof() - Read the row of a key that was the latest then
 * @store: name of the store, a constant string
 * @key: the entity
 * @key__sz: size of @key in bytes, the key size of the store
 * @row: a packed row: its time says as of when; receives the latest row that
 *   was captured at or before; undefined on error
 * @row__sz: size of @row in bytes
 *
 * Return: the time of the row, or an error as kmlops_get_features_last().
 */
extern __s64 kmlops_get_feature_asof(const char *store, void *key,
				     __u32 key__sz, void *row,
				     __u32 row__sz) __ksym __weak;

/**
 * kmlops_get_feature_ts() - Read the row nearest to a time, of any key
 * @store: name of the store, a constant string
 * @time: CLOCK_MONOTONIC ns
 * @row: receives the packed row; undefined on error
 * @row__sz: size of @row in bytes
 *
 * Context: any, NMI included; does not sleep.
 * Return: the time of the row, or -ENOENT, -EINVAL, -EAGAIN, -EOPNOTSUPP.
 */
extern __s64 kmlops_get_feature_ts(const char *store, __u64 time, void *row,
				   __u32 row__sz) __ksym __weak;

/**
 * kmlops_get_row() - Read a row by its identity
 * @store: name of the store, a constant string
 * @seq: identity of the row, as an iterator or another read gave it
 * @row: receives the packed row; undefined on error
 * @row__sz: size of @row in bytes
 *
 * Return: 0, or -ENOENT (no such row, any more), -EINVAL, -EOPNOTSUPP.
 */
extern int kmlops_get_row(const char *store, __u64 seq, void *row,
			  __u32 row__sz) __ksym __weak;

/**
 * kmlops_truncate_features() - Hide the rows captured before a time
 * @store: name of the store, a constant string
 * @before: CLOCK_MONOTONIC ns; a time in the future counts as now
 *
 * Return: 0, or -ENOENT, -EOPNOTSUPP.
 */
extern int kmlops_truncate_features(const char *store, __u64 before)
	__ksym __weak;

#ifndef KMLOPS_IN_VMLINUX_H

/* What became of the rows of a store: captured is the sum of the next four. */
struct kmlops_store_stats {
	__u64 captured;
	__u64 stored;
	__u64 overwritten;
	__u64 dropped;
	__u64 truncated;
	__u64 unindexed;	/* not to be found by key: the index had no room */
	__u64 evicted;		/* keys that gave their place to another */
	__u64 keys;		/* places of the index in use */
	__u64 unmirrored;	/* mode mirror: rows that the map did not take */
};

/* Head of a packed row. */
struct kmlops_row {
	__u64 time;
	__u64 seq;
};

/* A loop over rows. */
struct bpf_iter_kmlops_rows {
	__u64 __opaque[8];
} __attribute__((aligned(8)));

#endif /* KMLOPS_IN_VMLINUX_H */

/* Return: 0, or -ENOENT, -EINVAL. */
extern int kmlops_store_stats(const char *store, void *stats,
			      __u32 stats__sz) __ksym __weak;

/* What kmlops_for_each_row() is made of. */
extern int bpf_iter_kmlops_rows_new(struct bpf_iter_kmlops_rows *it,
				    const char *store, __u64 from,
				    __u64 to) __ksym __weak;
extern struct kmlops_row *
bpf_iter_kmlops_rows_next(struct bpf_iter_kmlops_rows *it) __ksym __weak;
extern void bpf_iter_kmlops_rows_destroy(struct bpf_iter_kmlops_rows *it)
	__ksym __weak;

/* clang 14 has no BTF for a kfunc that only an attribute names. */
static inline __attribute__((always_inline)) void
kmlops_rows_end(struct bpf_iter_kmlops_rows *it)
{
	bpf_iter_kmlops_rows_destroy(it);
}

/*
 * Iterate over rows in order of time, across CPUs:
 *
 *	struct kmlops_row *row;
 *
 *	kmlops_for_each_row(row, "name", from, to)
 *		if (!kmlops_get_row("name", row->seq, &mine, sizeof(mine)))
 *			...
 *
 * over rows captured in [from, to). All rows: 0 and ~0ULL; those before a time
 * (get_features_ts): 0 and the time. Rows captured after the loop began are not
 * part of it. Loops end by themselves; the verifier knows. break and return
 * work as in any loop. The same as bpf_for_each(kmlops_rows, row, "name", from,
 * to), which newer versions of libbpf have.
 */
#define kmlops_for_each_row(row, store, from, to)			\
	for (struct bpf_iter_kmlops_rows rows_it_			\
			__attribute__((aligned(8), cleanup(kmlops_rows_end))),\
	     *rows_none_ __attribute__((unused)) =			\
			(bpf_iter_kmlops_rows_new(&rows_it_, store, from, to),\
			 (struct bpf_iter_kmlops_rows *)0);		\
	     (row = bpf_iter_kmlops_rows_next(&rows_it_));)

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
