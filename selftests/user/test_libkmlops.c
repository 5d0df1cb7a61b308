// SPDX-License-Identifier: GPL-2.0-only
/* The library as programs use it: through its header only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>
#include "kmlops.h"
#include "model_builder.h"

static struct sample_tree tree;
static void *file;
static u32 size;

static int setup(void **state)
{
	struct model_builder builder;

	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	file = model_build(&builder, &size);
	return 0;
}

static int teardown(void **state)
{
	free(file);
	return 0;
}

static void check_sample(struct kmlops_model_handle *model)
{
	const struct kmlops_model_info *info;
	int64_t in[2] = { 11, -5 }, out[3] = { 0 };

	assert_non_null(model);
	info = kmlops_model_info(model);
	assert_int_equal(info->kind, KMLOPS_MODEL_KIND_TREE);
	assert_int_equal(info->task, KMLOPS_MODEL_TASK_CLASSIFY);
	assert_int_equal(info->nr_inputs, 2);
	assert_int_equal(info->nr_outputs, 3);
	assert_int_equal(info->fraction_bits, 10);
	assert_int_equal(info->depth, 2);
	assert_int_equal(info->golden, 3);
	assert_string_equal(kmlops_model_input_name(model, 0), "x");
	assert_string_equal(kmlops_model_input_name(model, 1), "y");
	assert_null(kmlops_model_input_name(model, 2));

	assert_int_equal(kmlops_infer(model, in, 2, out, 3), 0);
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], 24);
	assert_int_equal(out[2], 1000);
	kmlops_model_close(model);
}

static void test_buffer(void **state)
{
	char *unaligned = malloc(size + 1);
	char why[KMLOPS_WHY_LEN] = "";

	check_sample(kmlops_model_open_buffer(file, size, why));
	assert_string_equal(why, "");
	memcpy(unaligned + 1, file, size);
	check_sample(kmlops_model_open_buffer(unaligned + 1, size, NULL));
	assert_int_equal(kmlops_verify(unaligned + 1, size, NULL), 0);
	free(unaligned);
}

static void test_path(void **state)
{
	char path[] = "/tmp/test_libkmlops.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, size), size);
	close(fd);
	check_sample(kmlops_model_open(path, NULL));
	unlink(path);
}

static void test_lengths(void **state)
{
	struct kmlops_model_handle *model;
	int64_t in[3] = { 10, 0 }, out[4] = { 7, 7, 7, 7 };

	model = kmlops_model_open_buffer(file, size, NULL);
	assert_int_equal(kmlops_infer(model, in, 1, out, 3), -EINVAL);
	assert_int_equal(kmlops_infer(model, in, 3, out, 3), -EINVAL);
	assert_int_equal(kmlops_infer(model, in, 2, out, 0), -EINVAL);
	assert_int_equal(kmlops_infer(model, in, 2, out, 4), -EINVAL);
	assert_int_equal(out[0], 7);
	assert_int_equal(kmlops_infer(model, in, 2, out, 1), 0);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 7);
	kmlops_model_close(model);
	kmlops_model_close(NULL);
}

/* What is proved of the sample: 2 operations, scores as its leaves have them. */
static void test_proof(void **state)
{
	struct kmlops_model_handle *model;
	struct kmlops_layer_bounds layer;
	struct kmlops_path_info path;
	struct kmlops_bounds bounds;

	model = kmlops_model_open_buffer(file, size, NULL);
	assert_int_equal(kmlops_model_info(model)->work, 2);
	assert_int_equal(kmlops_model_info(model)->nr_layers, 0);
	assert_int_equal(kmlops_model_info(model)->nr_trees, 1);
	assert_int_equal(kmlops_model_info(model)->nr_nodes, 5);
	assert_int_equal(kmlops_model_layer(model, 0, &layer), -EINVAL);
	assert_int_equal(kmlops_model_score(model, 0, &bounds), 0);
	assert_int_equal(bounds.min, 24);
	assert_int_equal(bounds.max, 1024);
	assert_int_equal(kmlops_model_score(model, 1, &bounds), 0);
	assert_int_equal(bounds.min, 0);
	assert_int_equal(bounds.max, 1000);
	assert_int_equal(kmlops_model_score(model, 2, &bounds), -EINVAL);

	assert_int_equal(kmlops_model_info(model)->nr_paths, 1);
	assert_int_equal(kmlops_model_path(model, 0, &path), 0);
	assert_string_equal(path.name, "scalar");
	assert_int_equal(kmlops_model_path(model, 1, &path), -EINVAL);
	assert_int_equal(kmlops_model_use_path(model, "scalar"), 0);
	assert_int_equal(kmlops_model_use_path(model, "avx2"), -EOPNOTSUPP);
	assert_int_equal(kmlops_model_use_path(model, "mmx"), -EINVAL);
	kmlops_model_close(model);
}

/* Two layers of the corpus, on each path that this machine has. */
static void test_layers(void **state)
{
	int64_t in[5] = { 1, -2, 3, INT64_MAX, INT64_MIN }, out[4], first[4];
	struct kmlops_model_handle *model;
	struct kmlops_layer_bounds layer;
	struct kmlops_path_info path;
	struct kmlops_bounds bounds;
	uint32_t i, work = 0, outputs;

	model = kmlops_model_open("selftests/fuzz/corpus/layers-8.kmml", NULL);
	assert_non_null(model);
	outputs = kmlops_model_info(model)->nr_outputs;
	assert_int_equal(kmlops_model_info(model)->nr_layers, 3);
	for (i = 0; !kmlops_model_layer(model, i, &layer); i++) {
		assert_true(layer.acc.min <= layer.acc.max);
		assert_true(layer.acc.min >= INT32_MIN);
		assert_true(layer.acc.max <= INT32_MAX);
		assert_true(layer.acc_max_channel < layer.nr_outputs);
		assert_int_equal(layer.work, layer.nr_inputs * layer.nr_outputs);
		work += layer.work;
	}
	assert_int_equal(i, 3);
	assert_int_equal(work, kmlops_model_info(model)->work);
	assert_int_equal(kmlops_model_score(model, 0, &bounds), 0);
	assert_int_equal(bounds.min, layer.output.min);

	for (i = 0; !kmlops_model_path(model, i, &path); i++) {
		assert_int_equal(kmlops_model_use_path(model, path.name), 0);
		assert_int_equal(kmlops_model_info(model)->path, i);
		assert_int_equal(kmlops_infer(model, in, 5, out, outputs), 0);
		if (!i)
			memcpy(first, out, sizeof(first));
		assert_memory_equal(first, out, 8 * outputs);
	}
	assert_int_equal(i, kmlops_model_info(model)->nr_paths);
	kmlops_model_close(model);
}

static void test_refused(void **state)
{
	char why[KMLOPS_WHY_LEN];

	assert_int_equal(kmlops_verify(file, size - 1, why), -EINVAL);
	assert_non_null(strstr(why, "the model file says it has"));
	assert_int_equal(kmlops_verify(NULL, 0, why), -EINVAL);
	assert_string_equal(why,
			    "a model file has at least 48 bytes, this has 0");
	((u8 *)file)[size - 1] ^= 1;
	assert_int_equal(kmlops_verify(file, size, why), -EBADMSG);
	assert_string_equal(why,
			    "the model file is corrupted: its checksum is wrong");
	((u8 *)file)[size - 1] ^= 1;

	assert_null(kmlops_model_open("/nowhere/at/all", why));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(why, "No such file or directory");
	assert_null(kmlops_model_open("/tmp", why));
	assert_int_equal(errno, EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
