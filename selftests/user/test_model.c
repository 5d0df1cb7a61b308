// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission of models: a good one computes, each bad one has its own sentence,
 * and no file whatever makes the parser or the engine leave its memory (the
 * native tests run under the address and undefined-behaviour sanitizers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "engine.h"
#include "model_builder.h"

static struct sample_tree tree;
static struct model_builder builder;
static struct kmlops_engine *code_of;	/* what the code computes */

static int setup(void **state)
{
	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	return 0;
}

static void accepted(struct kmlops_engine **engine)
{
	struct kmlops_refusal refusal = {};
	int err = 1;
	u32 size;
	void *file = model_build(&builder, &size);

	*engine = kmlops_engine_create(file, size, &err, &refusal);
	assert_string_equal(refusal.text, "");
	assert_int_equal(err, 0);
	assert_non_null(*engine);
	free(file);
}

static void refused_file(const void *file, u32 size, int expected,
			 const char *sentence)
{
	struct kmlops_refusal refusal = {};
	int err = 0;

	assert_null(kmlops_engine_create(file, size, &err, &refusal));
	assert_string_equal(refusal.text, sentence);
	assert_int_equal(err, expected);
}

static void refused(const char *sentence)
{
	u32 size;
	void *file = model_build(&builder, &size);

	refused_file(file, size, -EINVAL, sentence);
	free(file);
	setup(NULL);
}

static void test_good(void **state)
{
	const s64 cases[][3] = {
		{ 10, 0, 0 }, { 11, -5, 1 }, { 11, -4, 0 }, { S64_MIN, 0, 0 },
		{ S64_MAX, S64_MIN, 1 }, { S64_MAX, S64_MAX, 0 },
	};
	struct kmlops_engine *engine;
	s64 out[3];
	u32 i;

	accepted(&engine);
	assert_int_equal(engine->tree->depth, 2);
	assert_int_equal(engine->nr_golden, 3);
	assert_int_equal(engine->nr_outputs, 3);
	assert_string_equal(engine->input_names[1], "y");
	for (i = 0; i < 6; i++) {
		kmlops_engine_infer(engine, cases[i], out, 3);
		assert_int_equal(out[0], cases[i][2]);
	}
	out[1] = 7;
	kmlops_engine_infer(engine, cases[0], out, 1);
	assert_int_equal(out[1], 7);
	kmlops_engine_destroy(engine);
}

static void test_single_leaf(void **state)
{
	struct kmlops_engine *engine;
	s64 in[2] = { 1, 2 }, out[3];

	tree.nodes[0] = tree.nodes[1];
	builder.sections[1].size = sizeof(tree.nodes[0]);
	builder.sections[1].count = 1;
	builder.sections[3].size = sizeof(tree.golden[0]);
	builder.sections[3].count = 1;
	accepted(&engine);
	assert_int_equal(engine->tree->depth, 0);
	kmlops_engine_infer(engine, in, out, 3);
	assert_int_equal(out[1], 900);
	kmlops_engine_destroy(engine);
}

static void test_bad_header(void **state)
{
	u8 *file, *copy;
	u32 size, i;

	file = model_build(&builder, &size);
	copy = malloc(size);
	memcpy(copy, file, size);
	refused_file(file, 10, -EINVAL,
		     "a model file has at least 48 bytes, this has 10");
	copy[0] ^= 1;
	refused_file(copy, size, -EINVAL,
		     "this is no model file: wrong magic");
	copy[0] ^= 1;
	copy[4] = 9;
	refused_file(copy, size, -EINVAL,
		     "model file format 9 is not supported, 1 is");
	copy[4] = 1;
	/* Every byte counts. */
	for (i = 16; i < size; i++) {
		copy[i] ^= 0x10;
		refused_file(copy, size, -EBADMSG,
			     "the model file is corrupted: its checksum is wrong");
		copy[i] ^= 0x10;
	}
	/* So does the length. */
	for (i = 48; i < size; i++) {
		struct kmlops_refusal refusal = {};
		char sentence[80];
		int err;

		snprintf(sentence, sizeof(sentence),
			 "the model file says it has %u bytes, it has %u", size,
			 i);
		assert_null(kmlops_engine_create(copy, i, &err, &refusal));
		assert_string_equal(refusal.text, sentence);
	}
	free(copy);
	free(file);

	builder.header.task = 9;
	refused("model task 9 is unknown");
	builder.header.nr_inputs = 0;
	refused("a model has 1 to 512 inputs, this has 0");
	builder.header.nr_inputs = 513;
	refused("a model has 1 to 512 inputs, this has 513");
	builder.header.nr_scores = 1;
	refused("a model of this task cannot have 1 scores");
	builder.header.nr_scores = 129;
	refused("a model of this task cannot have 129 scores");
	builder.header.task = KMLOPS_MODEL_TASK_REGRESSION;
	refused("a model of this task cannot have 2 scores");
	builder.header.fraction_bits = 63;
	refused("scores have at most 62 fraction bits, not 63");
	builder.header.kind = KMLOPS_MODEL_KIND_LINEAR;
	builder.header.task = KMLOPS_MODEL_TASK_BINARY;
	builder.header.nr_scores = 1;
	builder.header.link = KMLOPS_MODEL_LINK_SIGMOID;
	refused("a sigmoid needs 12 fraction bits, the scores have 10");
	builder.header.reserved = 1;
	refused("reserved bytes of the header are not zero");
}

static void test_kind(void **state)
{
	builder.header.kind = 9;
	refused("model kind 9 is unknown");
	builder.header.kind = 0;
	refused("model kind 0 is unknown");
	builder.header.kind = KMLOPS_MODEL_KIND_MLP;
	refused("a model of this kind has no section tree nodes");
	builder.header.kind = KMLOPS_MODEL_KIND_FOREST;
	refused("section tree leaves has 72 bytes, 3 elements take 48");
	builder.header.task = KMLOPS_MODEL_TASK_BINARY;
	refused("a single tree of two classes has two scores");
	builder.header.link = KMLOPS_MODEL_LINK_SIGMOID;
	refused("a model of this task cannot have link 1");
}

static void test_declared_work(void **state)
{
	u32 size;
	void *file;

	builder.header.max_work = 1;
	file = model_build(&builder, &size);
	refused_file(file, size, -E2BIG,
		     "one inference takes 2 operations, the file declares 1");
	free(file);
}

static void spoil_section(u32 at, u32 offset, u32 size, u32 count,
			  const char *sentence)
{
	struct kmlops_model_section *table;
	u32 bytes;
	u8 *file = model_build(&builder, &bytes);

	table = (void *)(file + sizeof(struct kmlops_model_header));
	table[at].offset += offset;
	table[at].size += size;
	table[at].count += count;
	model_seal(file, bytes);
	refused_file(file, bytes, -EINVAL, sentence);
	free(file);
	setup(NULL);
}

static void test_bad_sections(void **state)
{
	builder.sections[4].type = 99;
	refused("section 4 has unknown type 99");
	builder.sections[4].type = KMLOPS_MODEL_SECTION_GOLDEN;
	refused("section golden vectors is there twice");
	spoil_section(1, 4, 0, 0, "section tree nodes is misplaced at byte 276");
	spoil_section(1, -8, 0, 0,
		      "section tree nodes is misplaced at byte 264");
	spoil_section(4, 0, 1000, 0, "section provenance ends beyond the file");
	spoil_section(4, 8000, 0, 0, "section provenance ends beyond the file");
}

static void test_section_sizes(void **state)
{
	spoil_section(1, 0, 0, 1,
		      "section tree nodes has 80 bytes, 6 elements take 96");
	spoil_section(2, 0, 0, 0x15555556,
		      "section tree leaves has 72 bytes, 357913945 elements take 8589934680");
	builder.header.nr_inputs = 1;
	refused("section golden vectors has 120 bytes, 3 elements take 96");
	builder.sections[0].size -= sizeof(struct kmlops_model_input);
	builder.sections[0].count = 1;
	refused("the header says 2 inputs, the section has 1");
}

static void test_bad_inputs(void **state)
{
	tree.inputs[1].name[0] = 0;
	refused("the name of input 1 is empty or not terminated");
	memset(tree.inputs[0].name, 'n', sizeof(tree.inputs[0].name));
	refused("the name of input 0 is empty or not terminated");
	tree.inputs[1].name[0] = 'x';
	refused("input x is there twice");
	tree.inputs[1].norm = 3;
	refused("input y has unknown normalizer 3");
	tree.inputs[1].max = -101;
	refused("the range of input y is empty");
}

static void test_bad_tree(void **state)
{
	tree.nodes[2].input = 2;
	refused("tree node 2: there is no input 2");
	tree.nodes[2].child = 1;
	refused("tree node 2: children at 1, the next free place is 3");
	tree.nodes[2].child = 0;
	refused("tree node 2: children at 0, the next free place is 3");
	tree.nodes[2].child = 0xffffffff;
	refused("tree node 2: children at 4294967295, the next free place is 3");
	tree.nodes[4].child = 3;
	refused("tree node 4: there is no leaf 3");
	tree.nodes[4] = (struct kmlops_model_tree_node){ .child = 5 };
	refused("tree node 4: children at 5, the tree has 5 nodes");
	tree.nodes[2] = tree.nodes[1];
	refused("tree node 3 is no other node's child");
	tree.nodes[3].reserved = 1;
	refused("tree node 3: reserved bytes are not zero");
	tree.leaves[1][0] = 2;
	refused("tree leaf 1: 2 cannot be the answer");
	tree.leaves[1][0] = -1;
	refused("tree leaf 1: -1 cannot be the answer");
	/* Of regression, the answer is the score. */
	builder.header.task = KMLOPS_MODEL_TASK_REGRESSION;
	builder.header.nr_scores = 1;
	builder.sections[2].size = 3 * 2 * 8;
	builder.sections[3].size = 3 * 4 * 8;
	tree.leaves[0][0] = 5;
	tree.leaves[0][1] = 6;
	refused("tree leaf 0: 5 cannot be the answer");
	builder.sections[1].size = 0;
	builder.sections[1].count = 0;
	refused("section tree nodes is missing or empty");
}

static void test_golden_vectors(void **state)
{
	u32 size;
	void *file;

	builder.sections[3].size = 0;
	builder.sections[3].count = 0;
	refused("section golden vectors is missing or empty");
	tree.golden[2][4] = 1;
	file = model_build(&builder, &size);
	refused_file(file, size, -EBADMSG,
		     "golden vector 2 (scalar): output 2 is 0, not 1");
	free(file);
}

/* Random damage with a right checksum: refused, or a model that computes. */
static void test_random_damage(void **state)
{
	const s64 in[512] = { S64_MIN, S64_MAX };
	u32 size, bytes, random = 1, accepted_count = 0, round, i;
	s64 out[1 + KMLOPS_MODEL_SCORES_MAX];
	u8 *good = model_build(&builder, &size);

	for (round = 0; round < 200000; round++) {
		struct kmlops_refusal refusal = {};
		struct kmlops_engine *engine;
		u8 *file;
		int err;

		bytes = size;
		random = random * 1103515245 + 12345;
		if (random >> 16 & 1)
			bytes = random >> 17 & 1 ? size :
				40 + (random >> 18) % (size - 40);
		/* A copy of its own, for the sanitizer to guard its end. */
		file = malloc(bytes);
		memcpy(file, good, bytes);
		for (i = 0; i <= round % 4; i++) {
			random = random * 1103515245 + 12345;
			file[(random >> 8) % bytes] = round & 1 ? random :
				file[(random >> 8) % bytes] ^ 1 << random % 8;
		}
		((struct kmlops_model_header *)file)->size = bytes;
		model_seal(file, bytes);
		engine = kmlops_engine_create(file, bytes, &err, &refusal);
		free(file);
		if (engine) {
			kmlops_engine_infer(engine, in, out,
					    engine->nr_outputs);
			kmlops_engine_destroy(engine);
			accepted_count++;
		} else {
			assert_true(err < 0);
			assert_true(refusal.text[0]);
		}
	}
	print_message("# %u of 200000 damaged files still were models\n",
		      accepted_count);
	assert_true(accepted_count && accepted_count < 100000);
	free(good);
}

static void test_too_many_golden(void **state)
{
	static s64 vectors[KMLOPS_MODEL_GOLDEN_MAX + 1][5];

	assert_int_equal(sizeof(tree.golden[0]), sizeof(vectors[0]));
	builder.data[3] = vectors;
	builder.sections[3].size = sizeof(vectors);
	builder.sections[3].count = KMLOPS_MODEL_GOLDEN_MAX + 1;
	refused("a model has 1 to 1024 golden vectors, this has 1025");
}

static void test_budget(void **state)
{
	struct kmlops_budget budget = { .work = 2, .bytes = 1 << 20 };
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	char sentence[96];
	int err = 0;
	u32 size;
	void *file = model_build(&builder, &size);

	engine = kmlops_engine_admit(file, size, &budget, &err, &refusal);
	assert_non_null(engine);
	snprintf(sentence, sizeof(sentence),
		 "the model takes %llu bytes of memory, 7 are allowed",
		 (unsigned long long)engine->bytes);
	kmlops_engine_destroy(engine);
	budget.bytes = 7;
	assert_null(kmlops_engine_admit(file, size, &budget, &err, &refusal));
	assert_int_equal(err, -E2BIG);
	assert_string_equal(refusal.text, sentence);
	budget.work = 1;
	assert_null(kmlops_engine_admit(file, size, &budget, &err, &refusal));
	assert_int_equal(err, -E2BIG);
	assert_string_equal(refusal.text,
			    "one inference takes 2 operations, 1 are allowed");
	free(file);
}

/* The sample tree as code: what a module brings. */
static void good_code(const s64 *in, s64 *scores)
{
	s64 out[3];

	kmlops_engine_infer(code_of, in, out, 3);
	memcpy(scores, out, sizeof(out));
}

static void bad_code(const s64 *in, s64 *scores)
{
	good_code(in, scores);
	scores[2]++;
}

static void test_code(void **state)
{
	struct kmlops_refusal refusal = {};
	struct kmlops_engine *engine;
	const s64 in[2] = { 11, -5 };
	u32 size;
	void *file = model_build(&builder, &size);
	s64 out[3];

	accepted(&code_of);
	accepted(&engine);
	assert_int_equal(kmlops_engine_use_path(engine, "code", &refusal),
			 -EOPNOTSUPP);
	assert_string_equal(refusal.text,
			    "the model has no path code on this machine");
	assert_int_equal(kmlops_engine_use_path(engine, "fast", &refusal), -EINVAL);
	assert_string_equal(refusal.text,
			    "paths are scalar, avx2, avx512 and code");

	assert_int_equal(kmlops_engine_add_code(engine, good_code, file, 10, &refusal),
			 -EINVAL);
	assert_int_equal(kmlops_engine_add_code(engine, good_code, file, size, &refusal),
			 0);
	assert_int_equal(kmlops_engine_use_path(engine, "code", &refusal), 0);
	assert_int_equal(engine->path, KMLOPS_PATH_CODE);
	kmlops_engine_infer(engine, in, out, 3);
	assert_int_equal(out[0], 1);
	kmlops_engine_leave_code(engine);
	assert_int_equal(engine->path, KMLOPS_PATH_SCALAR);
	kmlops_engine_drop_code(engine);
	kmlops_engine_infer(engine, in, out, 3);
	assert_int_equal(out[0], 1);
	kmlops_engine_destroy(engine);

	accepted(&engine);
	assert_int_equal(kmlops_engine_add_code(engine, bad_code, file, size, &refusal),
			 -EBADMSG);
	kmlops_engine_destroy(engine);
	kmlops_engine_destroy(code_of);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_single_leaf, setup),
		cmocka_unit_test_setup(test_bad_header, setup),
		cmocka_unit_test_setup(test_kind, setup),
		cmocka_unit_test_setup(test_declared_work, setup),
		cmocka_unit_test_setup(test_bad_sections, setup),
		cmocka_unit_test_setup(test_section_sizes, setup),
		cmocka_unit_test_setup(test_bad_inputs, setup),
		cmocka_unit_test_setup(test_bad_tree, setup),
		cmocka_unit_test_setup(test_golden_vectors, setup),
		cmocka_unit_test_setup(test_random_damage, setup),
		cmocka_unit_test_setup(test_too_many_golden, setup),
		cmocka_unit_test_setup(test_budget, setup),
		cmocka_unit_test_setup(test_code, setup),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
