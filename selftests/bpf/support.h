/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores, models and rows, as the tests of this directory need them. */
#ifndef SELFTESTS_BPF_SUPPORT_H
#define SELFTESTS_BPF_SUPPORT_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

struct bpf_program;

/* Each ends the test with a failure if it does not work. */
void connect_family(void);
/* A map with BTF whose value has 4 bytes or more; a descriptor. */
int map_with_btf(const char *name, uint32_t value_size);
void register_store(const char *name, int map, uint64_t rows);
/* A map that is the store itself. */
void register_map(const char *name, int map);
void unregister_store(const char *name);
void push_row(const char *name, const void *key, uint32_t key_size,
	      const void *value, uint32_t value_size);
void truncate_store(const char *name, uint64_t before);
/* A counter of a store: KERNMLOPS_A_STORE_*. */
uint64_t store_counter(const char *name, int attr);
/* Whether captured is the sum of what became of the rows. */
int store_adds_up(const char *name);
/*
 * The sample tree of user/model_builder.h (2 inputs, 3 outputs), or a tree of
 * one split: @inputs[@split] <= @threshold ? class 0 : class 1.
 */
void load_sample_model(const char *name);
void load_split_model(const char *name, const char *const *inputs,
		      unsigned int split, int64_t threshold);
void remove_model(const char *name);

/* All rows of a store in order of time. */
struct rows {
	char *data;
	size_t size;		/* of one row */
	size_t value;		/* where its value begins */
	size_t nr;
};

void read_rows(const char *name, struct rows *rows);
void free_rows(struct rows *rows);

static inline const struct kmlops_row *row_head(const struct rows *rows,
						size_t i)
{
	return (const void *)(rows->data + i * rows->size);
}

static inline const void *row_key(const struct rows *rows, size_t i)
{
	return row_head(rows, i) + 1;
}

static inline const void *row_value(const struct rows *rows, size_t i)
{
	return rows->data + i * rows->size + rows->value;
}

/* Run a program once, with a context of its own kind; 0 or a negative errno. */
int run_once(const struct bpf_program *program);

/*
 * The line of /proc/modules says how many programs hold the module; -1 if it
 * is not loaded.
 */
int module_users(void);

/* Memory that the kernel says it uses, but for caches, in KiB. */
long kernel_memory(void);

#endif /* SELFTESTS_BPF_SUPPORT_H */
