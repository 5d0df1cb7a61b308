// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmlopsctl model compile: model file -> C -> kernel module.
 *
 * The C is tried here first, as a shared object: it must give what the engine
 * gives, on the golden vectors and on random ones, and of two ways to write a
 * tree the quicker one is taken. The module then carries the model file too;
 * the kernel admits it as it does any other, and runs the golden vectors on
 * the code.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "compile.h"
#include "model.h"
#include "output.h"
#include "trial.h"

/* Where 'make install' puts what a module that uses kernmlops.ko needs. */
#ifndef KMLOPS_DEVEL
#define KMLOPS_DEVEL "/usr/local/lib/kernmlops"
#endif

struct compile {
	const char *name;	/* of the model */
	const char *path;	/* of its file */
	char *ident;		/* the name as C and Kbuild can have it */
	char *dir;		/* where everything is written */
	const char *kernel;	/* headers to build against */
	const char *devel;	/* Module.symvers and kernmlops.h */
	int style;		/* CODE_STYLES: the quicker one */
	bool load;
	struct trial trial;
	uint64_t ns[CODE_STYLES];	/* of one inference here, 0: not tried */
};

/* Leaves infer.h in the style that was asked for, or that is quickest here. */
static int write_best(struct compile *c)
{
	int style, code = DONE;
	uint64_t bytes;

	if (!trial_has_trees(&c->trial))
		c->style = CODE_TABLES;
	if (c->style == CODE_STYLES) {
		for (style = 0; style < CODE_STYLES && code == DONE; style++)
			code = trial_code(&c->trial, style, &c->ns[style],
					  &bytes);
		if (code != DONE)
			return code;
		c->style = c->ns[CODE_BRANCHES] <= c->ns[CODE_TABLES] ?
			   CODE_BRANCHES : CODE_TABLES;
	}
	return trial_code(&c->trial, c->style, &c->ns[c->style], &bytes);
}

static int write_module(const struct compile *c)
{
	char *source = xprintf("kmlops_model_%s.c", c->ident);
	FILE *out;
	int code;

	out = trial_create(&c->trial, "model.kmml");
	code = REFUSED;
	if (!out)
		goto out;
	fwrite(c->trial.file, 1, c->trial.size, out);
	code = trial_close(&c->trial, out, "model.kmml");
	if (code != DONE)
		goto out;

	out = trial_create(&c->trial, source);
	code = REFUSED;
	if (!out)
		goto out;
	/* Put together, as a tag that is not of this file would be taken for its own. */
	fprintf(out,
		"// %s-License-Identifier: GPL-2.0-only\n"
		"/* Model %s as code: a path of the model that kernmlops.ko makes of its file. */\n"
		"#include <linux/module.h>\n"
		"#include \"kernmlops.h\"\n"
		"#include \"infer.h\"\n\n"
		"extern const u8 model_file[], model_file_end[];\n\n"
		"asm(\".pushsection .rodata\\n\"\n"
		"    \".balign 8\\n\"\n"
		"    \"model_file: .incbin \\\"\" KMLOPS_MODEL_FILE \"\\\"\\n\"\n"
		"    \"model_file_end:\\n\"\n"
		"    \".popsection\\n\");\n\n"
		"static struct kernmlops_code code = {\n"
		"\t.name = \"%s\",\n"
		"\t.file = model_file,\n"
		"\t.infer = infer,\n"
		"};\n\n"
		"static char *path;\n"
		"module_param(path, charp, 0444);\n"
		"MODULE_PARM_DESC(path, \"Path to take instead of the quickest: code, scalar, avx2 or avx512\");\n\n"
		"static int __init model_init(void)\n{\n"
		"\tcode.path = path;\n"
		"\tcode.size = model_file_end - model_file;\n"
		"\treturn kernmlops_code_register(&code);\n}\n\n"
		"static void __exit model_exit(void)\n{\n"
		"\tkernmlops_code_unregister(&code);\n}\n\n"
		"module_init(model_init);\nmodule_exit(model_exit);\n"
		"MODULE_DESCRIPTION(\"KernMLOps model %s\");\n"
		"MODULE_LICENSE(\"GPL\");\n",
		"SPDX", c->name, c->name, c->name);
	code = trial_close(&c->trial, out, source);
	if (code != DONE)
		goto out;

	out = trial_create(&c->trial, "Kbuild");
	code = REFUSED;
	if (!out)
		goto out;
	fprintf(out,
		"# %s-License-Identifier: GPL-2.0-only\n"
		"obj-m := kmlops_model_%s.o\n"
		"ccflags-y := -I$(KERNMLOPS)/kmod -I$(KERNMLOPS)/uapi -DKMLOPS_MODEL_FILE='\"$(src)/model.kmml\"'\n",
		"SPDX", c->ident);
	code = trial_close(&c->trial, out, "Kbuild");
out:
	free(source);
	return code;
}

static int build_module(const struct compile *c)
{
	char *module = realpath(c->dir, NULL);
	char *devel = realpath(c->devel, NULL);
	char *m = xprintf("M=%s", module ? module : c->dir);
	char *symbols, *headers, *make = getenv("MAKE");
	int code;

	if (!devel) {
		code = fail(REFUSED, errno,
			    "cannot find %s, the development files of kernmlops.ko: %s",
			    c->devel, strerror(errno));
		goto out;
	}
	symbols = xprintf("KBUILD_EXTRA_SYMBOLS=%s/Module.symvers", devel);
	headers = xprintf("KERNMLOPS=%s", devel);
	code = trial_run("the build of the module", (char *const []){
		make ? make : "make", "-C", (char *)c->kernel, "-s", m, symbols,
		headers, "modules", NULL });
	free(headers);
	free(symbols);
out:
	free(m);
	free(devel);
	free(module);
	return code;
}

static int load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), code = DONE;

	if (fd < 0)
		return fail(REFUSED, errno, "cannot read %s: %s", path,
			    strerror(errno));
	if (syscall(SYS_finit_module, fd, "", 0))
		code = fail(REFUSED, errno, "cannot load %s: %s%s", path,
			    strerror(errno), errno == EEXIST ?
			    "; rmmod the one of that name first" : "");
	close(fd);
	return code;
}

static void report(const struct compile *c, const char *module)
{
	if (opt_json()) {
		struct json_object *json = json_object_new_object();
		int style;

		json_add_string(json, "name", c->name);
		json_add_string(json, "module", module);
		if (trial_has_trees(&c->trial))
			json_add_string(json, "style", code_style_names[c->style]);
		for (style = 0; style < CODE_STYLES; style++) {
			char *key = xprintf("%s_ns", trial_has_trees(&c->trial) ?
					    code_style_names[style] : "code");

			if (c->ns[style])
				json_add_uint(json, key, c->ns[style]);
			free(key);
		}
		json_object_object_add(json, "loaded",
				       json_object_new_boolean(c->load));
		out_json(json);
		return;
	}
	printf("%s%s\n", module, c->load ? ": loaded" : "");
	if (trial_has_trees(&c->trial) && c->ns[CODE_BRANCHES] && c->ns[CODE_TABLES])
		printf("written with %s: %" PRIu64 " ns here, %" PRIu64 " ns with %s\n",
		       code_style_names[c->style], c->ns[c->style],
		       c->ns[!c->style], code_style_names[!c->style]);
	else
		printf("%" PRIu64 " ns here\n", c->ns[c->style]);
}

static int compile(struct compile *c)
{
	char *module;
	int code;

	if (mkdir(c->dir, 0777) && errno != EEXIST)
		return fail(REFUSED, errno, "cannot make %s: %s", c->dir,
			    strerror(errno));
	code = write_best(c);
	if (code == DONE)
		code = write_module(c);
	if (code == DONE)
		code = build_module(c);
	if (code != DONE)
		return code;

	module = xprintf("%s/kmlops_model_%s.ko", c->dir, c->ident);
	if (c->load)
		code = load_module(module);
	if (code == DONE)
		report(c, module);
	free(module);
	return code;
}

/* Where Debian and others keep the headers of the running kernel. */
static char *running_kernel(void)
{
	struct utsname name;

	uname(&name);
	return xprintf("/lib/modules/%s/build", name.release);
}

int model_compile(struct args *args)
{
	static const char *const words[] = {
		"file", "output", "kernel", "devel", "style", "load", NULL
	};
	struct compile c = { .devel = KMLOPS_DEVEL, .style = CODE_STYLES };
	uint8_t *file = NULL;
	char *kernel;
	int code, word;
	size_t size;
	char *at;

	c.name = args_next(args, "the name of the model");
	if (!c.name)
		return USAGE;
	while (!args_empty(args)) {
		const char *value = NULL;

		word = args_word(args, "the word file, output, kernel, devel, style or load",
				 words);
		if (word < 0)
			return USAGE;
		if (word < 5) {
			value = args_next(args, "what follows");
			if (!value)
				return USAGE;
		}
		switch (word) {
		case 0:
			c.path = value;
			break;
		case 1:
			c.dir = xstrdup(value);
			break;
		case 2:
			c.kernel = value;
			break;
		case 3:
			c.devel = value;
			break;
		case 4:
			c.style = word_find("style", value, code_style_names);
			if (c.style < 0)
				return USAGE;
			break;
		default:
			c.load = true;
		}
	}
	if (!c.path)
		return fail_usage("the word file and the name of the file are missing");

	for (at = (char *)c.name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("_-.+", *at))
			return fail_usage("a model with %c in its name cannot be compiled",
					  *at);
	code = model_read_file(c.path, &file, &size);
	if (code != DONE)
		return code;
	c.ident = xstrdup(c.name);
	for (at = c.ident; *at; at++)
		if (!isalnum((unsigned char)*at))
			*at = '_';
	if (!c.dir)
		c.dir = xprintf("kmlops_model_%s", c.ident);
	kernel = running_kernel();
	if (!c.kernel)
		c.kernel = kernel;

	c.trial.name = c.name;
	c.trial.dir = c.dir;
	code = trial_begin(&c.trial, c.path, file, size);
	if (code == DONE)
		code = compile(&c);
	trial_end(&c.trial);
	free(kernel);
	free(c.dir);
	free(c.ident);
	free(file);
	return code;
}
