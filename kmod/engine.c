// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission: from a model file to an engine, or a refusal with its reason.
 *
 * An engine exists only if the file is well-formed, its content was proved to
 * be safe for any input, and its golden vectors came out to the bit.
 */
#include "engine.h"
#include "fixed_point.h"

/* Golden vectors that a path is tried with, and for how long. */
#define TRY_VECTORS	16
#define TRY_ROUNDS	64
#define TRY_NS		50000

static const char * const path_names[] = {
	[KMLOPS_PATH_SCALAR] = "scalar",
	[KMLOPS_PATH_AVX2] = "avx2",
	[KMLOPS_PATH_AVX512] = "avx512",
	[KMLOPS_PATH_CODE] = "code",
};

const char *kmlops_path_name(enum kmlops_path path)
{
	return path_names[path];
}

static s64 answer(const struct kmlops_engine *engine, const s64 *scores)
{
	u32 i, best = 0;

	switch (engine->task) {
	case KMLOPS_MODEL_TASK_CLASSIFY:
		for (i = 1; i < engine->nr_outputs - 1; i++)
			if (scores[i] > scores[best])
				best = i;
		return best;
	case KMLOPS_MODEL_TASK_BINARY:
		return scores[0] > 0;
	}
	return scores[0];
}

/* The probability that a score stands for. */
static s64 sigmoid_of_score(s64 score, u32 fraction_bits)
{
	u32 shift = fraction_bits - 12;
	s64 half;

	if (!shift)
		return kmlops_sigmoid16(score);
	half = 1LL << (shift - 1);
	score = score > S64_MAX - half ? S64_MAX : score + half;
	return kmlops_sigmoid16(score >> shift);
}

/**
 * kmlops_engine_give_out() - Make the output vector of what the kind computed
 * @engine: the model
 * @scores: scores before the link; of a single tree, the output vector
 * @out: receives the first @nr_out words of the output vector
 * @nr_out: 1 to nr_outputs
 *
 * Context: any, NMI included.
 */
void kmlops_engine_give_out(const struct kmlops_engine *engine,
			    const s64 *scores, s64 *out, u32 nr_out)
{
	u32 i;

	if (engine->kind == KMLOPS_MODEL_KIND_TREE) {
		for (i = 0; i < nr_out; i++)
			out[i] = scores[i];
		return;
	}
	out[0] = answer(engine, scores);
	if (nr_out > 1 && engine->link == KMLOPS_MODEL_LINK_SIGMOID) {
		out[1] = sigmoid_of_score(scores[0], engine->raw_bits);
		return;
	}
	for (i = 1; i < nr_out; i++)
		out[i] = scores[i - 1];
}

/**
 * kmlops_engine_infer_path() - Compute the outputs on a path
 * @engine: the model
 * @path: one of engine->paths; avx only where vectors are usable
 * @in: nr_inputs words
 * @out: receives the first @nr_out words of the output vector
 * @nr_out: 1 to nr_outputs
 *
 * Context: any, NMI included. Bounded, allocates nothing, cannot fail.
 */
void kmlops_engine_infer_path(const struct kmlops_engine *engine,
			      enum kmlops_path path, const s64 *in, s64 *out,
			      u32 nr_out)
{
	s64 scores[1 + KMLOPS_MODEL_SCORES_MAX] __attribute__((aligned(64)))
		kmlops_uninitialized;

	if (path == KMLOPS_PATH_CODE) {
		engine->code(in, scores);
		kmlops_engine_give_out(engine, scores, out, nr_out);
		return;
	}

	switch (engine->kind) {
	case KMLOPS_MODEL_KIND_LINEAR:
	case KMLOPS_MODEL_KIND_MLP:
		kmlops_mlp_infer(engine->mlp, path, in, scores);
		break;
	case KMLOPS_MODEL_KIND_FOREST:
	case KMLOPS_MODEL_KIND_BOOSTED:
		kmlops_forest_infer(engine->forest, path, in, scores);
		break;
	case KMLOPS_MODEL_KIND_TREE:
		kmlops_engine_give_out(engine,
				       kmlops_tree_infer(engine->tree, in),
				       out, nr_out);
		return;
	}
	kmlops_engine_give_out(engine, scores, out, nr_out);
}

static int check_golden(struct kmlops_engine *engine, enum kmlops_path path,
			const struct kmlops_section *golden,
			struct kmlops_refusal *refusal)
{
	u32 words = engine->nr_inputs + engine->nr_outputs;
	const __le64 *wire = golden->data;
	s64 *vector, *out;
	u32 i, j;
	int err = 0;

	vector = kmlops_alloc((words + engine->nr_outputs) * sizeof(*vector),
			      NUMA_NO_NODE);
	if (!vector)
		return kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the golden vectors");
	out = vector + words;

	for (i = 0; i < golden->count && !err; i++, wire += words) {
		for (j = 0; j < words; j++)
			vector[j] = le64_to_cpu(wire[j]);
		kmlops_engine_infer_path(engine, path, vector, out,
					 engine->nr_outputs);
		for (j = 0; j < engine->nr_outputs && !err; j++) {
			s64 expected = vector[engine->nr_inputs + j];

			if (out[j] != expected)
				err = kmlops_refuse(refusal, -EBADMSG,
						    "golden vector %u (%s): output %u is %lld, not %lld",
						    i, kmlops_path_name(path), j,
						    (long long)out[j],
						    (long long)expected);
		}
		kmlops_relax();
	}
	kmlops_free(vector);
	return err;
}

/*
 * Nanoseconds of an inference on a path: of several rounds over some golden
 * vectors the quickest, for what interrupts a round is not the path's.
 */
static u32 try_path(const struct kmlops_engine *engine, enum kmlops_path path,
		    const s64 *vectors, u32 nr, s64 *out)
{
	u64 best = U64_MAX, begin = kmlops_time_ns(), start = begin, end;
	u32 words = engine->nr_inputs + engine->nr_outputs;
	u32 round, i;

	for (round = 0; round < TRY_ROUNDS; round++) {
		for (i = 0; i < nr; i++)
			kmlops_engine_infer_path(engine, path,
						 vectors + i * words, out,
						 engine->nr_outputs);
		end = kmlops_time_ns();
		if (end - start < best)
			best = end - start;
		if (end - begin > TRY_NS)
			break;
		start = end;
	}
	best = best / nr;
	if (kmlops_path_is_vector(path))
		best += KMLOPS_VECTOR_ENTRY_NS;
	return best < U32_MAX ? best : U32_MAX;
}

/* The quickest path of a mask, which has scalar in it. */
static enum kmlops_path quickest(const struct kmlops_engine *engine, u32 paths)
{
	enum kmlops_path path, best = KMLOPS_PATH_SCALAR;

	for (path = 0; path < KMLOPS_PATHS; path++)
		if (paths & KMLOPS_PATH_BIT(path) &&
		    engine->path_ns[path] < engine->path_ns[best])
			best = path;
	return best;
}

static void take_quickest(struct kmlops_engine *engine)
{
	WRITE_ONCE(engine->path, quickest(engine, engine->paths));
	WRITE_ONCE(engine->everywhere,
		   quickest(engine, engine->paths &
				    (KMLOPS_PATH_BIT(KMLOPS_PATH_SCALAR) |
				     KMLOPS_PATH_BIT(KMLOPS_PATH_CODE))));
}

/* Tries the paths, and takes the quickest. */
static int choose_path(struct kmlops_engine *engine,
		       const struct kmlops_section *golden,
		       struct kmlops_refusal *refusal)
{
	u32 nr = golden->count < TRY_VECTORS ? golden->count : TRY_VECTORS;
	u32 words = engine->nr_inputs + engine->nr_outputs, i;
	const __le64 *wire = golden->data;
	enum kmlops_path path;
	s64 *vectors;

	vectors = kmlops_alloc((nr * words + engine->nr_outputs) *
			       sizeof(*vectors), NUMA_NO_NODE);
	if (!vectors)
		return kmlops_refuse(refusal, -ENOMEM,
				     "no memory to try the paths");
	for (i = 0; i < nr * words; i++)
		vectors[i] = le64_to_cpu(wire[i]);
	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			continue;
		engine->path_ns[path] = try_path(engine, path, vectors, nr,
						 vectors + nr * words);
		kmlops_relax();
	}
	take_quickest(engine);
	kmlops_free(vectors);
	return 0;
}

/* Verifies what the kind of model consists of, and makes it. */
static int create_kind(struct kmlops_engine *engine,
		       const struct kmlops_model_file *model,
		       struct kmlops_refusal *refusal)
{
	int err = 0;

	switch (model->kind) {
	case KMLOPS_MODEL_KIND_LINEAR:
	case KMLOPS_MODEL_KIND_MLP:
		engine->mlp = kmlops_mlp_create(model, &err, refusal);
		if (!engine->mlp)
			return err;
		engine->bytes = engine->mlp->bytes;
		engine->work = engine->mlp->work;
		engine->paths = engine->mlp->paths;
		return 0;
	case KMLOPS_MODEL_KIND_TREE:
		engine->tree = kmlops_tree_create(model, &err, refusal);
		if (!engine->tree)
			return err;
		engine->bytes = kmlops_tree_bytes(model);
		engine->depth = engine->tree->depth;
		engine->work = engine->tree->depth;
		engine->paths = KMLOPS_PATH_BIT(KMLOPS_PATH_SCALAR);
		return 0;
	case KMLOPS_MODEL_KIND_FOREST:
	case KMLOPS_MODEL_KIND_BOOSTED:
		engine->forest = kmlops_forest_create(model, &err, refusal);
		if (!engine->forest)
			return err;
		engine->bytes = engine->forest->bytes;
		engine->depth = engine->forest->depth;
		engine->work = engine->forest->work;
		engine->paths = engine->forest->paths;
		return 0;
	}
	return kmlops_refuse(refusal, -EOPNOTSUPP,
			     "there is no engine for models of kind %u",
			     model->kind);
}

static int check_budget(const struct kmlops_engine *engine,
			const struct kmlops_budget *budget, u64 declared,
			struct kmlops_refusal *refusal)
{
	if (engine->work > declared)
		return kmlops_refuse(refusal, -E2BIG,
				     "one inference takes %llu operations, the file declares %llu",
				     (unsigned long long)engine->work,
				     (unsigned long long)declared);
	if (!budget)
		return 0;
	if (engine->work > budget->work)
		return kmlops_refuse(refusal, -E2BIG,
				     "one inference takes %llu operations, %llu are allowed",
				     (unsigned long long)engine->work,
				     (unsigned long long)budget->work);
	if (engine->bytes > budget->bytes)
		return kmlops_refuse(refusal, -E2BIG,
				     "the model takes %llu bytes of memory, %llu are allowed",
				     (unsigned long long)engine->bytes,
				     (unsigned long long)budget->bytes);
	return 0;
}

/**
 * kmlops_engine_admit() - Verify a model file and make it compute
 * @file: the file, at an address that is a multiple of 8; not kept
 * @size: its bytes
 * @budget: what it may take, or NULL
 * @err: receives 0, or a negative error number
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the engine, owned by the caller, or NULL.
 */
struct kmlops_engine *kmlops_engine_admit(const void *file, size_t size,
					  const struct kmlops_budget *budget,
					  int *err,
					  struct kmlops_refusal *refusal)
{
	const struct kmlops_section *golden;
	struct kmlops_model_file model;
	struct kmlops_engine *engine;
	enum kmlops_path path;
	u32 i;

	*err = kmlops_model_file_parse(file, size, &model, refusal);
	if (*err)
		return NULL;
	golden = &model.sections[KMLOPS_MODEL_SECTION_GOLDEN];
	if (golden->count > KMLOPS_MODEL_GOLDEN_MAX) {
		*err = kmlops_refuse(refusal, -EINVAL,
				     "a model has 1 to %d golden vectors, this has %u",
				     KMLOPS_MODEL_GOLDEN_MAX, golden->count);
		return NULL;
	}
	engine = kmlops_alloc(struct_size(engine, input_names,
					  model.nr_inputs), NUMA_NO_NODE);
	if (!engine) {
		*err = kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the model");
		return NULL;
	}
	engine->kind = model.kind;
	engine->task = model.task;
	engine->link = model.link;
	engine->nr_inputs = model.nr_inputs;
	engine->nr_outputs = 1 + model.nr_scores;
	engine->raw_bits = model.fraction_bits;
	engine->fraction_bits = model.link == KMLOPS_MODEL_LINK_SIGMOID ?
				16 : model.fraction_bits;
	engine->fingerprint = model.fingerprint;
	for (i = 0; i < model.nr_inputs; i++)
		memcpy(engine->input_names[i], model.inputs[i].name,
		       sizeof(engine->input_names[i]));

	*err = create_kind(engine, &model, refusal);
	if (*err)
		goto err_destroy;
	engine->bytes += struct_size(engine, input_names, model.nr_inputs);
	engine->paths &= kmlops_cpu_paths();
	*err = check_budget(engine, budget, model.max_work, refusal);
	if (*err)
		goto err_destroy;

	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			continue;
		*err = check_golden(engine, path, golden, refusal);
		if (*err)
			goto err_destroy;
	}
	engine->nr_golden = golden->count;
	*err = choose_path(engine, golden, refusal);
	if (*err)
		goto err_destroy;
	return engine;

err_destroy:
	kmlops_engine_destroy(engine);
	return NULL;
}

/**
 * kmlops_engine_use_path() - Take a path even if it is not the quickest
 * @engine: the model, which nobody uses yet
 * @name: scalar, avx2, avx512 or code
 * @refusal: receives the sentence on error
 *
 * Return: 0; -EINVAL if there is no such path; -EOPNOTSUPP if the model has no
 *   such path on this machine.
 */
int kmlops_engine_use_path(struct kmlops_engine *engine, const char *name,
			   struct kmlops_refusal *refusal)
{
	enum kmlops_path path;

	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (strcmp(name, path_names[path]))
			continue;
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			return kmlops_refuse(refusal, -EOPNOTSUPP,
					     "the model has no path %s on this machine",
					     path_names[path]);
		engine->path = path;
		if (!kmlops_path_is_vector(path))
			engine->everywhere = path;
		return 0;
	}
	return kmlops_refuse(refusal, -EINVAL,
			     "paths are scalar, avx2, avx512 and code");
}

/**
 * kmlops_engine_add_code() - Give an engine the path code
 * @engine: the engine, which nobody uses yet
 * @code: computes what the engine computes
 * @file: the model file that both were made of
 * @size: its bytes
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: 0; -EBADMSG if the code does not reproduce a golden vector; -ENOMEM.
 */
int kmlops_engine_add_code(struct kmlops_engine *engine,
			   kmlops_engine_code code, const void *file,
			   size_t size, struct kmlops_refusal *refusal)
{
	const struct kmlops_section *golden;
	struct kmlops_model_file model;
	int err;

	err = kmlops_model_file_parse(file, size, &model, refusal);
	if (err)
		return err;
	golden = &model.sections[KMLOPS_MODEL_SECTION_GOLDEN];
	engine->code = code;
	engine->paths |= KMLOPS_PATH_BIT(KMLOPS_PATH_CODE);
	err = check_golden(engine, KMLOPS_PATH_CODE, golden, refusal);
	return err ? err : choose_path(engine, golden, refusal);
}

/**
 * kmlops_engine_leave_code() - Take the other paths from now on
 * @engine: the engine, which may be in use
 *
 * Inferences that began before may still be in the code.
 */
void kmlops_engine_leave_code(struct kmlops_engine *engine)
{
	/* Others may list the paths meanwhile. */
	WRITE_ONCE(engine->paths,
		   engine->paths & ~KMLOPS_PATH_BIT(KMLOPS_PATH_CODE));
	take_quickest(engine);
}

/* After kmlops_engine_leave_code(), when none is in the code any more. */
void kmlops_engine_drop_code(struct kmlops_engine *engine)
{
	engine->code = NULL;
}

void kmlops_engine_destroy(struct kmlops_engine *engine)
{
	if (!engine)
		return;
	kmlops_mlp_destroy(engine->mlp);
	kmlops_tree_destroy(engine->tree);
	kmlops_forest_destroy(engine->forest);
	kmlops_free(engine);
}
