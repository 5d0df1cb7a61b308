// SPDX-License-Identifier: GPL-2.0-only
/* Models run here, to compare and to take their time. */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmlopsctl.h"
#include "trial.h"
#include "when.h"

#define TRIAL_VECTORS	4096
#define TRIAL_ROUNDS	16

typedef void (*infer_func)(const int64_t *in, int64_t *scores);

FILE *trial_create(const struct trial *trial, const char *name)
{
	char *path = xprintf("%s/%s", trial->dir, name);
	FILE *file = fopen(path, "we");

	if (!file)
		fail(REFUSED, errno, "cannot write %s: %s", path,
		     strerror(errno));
	free(path);
	return file;
}

int trial_close(const struct trial *trial, FILE *file, const char *name)
{
	bool failed = ferror(file);

	if (fclose(file) || failed)
		return fail(REFUSED, errno, "cannot write %s/%s: %s",
			    trial->dir, name, strerror(errno));
	return DONE;
}

bool trial_has_trees(const struct trial *trial)
{
	return trial->model.kind != KMLOPS_MODEL_KIND_LINEAR &&
	       trial->model.kind != KMLOPS_MODEL_KIND_MLP;
}

static int write_infer(const struct trial *trial, enum code_style style)
{
	const struct kmlops_model_header *header = trial->file;
	FILE *out = trial_create(trial, "infer.h");

	if (!out)
		return REFUSED;
	fprintf(out,
		"/* Model %s as C, made of the model file with CRC %08x. */\n"
		"#ifdef __KERNEL__\n#include <linux/types.h>\n#else\n"
		"#include <stdint.h>\n"
		"#define noinline __attribute__((noinline))\n"
		"typedef int8_t s8;\ntypedef int16_t s16;\ntypedef int32_t s32;\n"
		"typedef int64_t s64;\ntypedef uint16_t u16;\ntypedef uint32_t u32;\n"
		"typedef uint64_t u64;\n#endif\n\n",
		trial->name, le32_to_cpu(header->crc));
	if (trial_has_trees(trial))
		code_trees(out, &trial->model, style);
	else
		code_layers(out, &trial->model);
	return trial_close(trial, out, "infer.h");
}

int trial_run(const char *what, char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		/* A make that runs us is none of its business. */
		unsetenv("MAKE");
		unsetenv("MAKEFLAGS");
		unsetenv("MAKELEVEL");
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return fail(REFUSED, errno, "cannot run %s: %s", argv[0],
			    strerror(errno));
	if (status)
		return fail(REFUSED, ENOEXEC, "%s failed", what);
	return DONE;
}

/* splitmix64 */
static uint64_t random_u64(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/*
 * The golden inputs, then random ones: within the ranges of the model, so that
 * the time means something, but each 16th beyond.
 */
static int64_t *make_vectors(const struct kmlops_model_file *model)
{
	const struct kmlops_section *golden =
		&model->sections[KMLOPS_MODEL_SECTION_GOLDEN];
	uint32_t n = model->nr_inputs, stride = n + 1 + model->nr_scores;
	int64_t *vectors = xalloc(TRIAL_VECTORS * n * sizeof(*vectors));
	const int64_t *from = golden->data;
	uint64_t state = model->fingerprint;
	uint32_t v, i;

	for (v = 0; v < TRIAL_VECTORS; v++) {
		for (i = 0; i < n; i++) {
			int64_t min = le64_to_cpu(model->inputs[i].min);
			uint64_t span = (uint64_t)le64_to_cpu(model->inputs[i].max) - min + 1;
			uint64_t random = random_u64(&state);

			if (v < golden->count)
				vectors[v * n + i] = le64_to_cpu(from[v * stride + i]);
			else if (v % 16)
				vectors[v * n + i] = min + (span ? random % span : random);
			else
				vectors[v * n + i] = random;
		}
	}
	return vectors;
}

int trial_begin(struct trial *trial, const char *path, void *file, size_t size)
{
	struct kmlops_refusal refusal = { "" };
	int err;

	trial->file = file;
	trial->size = size;
	trial->engine = kmlops_engine_create(file, size, &err, &refusal);
	if (!trial->engine)
		return fail(UNVERIFIED, -err, "%s: %s", path, refusal.text);
	kmlops_model_file_parse(file, size, &trial->model, &refusal);
	trial->vectors = make_vectors(&trial->model);
	return DONE;
}

void trial_end(struct trial *trial)
{
	kmlops_engine_destroy(trial->engine);
	free(trial->vectors);
}

/* One round, in nanoseconds. */
static uint64_t round_of_path(const struct trial *trial, enum kmlops_path path)
{
	int64_t out[KMLOPS_MODEL_SCORES_MAX + 1];
	uint64_t start = when_now();
	uint32_t v;

	for (v = 0; v < TRIAL_VECTORS; v++)
		kmlops_engine_infer_path(trial->engine, path,
					 &trial->vectors[v * trial->model.nr_inputs],
					 out, trial->engine->nr_outputs);
	return when_now() - start;
}

static uint64_t round_of_code(const struct trial *trial, infer_func infer)
{
	int64_t scores[KMLOPS_MODEL_SCORES_MAX + 1];
	int64_t out[KMLOPS_MODEL_SCORES_MAX + 1];
	uint64_t start = when_now();
	uint32_t v;

	for (v = 0; v < TRIAL_VECTORS; v++) {
		infer(&trial->vectors[v * trial->model.nr_inputs], scores);
		kmlops_engine_give_out(trial->engine, scores, out,
				       trial->engine->nr_outputs);
	}
	return when_now() - start;
}

static uint64_t per_inference(uint64_t round)
{
	round /= TRIAL_VECTORS;
	return round ? round : 1;
}

uint64_t trial_path(const struct trial *trial, enum kmlops_path path)
{
	uint64_t best = UINT64_MAX, ns;
	int round;

	for (round = 0; round < TRIAL_ROUNDS; round++) {
		ns = round_of_path(trial, path);
		best = ns < best ? ns : best;
	}
	return per_inference(best);
}

/* The code against the engine. */
static int compare(const struct trial *trial, infer_func infer)
{
	size_t bytes = trial->engine->nr_outputs * sizeof(int64_t);
	int64_t expected[KMLOPS_MODEL_SCORES_MAX + 1];
	int64_t scores[KMLOPS_MODEL_SCORES_MAX + 1];
	int64_t got[KMLOPS_MODEL_SCORES_MAX + 1];
	uint32_t v;

	for (v = 0; v < TRIAL_VECTORS; v++) {
		const int64_t *in = &trial->vectors[v * trial->model.nr_inputs];

		kmlops_engine_infer(trial->engine, in, expected,
				    trial->engine->nr_outputs);
		infer(in, scores);
		kmlops_engine_give_out(trial->engine, scores, got,
				       trial->engine->nr_outputs);
		if (memcmp(got, expected, bytes))
			return fail(UNVERIFIED, EBADMSG,
				    "the code of %s gives something else than the engine on vector %u: please report this",
				    trial->name, v);
	}
	return DONE;
}

static int measure(const struct trial *trial, const char *object, uint64_t *ns)
{
	uint64_t best = UINT64_MAX, took;
	void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
	infer_func infer = handle ? (infer_func)dlsym(handle, "trial") : NULL;
	int code, round;

	if (!infer)
		return fail(REFUSED, ENOEXEC, "cannot try the code: %s",
			    dlerror());
	code = compare(trial, infer);
	for (round = 0; round < TRIAL_ROUNDS && code == DONE; round++) {
		took = round_of_code(trial, infer);
		best = took < best ? took : best;
	}
	*ns = per_inference(best);
	dlclose(handle);
	return code;
}

/* What an object takes in memory. */
static uint64_t bytes_of(const char *object)
{
	FILE *file = fopen(object, "rbe");
	uint64_t bytes = 0;
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	int i;

	if (!file)
		return 0;
	if (fread(&header, sizeof(header), 1, file) == 1 &&
	    !fseek(file, header.e_phoff, SEEK_SET))
		for (i = 0; i < header.e_phnum &&
		     fread(&segment, sizeof(segment), 1, file) == 1; i++)
			if (segment.p_type == PT_LOAD)
				bytes += segment.p_memsz;
	fclose(file);
	return bytes;
}

int trial_code(const struct trial *trial, enum code_style style, uint64_t *ns,
	       uint64_t *bytes)
{
	char *source = xprintf("%s/trial.c", trial->dir);
	char *object = xprintf("%s/trial.so", trial->dir);
	char *const argv[] = {
		"cc", "-O2", "-std=gnu11", "-mgeneral-regs-only",
		"-fno-strict-overflow", "-fPIC", "-shared", "-o", object,
		source, NULL
	};
	FILE *out;
	int code;

	code = write_infer(trial, style);
	if (code != DONE)
		goto out;
	out = trial_create(trial, "trial.c");
	code = REFUSED;
	if (!out)
		goto out;
	fputs("#include \"infer.h\"\n\n"
	      "void trial(const s64 *in, s64 *scores)\n{\n\tinfer(in, scores);\n}\n",
	      out);
	code = trial_close(trial, out, "trial.c");
	if (code == DONE)
		code = trial_run("the compiler", argv);
	if (code == DONE)
		code = measure(trial, object, ns);
	if (code == DONE)
		*bytes = bytes_of(object);
out:
	unlink(source);
	unlink(object);
	free(object);
	free(source);
	return code;
}
