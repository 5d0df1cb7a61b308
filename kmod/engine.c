// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission: from a model file to an engine, or a refusal with its reason.
 *
 * An engine exists only if the file is well-formed, its content was proved to
 * be safe for any input, and its golden vectors came out to the bit.
 */
#include "engine.h"

static int check_golden(struct kmlops_engine *engine,
			const struct kmlops_section *golden,
			struct kmlops_refusal *refusal)
{
	u32 words = engine->nr_inputs + engine->nr_outputs;
	const __le64 *wire = golden->data;
	s64 *vector, *out;
	u32 i, j;
	int err = 0;

	if (!golden->count || golden->count > KMLOPS_MODEL_GOLDEN_MAX)
		return kmlops_refuse(refusal, -EINVAL,
				     "a model has 1 to %d golden vectors, this has %u",
				     KMLOPS_MODEL_GOLDEN_MAX, golden->count);

	vector = kmlops_alloc((words + engine->nr_outputs) * sizeof(*vector),
			      NUMA_NO_NODE);
	if (!vector)
		return kmlops_refuse(refusal, -ENOMEM,
				     "no memory for the golden vectors");
	out = vector + words;

	for (i = 0; i < golden->count && !err; i++, wire += words) {
		for (j = 0; j < words; j++)
			vector[j] = le64_to_cpu(wire[j]);
		kmlops_engine_infer(engine, vector, out, engine->nr_outputs);
		for (j = 0; j < engine->nr_outputs && !err; j++) {
			s64 expected = vector[engine->nr_inputs + j];

			if (out[j] != expected)
				err = kmlops_refuse(refusal, -EBADMSG,
						    "golden vector %u: output %u is %lld, not %lld",
						    i, j, (long long)out[j],
						    (long long)expected);
		}
	}
	engine->nr_golden = golden->count;
	kmlops_free(vector);
	return err;
}

/**
 * kmlops_engine_create() - Verify a model file and make it compute
 * @file: the file, at an address that is a multiple of 8; not kept
 * @size: its bytes
 * @err: receives 0, or a negative error number
 * @refusal: receives the sentence on error
 *
 * Context: process; sleeps.
 * Return: the engine, owned by the caller, or NULL.
 */
struct kmlops_engine *kmlops_engine_create(const void *file, size_t size,
					   int *err,
					   struct kmlops_refusal *refusal)
{
	struct kmlops_model_file model;
	struct kmlops_engine *engine;
	u32 i;

	*err = kmlops_model_file_parse(file, size, &model, refusal);
	if (*err)
		return NULL;
	if (model.kind != KMLOPS_MODEL_KIND_TREE) {
		*err = kmlops_refuse(refusal, -EOPNOTSUPP,
				     "there is no engine for models of kind %u",
				     model.kind);
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
	engine->nr_inputs = model.nr_inputs;
	engine->nr_outputs = 1 + model.nr_scores;
	engine->fraction_bits = model.fraction_bits;
	engine->fingerprint = model.fingerprint;
	for (i = 0; i < model.nr_inputs; i++)
		memcpy(engine->input_names[i], model.inputs[i].name,
		       sizeof(engine->input_names[i]));

	engine->tree = kmlops_tree_create(&model, err, refusal);
	if (!engine->tree)
		goto err_destroy;
	engine->bytes = struct_size(engine, input_names, model.nr_inputs) +
			kmlops_tree_bytes(&model);

	*err = check_golden(engine,
			    &model.sections[KMLOPS_MODEL_SECTION_GOLDEN],
			    refusal);
	if (*err)
		goto err_destroy;
	return engine;

err_destroy:
	kmlops_engine_destroy(engine);
	return NULL;
}

void kmlops_engine_destroy(struct kmlops_engine *engine)
{
	if (!engine)
		return;
	kmlops_tree_destroy(engine->tree);
	kmlops_free(engine);
}
