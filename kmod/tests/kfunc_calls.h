/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kfuncs for whoever is no BPF program: nothing else in the kernel calls them.
 */
#ifndef KMLOPS_KFUNC_CALLS_H
#define KMLOPS_KFUNC_CALLS_H

#include <linux/kernmlops_row.h>
#include <linux/types.h>

struct bpf_iter_kmlops_rows {
	__u64 __opaque[8];
} __aligned(8);

s64 kmlops_capture_feature(void *map, void *key, u32 key_size, void *data,
			   u32 data_size);
s64 kmlops_get_feature(const char *name, void *key, u32 key_size, void *data,
		       u32 data_size);
s64 kmlops_get_feature_map(void *map, void *key, u32 key_size, void *data,
			   u32 data_size);
int kmlops_get_features_last(const char *name, void *key, u32 key_size,
			     void *rows, u32 rows_size);
s64 kmlops_get_feature_asof(const char *name, void *key, u32 key_size,
			    void *row, u32 row_size);
s64 kmlops_get_feature_ts(const char *name, u64 time, void *row, u32 row_size);
int kmlops_get_row(const char *name, u64 seq, void *row, u32 row_size);
int kmlops_truncate_features(const char *name, u64 before);
int kmlops_store_stats(const char *name, void *stats, u32 stats_size);
int bpf_iter_kmlops_rows_new(struct bpf_iter_kmlops_rows *it, const char *name,
			     u64 from, u64 to);
struct kmlops_row *bpf_iter_kmlops_rows_next(struct bpf_iter_kmlops_rows *it);
void bpf_iter_kmlops_rows_destroy(struct bpf_iter_kmlops_rows *it);
int kmlops_infer(const char *name, void *in, u32 in_size, void *out,
		 u32 out_size);

#endif /* KMLOPS_KFUNC_CALLS_H */
