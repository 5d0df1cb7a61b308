/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * libkmlops: the model engines of kernmlops.ko in user space.
 *
 * It is built from the source files of the kernel module, so a model that
 * loads here loads there, and gives the same outputs to the bit.
 *
 * A model does not change once it is open, but for kmlops_model_use_path(): any
 * number of threads may use it at the same time.
 */
#ifndef KMLOPS_H
#define KMLOPS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for the longest sentence of a refusal, with the final NUL. */
#define KMLOPS_WHY_LEN	128

struct kmlops_model_handle;

/**
 * struct kmlops_model_info - What a model is
 * @kind: enum kmlops_model_kind of <linux/kernmlops_model.h>
 * @task: enum kmlops_model_task of the same header
 * @nr_inputs: words of an input vector
 * @nr_outputs: words of an output vector: the answer, then the scores
 * @fraction_bits: scores are fixed point with this many fraction bits
 * @depth: most comparisons from a root to a leaf; 0 of layers
 * @golden: golden vectors that were reproduced when it was opened
 * @nr_layers: layers of a linear model or MLP, else 0
 * @nr_trees: trees of a tree, forest or boosted trees, else 0
 * @nr_nodes: nodes of all trees
 * @nr_paths: ways to compute that the model has on this machine
 * @path: which of them it takes: the quickest, as tried when it was opened
 * @fingerprint: fingerprint of the input names
 * @bytes: memory that the model takes
 * @work: most multiply-accumulates or comparisons of one inference
 */
struct kmlops_model_info {
	uint32_t kind;
	uint32_t task;
	uint32_t nr_inputs;
	uint32_t nr_outputs;
	uint32_t fraction_bits;
	uint32_t depth;
	uint32_t golden;
	uint32_t nr_layers;
	uint32_t nr_trees;
	uint32_t nr_nodes;
	uint32_t nr_paths;
	uint32_t path;
	uint64_t fingerprint;
	uint64_t bytes;
	uint64_t work;
};

/* The least and the greatest that a number can be, whatever the inputs. */
struct kmlops_bounds {
	int64_t min;
	int64_t max;
};

/**
 * struct kmlops_layer_bounds - What was proved of a layer
 * @nr_inputs: its inputs
 * @nr_outputs: its channels
 * @acc_min_channel: the channel with the least accumulator
 * @acc_max_channel: the channel with the greatest one
 * @acc: accumulators, the bias included; they fit 32 bits
 * @requantized: accumulators after requantization
 * @output: outputs
 * @work: multiply-accumulates
 * @bytes: memory
 */
struct kmlops_layer_bounds {
	uint32_t nr_inputs;
	uint32_t nr_outputs;
	uint32_t acc_min_channel;
	uint32_t acc_max_channel;
	struct kmlops_bounds acc;
	struct kmlops_bounds requantized;
	struct kmlops_bounds output;
	uint64_t work;
	uint64_t bytes;
};

/**
 * struct kmlops_path_info - A way to compute
 * @name: scalar, avx2 or avx512
 * @time: nanoseconds of an inference, as tried when the model was opened
 */
struct kmlops_path_info {
	const char *name;
	uint64_t time;
};

/**
 * kmlops_model_open() - Verify the model file at a path and make it compute
 * @path: name of the file
 * @why: receives a sentence on error, KMLOPS_WHY_LEN bytes; may be NULL
 *
 * Makes the checks of the kernel, the golden vectors included.
 *
 * Return: the model, to be closed with kmlops_model_close(), or NULL with
 *   errno set: EBADMSG for a wrong checksum or golden vector, EINVAL for other
 *   faults of the content, EOPNOTSUPP for a kind without engine, ENOMEM, or
 *   what reading the file failed with.
 */
struct kmlops_model_handle *kmlops_model_open(const char *path, char *why);

/**
 * kmlops_model_open_buffer() - The same for a model file in memory
 * @file: the content of the file, at any address; not needed afterwards
 * @size: its bytes
 * @why: receives a sentence on error, KMLOPS_WHY_LEN bytes; may be NULL
 *
 * Return: as kmlops_model_open().
 */
struct kmlops_model_handle *kmlops_model_open_buffer(const void *file,
						     size_t size, char *why);

/**
 * kmlops_verify() - Tell whether the kernel would accept a model file
 * @file: the content of the file, at any address
 * @size: its bytes
 * @why: receives a sentence on error, KMLOPS_WHY_LEN bytes; may be NULL
 *
 * Budgets of the kernel are not looked at: they are its administrator's. For
 * the proof, open the model and ask with kmlops_model_layer() and
 * kmlops_model_score().
 *
 * Return: 0, or a negative error number as kmlops_model_open() sets it.
 */
int kmlops_verify(const void *file, size_t size, char *why);

/**
 * kmlops_model_info() - Tell what a model is
 * @model: the model
 *
 * Return: its description, valid until the model is closed.
 */
const struct kmlops_model_info *
kmlops_model_info(const struct kmlops_model_handle *model);

/**
 * kmlops_model_input_name() - Name of an input
 * @model: the model
 * @index: place in the input vector, from 0
 *
 * Return: the name, valid until the model is closed, or NULL if there is no
 *   such input.
 */
const char *kmlops_model_input_name(const struct kmlops_model_handle *model,
				    uint32_t index);

/**
 * kmlops_model_layer() - What was proved of a layer
 * @model: the model
 * @index: the layer, from 0, the first one first
 * @bounds: receives the proof
 *
 * Return: 0, or -EINVAL if there is no such layer.
 */
int kmlops_model_layer(const struct kmlops_model_handle *model, uint32_t index,
		       struct kmlops_layer_bounds *bounds);

/**
 * kmlops_model_score() - What was proved of a score
 * @model: the model
 * @index: the score, from 0: word 1 + @index of the output vector
 * @bounds: receives what it can be, before the link of a binary model. Of
 *   layers, what any of the scores can be.
 *
 * Return: 0, or -EINVAL if there is no such score.
 */
int kmlops_model_score(const struct kmlops_model_handle *model, uint32_t index,
		       struct kmlops_bounds *bounds);

/**
 * kmlops_model_path() - A way to compute that the model has on this machine
 * @model: the model
 * @index: the path, from 0; the first one is scalar
 * @path: receives its name, valid for ever, and how long it takes
 *
 * Return: 0, or -EINVAL if there is no such path.
 */
int kmlops_model_path(const struct kmlops_model_handle *model, uint32_t index,
		      struct kmlops_path_info *path);

/**
 * kmlops_model_use_path() - Take a path even if it is not the quickest
 * @model: the model, which no other thread may be using
 * @name: name of the path
 *
 * All paths give the same outputs to the bit.
 *
 * Return: 0, -EINVAL if there is no such path, or -EOPNOTSUPP if the model does
 *   not have it on this machine.
 */
int kmlops_model_use_path(struct kmlops_model_handle *model, const char *name);

/**
 * kmlops_infer() - Run a model
 * @model: the model
 * @in: the input vector
 * @in_words: its length: as many words as the model has inputs
 * @out: receives the output vector; must not overlap @in
 * @out_words: its length, 1 to nr_outputs; the rest is left out
 *
 * Allocates nothing and takes no lock.
 *
 * Return: 0, or -EINVAL if a length does not fit the model.
 */
int kmlops_infer(const struct kmlops_model_handle *model, const int64_t *in,
		 size_t in_words, int64_t *out, size_t out_words);

/**
 * kmlops_model_close() - Free a model
 * @model: the model, or NULL
 */
void kmlops_model_close(struct kmlops_model_handle *model);

#ifdef __cplusplus
}
#endif

#endif /* KMLOPS_H */
