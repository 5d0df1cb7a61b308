// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether this kernel has what the programs of a collector attach to and read.
 * A BPF object says that by the names of its sections; one that begins with ?
 * has a program that the collector can do without.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <json-c/json.h>
#include <linux/bpf.h>

#include "collector.h"
#include "kmlopsctl.h"
#include "netlink.h"
#include "poller.h"

static void add(struct json_object *to, char *text)
{
	json_object_array_add(to, json_object_new_string(text));
	free(text);
}

/* What the BTF of this kernel says; read once, it is large. */
static const struct btf *kernel_btf(void)
{
	static struct btf *btf;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	return btf;
}

/* A tracepoint that BPF programs can attach to has a typedef of its own. */
static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char *type = xprintf("btf_trace_%s", name);
	bool found = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;

	free(type);
	return found;
}

/*
 * What a program of this section would attach to, but is not there: a sentence
 * to be freed, or NULL.
 */
static char *hook_missing(const struct btf *btf, const char *section)
{
	const char *name = strrchr(section, '/');

	if (!name++)
		return NULL;
	if (!strncmp(section, "tp_btf/", 7) || !strncmp(section, "tracepoint/", 11))
		return has_tracepoint(btf, name) ? NULL :
		       xprintf("the kernel has no tracepoint %s", name);
	/* Functions that the compiler has made part of others are not in it. */
	if (btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) <= 0)
		return xprintf("the kernel has no function %s to attach to", name);
	return NULL;
}

/*
 * The address of a per-CPU variable is in kallsyms only with
 * CONFIG_KALLSYMS_ALL: let the verifier look it up, in a program of one load.
 */
static bool has_address(int id)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_BTF_ID, .imm = id },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL",
			       insns, sizeof(insns) / sizeof(insns[0]), NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ENOENT;
}

static char *variable_missing(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);

	if (id < 0)
		return xprintf("the kernel's BTF has no variable %s", name);
	if (!has_address(id))
		return xprintf("the kernel does not know the address of its variable %s (CONFIG_KALLSYMS_ALL)",
			       name);
	return NULL;
}

/* Variables of the kernel that the object reads, as its BTF lists them. */
static void check_variables(const struct btf *kernel, struct bpf_object *object,
			    struct json_object *missing)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, ".ksyms", BTF_KIND_DATASEC), i;
	const struct btf_type *section, *type;
	const struct btf_var_secinfo *entry;
	char *reason;

	if (id <= 0)
		return;
	section = btf__type_by_id(btf, id);
	entry = btf_var_secinfos(section);
	for (i = 0; i < btf_vlen(section); i++) {
		const char *name;

		type = btf__type_by_id(btf, entry[i].type);
		name = btf__name_by_offset(btf, type->name_off);
		/* libbpf has put that one in, in place of the kfuncs. */
		if (!btf_is_var(type) || !strcmp(name, "dummy_ksym"))
			continue;
		reason = variable_missing(kernel, name);
		if (reason)
			add(missing, reason);
	}
}

static void check_object(const struct collector *c, struct collector_needs *needs)
{
	const struct btf *btf = kernel_btf();
	struct bpf_program *prog;
	struct bpf_object *object;
	size_t size;
	const void *elf = c->elf(&size);

	if (!btf) {
		add(needs->missing,
		    xstrdup("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"));
		return;
	}
	object = bpf_object__open_mem(elf, size, NULL);
	if (!object) {
		add(needs->missing, xprintf("its BPF object cannot be opened: %s",
					    strerror(errno)));
		return;
	}
	bpf_object__for_each_program(prog, object) {
		const char *section = bpf_program__section_name(prog);
		char *reason = hook_missing(btf, section);

		if (reason)
			add(bpf_program__autoload(prog) ? needs->missing :
							  needs->without, reason);
		else
			json_object_array_add(needs->hooks,
					      json_object_new_string(section));
	}
	check_variables(btf, object, needs->missing);
	bpf_object__close(object);
}

void collector_needs(const struct collector *c, struct collector_needs *needs)
{
	struct nlc_info info;

	needs->hooks = json_object_new_array();
	needs->missing = json_object_new_array();
	needs->without = json_object_new_array();
	if (nlc_info(&info) == NLC_NO_MODULE)
		add(needs->missing, xstrdup("kernmlops.ko is not loaded"));
	if (c->elf)
		check_object(c, needs);
	else
		poller_needs(c->poller, needs);
}

void collector_needs_free(struct collector_needs *needs)
{
	json_object_put(needs->hooks);
	json_object_put(needs->missing);
	json_object_put(needs->without);
}

struct bpf_object *collector_open(const struct collector *c)
{
	struct bpf_program *prog;
	struct bpf_object *object;
	size_t size;
	const void *elf = c->elf(&size);

	object = bpf_object__open_mem(elf, size, NULL);
	if (!object)
		return NULL;
	bpf_object__for_each_program(prog, object) {
		char *reason;

		if (bpf_program__autoload(prog))
			continue;
		reason = hook_missing(kernel_btf(),
				      bpf_program__section_name(prog));
		if (!reason)
			bpf_program__set_autoload(prog, true);
		free(reason);
	}
	return object;
}
