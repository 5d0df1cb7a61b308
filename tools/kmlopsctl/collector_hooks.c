// SPDX-License-Identifier: GPL-2.0-only
/* Whether this kernel has what the programs of a collector attach to and read. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
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

static void __attribute__((format(printf, 2, 3)))
add_reason(struct json_object *reasons, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) >= 0) {
		json_object_array_add(reasons, json_object_new_string(text));
		free(text);
	}
	va_end(args);
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

struct json_object *collector_missing(const struct collector *c)
{
	struct json_object *reasons = json_object_new_array();
	struct btf *btf = btf__load_vmlinux_btf();
	const char *const *name;
	struct nlc_info info;

	if (nlc_info(&info) == NLC_NO_MODULE)
		add_reason(reasons, "kernmlops.ko is not loaded");
	if (!btf) {
		add_reason(reasons, "the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
		return reasons;
	}
	for (name = c->tracepoints; *name; name++)
		if (!has_tracepoint(btf, *name))
			add_reason(reasons, "the kernel has no tracepoint %s",
				   *name);
	for (name = c->variables; *name; name++) {
		int id = btf__find_by_name_kind(btf, *name, BTF_KIND_VAR);

		if (id < 0)
			add_reason(reasons, "the kernel's BTF has no variable %s",
				   *name);
		else if (!has_address(id))
			add_reason(reasons, "the kernel does not know the address of its variable %s (CONFIG_KALLSYMS_ALL)",
				   *name);
	}
	btf__free(btf);
	return reasons;
}
