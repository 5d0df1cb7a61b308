// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl feature: what this kernel offers. Never an error: it is to help. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "kmlopsctl.h"
#include "netlink.h"
#include "output.h"

#define MODULE_NAME	"kernmlops"

static const char help[] = "kmlopsctl feature probe\n";

static const char *const kfuncs[] = {
	"kmlops_capture_feature", "kmlops_get_feature", "kmlops_infer",
};

#define NR_KFUNCS	(sizeof(kfuncs) / sizeof(kfuncs[0]))

struct features {
	struct utsname kernel;
	bool has_btf;
	bool has_bpffs;
	int jit;			/* -1: cannot be read */
	char lockdown[32];		/* empty: cannot be read */
	int sig_enforce;		/* -1: cannot be read */
	int loaded;			/* 0, or why not: a negative errno */
	struct nlc_info info;
	bool has_kfunc[NR_KFUNCS];
};

/* The first line of a small file, false if it cannot be read. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(line, size, file);

	if (file)
		fclose(file);
	if (good)
		line[strcspn(line, "\n")] = 0;
	return good;
}

static int read_flag(const char *path)
{
	char line[16];

	if (!read_line(path, line, sizeof(line)))
		return -1;
	return *line != '0' && *line != 'N';
}

/* The word in brackets of "none [integrity] confidentiality". */
static void read_lockdown(char *word, size_t size)
{
	char line[128], *from, *to;

	if (!read_line("/sys/kernel/security/lockdown", line, sizeof(line)))
		return;
	from = strchr(line, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to)
		snprintf(word, size, "%.*s", (int)(to - from - 1), from + 1);
}

/* Programs find a kfunc by its name in the BTF of the module. */
static void find_kfuncs(bool *has_kfunc)
{
	struct btf *base = NULL, *btf = NULL;
	size_t i;

	if (access("/sys/kernel/btf/" MODULE_NAME, R_OK))
		return;
	base = btf__load_vmlinux_btf();
	if (base)
		btf = btf__load_module_btf(MODULE_NAME, base);
	for (i = 0; btf && i < NR_KFUNCS; i++)
		has_kfunc[i] = btf__find_by_name_kind(btf, kfuncs[i],
						      BTF_KIND_FUNC) > 0;
	btf__free(btf);
	btf__free(base);
}

static void probe(struct features *f)
{
	struct statfs fs;

	*f = (struct features){ 0 };
	uname(&f->kernel);
	f->has_btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	f->has_bpffs = !statfs("/sys/fs/bpf", &fs) &&
		       fs.f_type == BPF_FS_MAGIC;
	f->jit = read_flag("/proc/sys/net/core/bpf_jit_enable");
	f->sig_enforce = read_flag("/sys/module/module/parameters/sig_enforce");
	read_lockdown(f->lockdown, sizeof(f->lockdown));
	f->loaded = nlc_info(&f->info);
	find_kfuncs(f->has_kfunc);
}

static void add_flag(struct json_object *json, const char *name, int flag)
{
	json_object_object_add(json, name,
			       flag < 0 ? NULL : json_object_new_boolean(flag));
}

static void print_json(const struct features *f)
{
	struct json_object *json = json_object_new_object();
	struct json_object *kernel = json_object_new_object();
	struct json_object *module = json_object_new_object();
	struct json_object *found = json_object_new_object();
	size_t i;

	json_add_string(kernel, "release", f->kernel.release);
	json_add_string(kernel, "machine", f->kernel.machine);
	add_flag(kernel, "btf", f->has_btf);
	add_flag(kernel, "bpffs", f->has_bpffs);
	add_flag(kernel, "jit", f->jit);
	json_object_object_add(kernel, "lockdown", f->lockdown[0] ?
			       json_object_new_string(f->lockdown) : NULL);
	add_flag(kernel, "module_signatures_enforced", f->sig_enforce);
	json_object_object_add(json, "kernel", kernel);

	add_flag(module, "loaded", !f->loaded);
	if (!f->loaded) {
		json_add_string(module, "version", f->info.version);
		json_add_uint(module, "stores", f->info.stores);
		json_add_uint(module, "models", f->info.models);
		json_add_uint(module, "stores_max", f->info.stores_max);
		json_add_uint(module, "models_max", f->info.models_max);
		json_add_uint(module, "store_bytes_max",
			      f->info.store_bytes_max);
		json_add_uint(module, "model_bytes_max",
			      f->info.model_bytes_max);
	}
	json_object_object_add(json, "module", module);

	for (i = 0; i < NR_KFUNCS; i++)
		add_flag(found, kfuncs[i], f->has_kfunc[i]);
	json_object_object_add(json, "kfuncs", found);
	out_json(json);
}

static const char *yes_no(int flag)
{
	return flag < 0 ? "unknown" : flag ? "yes" : "no";
}

__attribute__((format(printf, 2, 3)))
static void print_fact(const char *name, const char *fmt, ...)
{
	va_list args;

	printf("%-30s  ", name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static void print_text(const struct features *f)
{
	char bytes[HUMAN_LEN];
	size_t i;

	print_fact("kernel", "%s %s", f->kernel.release, f->kernel.machine);
	print_fact("BTF of the kernel", "%s", yes_no(f->has_btf));
	print_fact("BPF file system", "%s", yes_no(f->has_bpffs));
	print_fact("BPF compiler (JIT)", "%s", yes_no(f->jit));
	print_fact("lockdown", "%s", f->lockdown[0] ? f->lockdown : "unknown");
	print_fact("module signatures enforced", "%s", yes_no(f->sig_enforce));
	if (f->loaded) {
		print_fact("kernmlops.ko", "not loaded");
	} else {
		print_fact("kernmlops.ko", "version %s", f->info.version);
		print_fact("stores", "%u of at most %u, each at most %s",
			   f->info.stores, f->info.stores_max,
			   human_bytes(bytes, f->info.store_bytes_max));
		print_fact("models", "%u of at most %u, each at most %s",
			   f->info.models, f->info.models_max,
			   human_bytes(bytes, f->info.model_bytes_max));
	}
	for (i = 0; i < NR_KFUNCS; i++) {
		char *name = xprintf("kfunc %s", kfuncs[i]);

		print_fact(name, "%s", yes_no(f->has_kfunc[i]));
		free(name);
	}
}

static int cmd_probe(struct args *args)
{
	struct features features;

	if (!args_end(args))
		return USAGE;
	probe(&features);
	if (opt_json())
		print_json(&features);
	else
		print_text(&features);
	return DONE;
}

static const struct command commands[] = {
	{ "probe", cmd_probe },
	{ NULL, NULL }
};

int do_feature(struct args *args)
{
	return command_run(args, "command of feature", commands, help);
}
