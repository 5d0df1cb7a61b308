// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of the portable files fails in turn: what asked for it says
 * so, and keeps nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <malloc.h>
#include <cmocka.h>
#include "cursor.h"
#include "engine.h"
#include "key_index.h"
#include "forest_models.h"
#include "layer_models.h"

/* How many allocations succeed before one fails. */
static u32 good_ones = U32_MAX;

/* What was allocated and is not freed. */
static void *held[64];

static void **place_of(void *mem)
{
	u32 i;

	for (i = 0; i < sizeof(held) / sizeof(*held); i++)
		if (held[i] == mem)
			return &held[i];
	return NULL;
}

/* In the place of the C library's, which kmlops_alloc() and kmlops_free() call. */
int posix_memalign(void **mem, size_t align, size_t size)
{
	void **place = place_of(NULL);

	*mem = good_ones-- && place ? memalign(align, size) : NULL;
	if (place)
		*place = *mem;
	/* An error number, which is not negative. */
	return !*mem * ENOMEM;
}

extern void __libc_free(void *mem);

void free(void *mem)
{
	void **place = mem ? place_of(mem) : NULL;

	if (place)
		*place = NULL;
	__libc_free(mem);
}

static u32 nr_held(void)
{
	u32 nr = 0, i;

	for (i = 0; i < sizeof(held) / sizeof(*held); i++)
		nr += !!held[i];
	return nr;
}

static const void *file;
static u32 size;

static bool make_engine(void)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	int err = 0;

	engine = kmlops_engine_create(file, size, &err, &refusal);
	if (engine) {
		kmlops_engine_destroy(engine);
		return true;
	}
	assert_int_equal(err, -ENOMEM);
	assert_memory_equal(refusal.text, "no memory ", 10);
	return false;
}

static bool make_history(void)
{
	struct kmlops_history *history = kmlops_history_create(4, 8, 16, 3, NULL);

	kmlops_history_destroy(history);
	return history;
}

static bool make_index(void)
{
	struct kmlops_key_index *index = kmlops_key_index_create(64, 1);

	kmlops_key_index_destroy(index);
	return index;
}

static struct kmlops_history *history;

static bool make_cursor(void)
{
	struct kmlops_cursor *cursor = kmlops_cursor_open(history, 0, ~0ULL, NULL);

	kmlops_cursor_close(cursor);
	return cursor;
}

/* Until @make asks for no more than it gets, which are @least allocations. */
static void fail_each(bool (*make)(void), u32 least)
{
	u32 before = nr_held(), n;
	bool made;

	for (n = 0; n < 100; n++) {
		good_ones = n;
		made = make();
		good_ones = U32_MAX;
		assert_int_equal(nr_held(), before);
		if (made)
			break;
	}
	assert_in_range(n, least, 99);
}

static void test_rows(void **state)
{
	fail_each(make_history, 4);
	fail_each(make_index, 1);
	history = kmlops_history_create(4, 8, 16, 3, NULL);
	fail_each(make_cursor, 1);
	kmlops_history_destroy(history);
}

static void fail_model(struct model_builder *builder, u32 least)
{
	void *built = model_build(builder, &size);

	assert_non_null(built);
	file = built;
	fail_each(make_engine, least);
	free(built);
}

static void test_tree(void **state)
{
	struct model_builder builder;
	struct sample_tree tree;

	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	fail_model(&builder, 4);
}

static void test_forests(void **state)
{
	struct forest_shape shape = {
		.kind = KMLOPS_MODEL_KIND_FOREST,
		.task = KMLOPS_MODEL_TASK_CLASSIFY,
		.nr_inputs = 3, .nr_scores = 2, .nr_trees = 5, .depth = 4,
		.split = 90, .max_nodes = 31, .leaf_bits = 12,
	};
	struct forest_model model;

	assert_true(forest_model_random(&model, &shape));
	fail_model(&model.builder, 5);
	forest_model_free(&model);
}

static void test_layers(void **state)
{
	static s64 golden[KMLOPS_MODEL_INPUTS_MAX + 1 + KMLOPS_MODEL_SCORES_MAX];
	struct model_builder builder;
	struct net net;

	assert_true(net_plain(&net, 12, 3, 8, 5));
	net_add(&builder, &net, golden);
	fail_model(&builder, 5);
	net_free(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_forests),
		cmocka_unit_test(test_layers),
	};

	return cmocka_run_group_tests_name("failing_memory", tests, NULL, NULL);
}
