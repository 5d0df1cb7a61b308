// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the kfuncs: random BPF programs that call them with random
 * arguments, most of them such that the verifier lets them pass: branches,
 * counted loops, loops over rows in each other, functions, buffers on the stack,
 * in maps and in packets, results as arguments. Signatures are taken from the
 * types of the module, so that a new kfunc is called as soon as it is there.
 *
 * What it checks, besides that the kernel lives: nothing outside of the buffers
 * that a program gave away has changed, counters of stores add up, and nothing
 * is left that holds the module.
 *
 * test_kfuncs [PROGRAMS [SEED]]
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/kernmlops.h>
#include "../nl/client.h"
#include "../user/model_builder.h"
#include "random.h"
#include "tap.h"

#define NUMBER_OF(array)	(sizeof(array) / sizeof((array)[0]))
#define PROGRAMS	3000
#define KFUNCS_MAX	64
#define ARGS_MAX	5
#define INSNS_MAX	8192
#define INSNS_ENOUGH	1500	/* no more is begun */
#define BLOCKS_MAX	8
#define DEPTH_MAX	4
#define FUNCTIONS	2

/*
 * Registers: the last result, a buffer that was looked up or is in a packet,
 * the counter of a loop, the context.
 */
#define REG_RESULT	BPF_REG_6
#define REG_BUFFER	BPF_REG_7
#define REG_COUNTER	BPF_REG_8
#define REG_CONTEXT	BPF_REG_9

/* The stack of a program: two iterators, a key of 0, buffers; of a function. */
#define STACK_ITER(n)	(-64 * (1 + (n)))
#define STACK_KEY	(-136)
#define STACK_BUFFERS	(-144)
#define STACK_END	(-424)
#define FUNCTION_END	(-80)
#define PACKET_SIZE	64

/* Buffers: a map value of which a program gives away some ranges. */
#define ARENA		4096
#define PATTERN		0x5a

enum arg { ARG_MAP, ARG_STRING, ARG_MEMORY, ARG_SIZE, ARG_ITER, ARG_SCALAR };

struct kfunc {
	const char *name;
	int32_t id;
	uint32_t nr_args;
	enum arg args[ARGS_MAX];
};

static struct kfunc kfuncs[KFUNCS_MAX];
static uint32_t nr_kfuncs;
static struct kfunc *iter_new, *iter_next, *iter_destroy;
static int module_btf, arena, strings;
static int maps[5];
static uint8_t content[ARENA];

static const struct prog_kind {
	enum bpf_prog_type type;
	uint32_t flags;
	bool packet;		/* is run on one */
	int data;		/* where the context says where it is, if it does */
} kinds[] = {
	{ BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE },
	{ BPF_PROG_TYPE_XDP, .packet = true,
	  .data = offsetof(struct xdp_md, data) },
	{ BPF_PROG_TYPE_SCHED_CLS, .packet = true,
	  .data = offsetof(struct __sk_buff, data) },
	{ BPF_PROG_TYPE_RAW_TRACEPOINT },
	{ BPF_PROG_TYPE_SOCKET_FILTER, .packet = true },
	{ BPF_PROG_TYPE_CGROUP_SKB, .packet = true },
};

static struct bpf_insn program[INSNS_MAX];
static uint32_t program_kind;
static uint32_t length;
static bool given[ARENA];	/* bytes that the program gave away */
static bool in_function;	/* what is made is one, not the program */
static int calls_of[FUNCTIONS][64], nr_calls[FUNCTIONS];
static uint32_t iterators;	/* loops over rows around this place */
static uint32_t buffer_size;	/* of REG_BUFFER; 0: there is none */
static bool buffer_is_arena;
static uint32_t last_size;	/* most bytes of the last buffer */
static uint32_t nr_buffers;	/* of the call that is made */
static bool of_map;		/* it is given a map */

/* Names a program may give, each in its place of the map of strings. */
static const char names[][32] = { "fuzz0", "fuzz1", "fuzz2", "fuzz3", "fuzz",
				  "", "absent",
				  "a name of thirty-one characters" };

#define emit(...) emit_insn((struct bpf_insn) { __VA_ARGS__ })

static void emit_insn(struct bpf_insn insn)
{
	if (length < INSNS_MAX)
		program[length++] = insn;
}

static void emit_imm64(int to, int kind, uint32_t low, uint32_t high)
{
	emit(.code = BPF_LD | BPF_DW | BPF_IMM,
	     .dst_reg = to, .src_reg = kind, .imm = low);
	emit(.imm = high);
}

static void emit_move(int to, int32_t number)
{
	emit(.code = BPF_ALU64 | BPF_MOV | BPF_K,
	     .dst_reg = to, .imm = number);
}

static void emit_call(const struct kfunc *kfunc)
{
	emit(.code = BPF_JMP | BPF_CALL,
	     .src_reg = BPF_PSEUDO_KFUNC_CALL, .off = 1,
	     .imm = kfunc->id);
}

static void emit_copy(int to, int from)
{
	emit(.code = BPF_ALU64 | BPF_MOV | BPF_X,
	     .dst_reg = to, .src_reg = from);
}

static void emit_load(int to, int size, int from, int offset)
{
	emit(.code = BPF_LDX | BPF_MEM | size, .dst_reg = to,
	     .src_reg = from, .off = offset);
}

/* A jump whose end land() sets; returns its place. */
static uint32_t emit_jump(int condition, int reg, int kind, int src, int32_t number)
{
	emit(.code = BPF_JMP | condition | kind, .dst_reg = reg,
	     .src_reg = src, .imm = number);
	return length - 1;
}

static void land(uint32_t jump)
{
	program[jump].off = length - jump - 1;
}

static void emit_stack(int to, int offset)
{
	emit_copy(to, BPF_REG_10);
	emit(.code = BPF_ALU64 | BPF_ADD | BPF_K,
	     .dst_reg = to, .imm = offset);
}

/*
 * A size that is right for some kfunc and some store as its @nth buffer, mostly:
 * keys have 4 bytes, values 8 or 16, inputs of the model 16 and outputs 24.
 */
static uint32_t likely_size(uint32_t nth)
{
	static const uint16_t first[] = { 4, 4, 4, 16, 32, 72 };
	static const uint16_t then[] = { 8, 8, 16, 24, 32, 40, 64, 80 };
	static const uint16_t odd[] = { 0, 1, 3, 7, 12, 160 };

	if (of_map && below(4))
		return nth ? 8 : 4;
	if (one_in(12))
		return below(300);
	if (one_in(12))
		return odd[below(NUMBER_OF(odd))];
	return nth ? then[below(NUMBER_OF(then))] :
		     first[below(NUMBER_OF(first))];
}

/* Whether a buffer of that size could be had on the stack. */
static bool emit_stack_buffer(int to)
{
	int size = (last_size + 7) & ~7U;

	if (in_function) {
		if (size > -FUNCTION_END - 64)
			return false;
		emit_stack(to, FUNCTION_END);
		return true;
	}
	if (last_size > 256)
		return false;
	emit_stack(to, STACK_BUFFERS - size - 8 * (int)below(4));
	return true;
}

static bool emit_found_buffer(int to)
{
	uint32_t offset;

	if (last_size > buffer_size)
		return false;
	offset = below(buffer_size - last_size + 1);
	if (below(4))
		offset &= ~7U;
	if (buffer_is_arena)
		memset(given + offset, 1, last_size);
	emit_copy(to, REG_BUFFER);
	emit(.code = BPF_ALU64 | BPF_ADD | BPF_K,
	     .dst_reg = to, .imm = offset);
	return true;
}

static void emit_memory(int to)
{
	uint32_t offset;

	last_size = likely_size(nr_buffers++);
	if (one_in(2) && emit_found_buffer(to))
		return;
	if (one_in(3) && emit_stack_buffer(to))
		return;
	offset = below(ARENA - last_size - 64);
	if (below(4))
		offset &= ~7U;
	/* What a variable size may reach, too. */
	memset(given + offset, 1, last_size);
	emit_imm64(to, BPF_PSEUDO_MAP_VALUE, arena, offset);
}

/* The size of the last buffer: known, or less than that at run time. */
static void emit_size(int to)
{
	if (one_in(100)) {
		emit_move(to, random_number());
		return;
	}
	if (!last_size || below(5)) {
		emit_move(to, last_size);
		return;
	}
	emit_imm64(to, BPF_PSEUDO_MAP_VALUE, arena, ARENA - 8);
	emit(.code = BPF_LDX | BPF_MEM | BPF_W,
	     .dst_reg = to, .src_reg = to);
	/* The verifier knows the bounds of that. */
	emit(.code = BPF_ALU64 | BPF_AND | BPF_K,
	     .dst_reg = to,
	     .imm = (1U << (31 - __builtin_clz(last_size))) - 1);
}

static void emit_arg(int to, enum arg arg)
{
	if (one_in(200))
		arg = below(ARG_SCALAR + 1);
	switch (arg) {
	case ARG_MAP:
		emit_imm64(to, BPF_PSEUDO_MAP_FD,
			   maps[below(one_in(4) ? NUMBER_OF(maps) : 3)], 0);
		break;
	case ARG_STRING:
		emit_imm64(to, BPF_PSEUDO_MAP_VALUE, strings,
			   32 * below(one_in(4) ? NUMBER_OF(names) : 5));
		break;
	case ARG_MEMORY:
		emit_memory(to);
		break;
	case ARG_SIZE:
		emit_size(to);
		break;
	case ARG_ITER:
		emit_stack(to, STACK_ITER(below(2) && !in_function));
		break;
	case ARG_SCALAR:
		if (one_in(3)) {
			emit_copy(to, REG_RESULT);
			break;
		}
		{
			uint64_t number = random_number();

			emit_imm64(to, 0, number, number >> 32);
		}
		break;
	}
}

static void emit_kfunc(const struct kfunc *kfunc)
{
	uint32_t i;

	/* Captures more often: without rows there is nothing to read. */
	while (kfunc->args[0] != ARG_MAP && one_in(2))
		kfunc = &kfuncs[below(nr_kfuncs)];

	nr_buffers = 0;
	of_map = kfunc->args[0] == ARG_MAP;
	for (i = 0; i < kfunc->nr_args; i++)
		emit_arg(BPF_REG_1 + i, kfunc->args[i]);
	emit_call(kfunc);
	if (one_in(2))
		emit_copy(REG_RESULT, BPF_REG_0);
}

static void emit_blocks(uint32_t depth);

/* A loop over rows, with other things in it, or none; now and then left early. */
static void emit_rows(uint32_t depth)
{
	int offset = STACK_ITER(iterators);
	uint32_t again, leave, early = 0, i;

	iterators++;
	nr_buffers = 0;
	emit_stack(BPF_REG_1, offset);
	for (i = 1; i < iter_new->nr_args; i++)
		emit_arg(BPF_REG_1 + i, iter_new->args[i]);
	emit_call(iter_new);
	again = length;
	emit_stack(BPF_REG_1, offset);
	emit_call(iter_next);
	leave = emit_jump(BPF_JEQ, BPF_REG_0, BPF_K, 0, 0);
	/* The time of the row, or its identity. */
	emit_load(REG_RESULT, BPF_DW, BPF_REG_0, one_in(2) ? 0 : 8);
	if (one_in(2))
		emit_blocks(depth + 1);
	if (iterators > 1 || one_in(3))
		early = emit_jump(BPF_JSET, REG_RESULT, BPF_K, 0, 8 << below(4));
	emit(.code = BPF_JMP | BPF_JA,
	     .off = again - length - 1);
	land(leave);
	if (early)
		land(early);
	iterators--;
	if (one_in(60))
		return;
	emit_stack(BPF_REG_1, offset);
	emit_call(iter_destroy);
}

static void emit_branch(uint32_t depth)
{
	static const int conditions[] = { BPF_JEQ, BPF_JNE, BPF_JSGT, BPF_JSLT,
					  BPF_JGT, BPF_JSET };
	uint32_t no = emit_jump(conditions[below(NUMBER_OF(conditions))],
				REG_RESULT, BPF_K, 0, random_number()), end;

	emit_blocks(depth + 1);
	if (one_in(2)) {
		land(no);
		return;
	}
	end = length;
	emit(.code = BPF_JMP | BPF_JA);
	land(no);
	emit_blocks(depth + 1);
	land(end);
}

/* The verifier walks each round of it. */
static void emit_counted(void)
{
	uint32_t again;

	emit_move(REG_COUNTER, 1 + below(4));
	again = length;
	/* No loop in it: there is one counter. */
	emit_kfunc(&kfuncs[below(nr_kfuncs)]);
	emit(.code = BPF_ALU64 | BPF_ADD | BPF_K,
	     .dst_reg = REG_COUNTER, .imm = -1);
	emit(.code = BPF_JMP | BPF_JNE | BPF_K,
	     .dst_reg = REG_COUNTER,
	     .off = again - length - 1);
}

/* Things done with the arena, as a lookup gives it. */
static void emit_lookup(uint32_t depth)
{
	uint32_t none;

	emit_imm64(BPF_REG_1, BPF_PSEUDO_MAP_FD, arena, 0);
	emit_stack(BPF_REG_2, STACK_KEY);
	emit(.code = BPF_JMP | BPF_CALL,
	     .imm = BPF_FUNC_map_lookup_elem);
	none = emit_jump(BPF_JEQ, BPF_REG_0, BPF_K, 0, 0);
	emit_copy(REG_BUFFER, BPF_REG_0);
	buffer_size = ARENA - 64;
	buffer_is_arena = true;
	emit_blocks(depth + 1);
	buffer_size = 0;
	land(none);
}

/* Things done with the bytes of a packet, where there is one. */
static void emit_packet(uint32_t depth, const struct prog_kind *kind)
{
	uint32_t none;

	emit_load(REG_BUFFER, BPF_W, REG_CONTEXT, kind->data);
	emit_load(BPF_REG_3, BPF_W, REG_CONTEXT, kind->data + 4);
	emit_copy(BPF_REG_2, REG_BUFFER);
	emit(.code = BPF_ALU64 | BPF_ADD | BPF_K,
	     .dst_reg = BPF_REG_2, .imm = PACKET_SIZE);
	none = emit_jump(BPF_JGT, BPF_REG_2, BPF_X, BPF_REG_3, 0);
	buffer_size = PACKET_SIZE;
	buffer_is_arena = false;
	emit_blocks(depth + 1);
	buffer_size = 0;
	land(none);
}

static void emit_function_call(void)
{
	uint32_t function = below(FUNCTIONS);

	if (nr_calls[function] == NUMBER_OF(calls_of[0]))
		return;
	calls_of[function][nr_calls[function]++] = length;
	emit(.code = BPF_JMP | BPF_CALL,
	     .src_reg = BPF_PSEUDO_CALL);
	emit_copy(REG_RESULT, BPF_REG_0);
}

static void emit_block(uint32_t depth)
{
	const struct prog_kind *kind = &kinds[program_kind];

	if (depth < DEPTH_MAX && length < INSNS_ENOUGH && one_in(2))
		switch (below(6)) {
		case 0:
			if (iter_new && iterators < (in_function ? 1 : 2)) {
				emit_rows(depth);
				return;
			}
			break;
		case 1:
			emit_branch(depth);
			return;
		case 2:
			emit_counted();
			return;
		case 3:
			if (in_function || buffer_size)
				break;
			emit_lookup(depth);
			return;
		case 4:
			if (in_function || buffer_size || !kind->data)
				break;
			emit_packet(depth, kind);
			return;
		case 5:
			if (in_function)
				break;
			emit_function_call();
			return;
		}
	emit_kfunc(&kfuncs[below(nr_kfuncs)]);
}

static void emit_blocks(uint32_t depth)
{
	uint32_t blocks = 1 + below(depth ? 2 : BLOCKS_MAX);

	while (blocks--)
		emit_block(depth);
}

/* What is given away of the stack is not undefined; the result is any number. */
static void emit_start(int from, int to)
{
	int offset;

	for (offset = from; offset >= to; offset -= 8)
		emit(.code = BPF_ST | BPF_MEM | BPF_DW,
		     .dst_reg = BPF_REG_10, .off = offset,
		     .imm = offset == STACK_KEY ? 0 :
					       below(4));
	emit_imm64(REG_RESULT, BPF_PSEUDO_MAP_VALUE, arena, ARENA - 8);
	emit_load(REG_RESULT, BPF_W, REG_RESULT, 0);
}

static void emit_end(void)
{
	emit_move(BPF_REG_0, 0);
	emit(.code = BPF_JMP | BPF_EXIT);
}

static void emit_function(uint32_t function)
{
	int i;

	for (i = 0; i < nr_calls[function]; i++) {
		uint32_t call = calls_of[function][i];

		program[call].imm = length - call - 1;
	}
	in_function = true;
	emit_start(FUNCTION_END + 8, FUNCTION_END);
	emit_blocks(DEPTH_MAX - 2);
	emit_copy(BPF_REG_0, REG_RESULT);
	emit(.code = BPF_JMP | BPF_EXIT);
	in_function = false;
}

static void make_program(void)
{
	uint32_t i;

	length = 0;
	memset(program, 0, sizeof(program));
	memset(given, 0, sizeof(given));
	memset(nr_calls, 0, sizeof(nr_calls));
	program_kind = below(NUMBER_OF(kinds));
	emit_copy(REG_CONTEXT, BPF_REG_1);
	emit_start(STACK_KEY, STACK_END);
	emit_blocks(0);
	emit_end();
	for (i = 0; i < FUNCTIONS; i++)
		if (nr_calls[i])
			emit_function(i);
}

static int load(void)
{
	int fds[2] = { module_btf, module_btf };
	union bpf_attr attr = {
		.prog_type = kinds[program_kind].type,
		.prog_flags = kinds[program_kind].flags,
		.insns = (uintptr_t)program,
		.insn_cnt = length,
		.license = (uintptr_t)"GPL",
		.fd_array = (uintptr_t)fds,
	};

	return syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int run(int fd)
{
	char packet[PACKET_SIZE] = {};
	union bpf_attr attr = {};

	attr.test.prog_fd = fd;
	if (kinds[program_kind].packet) {
		attr.test.data_in = (uintptr_t)packet;
		attr.test.data_size_in = sizeof(packet);
		attr.test.repeat = 3;
	}
	return syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
}

static bool changed_outside(void)
{
	uint32_t zero = 0, i;

	if (bpf_map_lookup_elem(arena, &zero, content))
		bail("read the arena");
	for (i = 0; i < ARENA - 8; i++)
		if (content[i] != PATTERN && !given[i])
			return true;
	return false;
}

static void reset_arena(void)
{
	uint32_t zero = 0, number = random_u64() & 0xffffff;

	memset(content, PATTERN, sizeof(content));
	memcpy(content + ARENA - 8, &number, 4);
	if (bpf_map_update_elem(arena, &zero, content, BPF_ANY))
		bail("write the arena");
}

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), tail = strlen(end);

	return size >= tail && !strcmp(name + size - tail, end);
}

static enum arg kind_of(const struct btf *btf, const struct btf_param *param)
{
	const char *name = btf__name_by_offset(btf, param->name_off);
	const struct btf_type *type = btf__type_by_id(btf, param->type);

	if (ends_with(name, "__map"))
		return ARG_MAP;
	if (ends_with(name, "__str"))
		return ARG_STRING;
	if (ends_with(name, "__sz") || ends_with(name, "__szk"))
		return ARG_SIZE;
	if (!btf_is_ptr(type))
		return ARG_SCALAR;
	return strcmp(name, "it") ? ARG_MEMORY : ARG_ITER;
}

static void add_kfunc(const struct btf *btf, int32_t id)
{
	const struct btf_type *func = btf__type_by_id(btf, id);
	const struct btf_type *proto = btf__type_by_id(btf, func->type);
	struct kfunc *kfunc = &kfuncs[nr_kfuncs];
	const struct btf_param *params = btf_params(proto);
	uint32_t i;

	if (nr_kfuncs == KFUNCS_MAX || btf_vlen(proto) > ARGS_MAX)
		return;
	kfunc->name = btf__name_by_offset(btf, func->name_off);
	kfunc->id = id;
	kfunc->nr_args = btf_vlen(proto);
	for (i = 0; i < kfunc->nr_args; i++)
		kfunc->args[i] = kind_of(btf, &params[i]);
	nr_kfuncs++;
}

/* The iterator is called as a whole, the others each by itself. */
static struct kfunc *take_out(const char *end)
{
	static struct kfunc taken[3];
	static uint32_t nr;
	uint32_t i;

	for (i = 0; i < nr_kfuncs; i++)
		if (!strncmp(kfuncs[i].name, "bpf_iter_", 9) &&
		    ends_with(kfuncs[i].name, end)) {
			taken[nr] = kfuncs[i];
			kfuncs[i] = kfuncs[--nr_kfuncs];
			return &taken[nr++];
		}
	return NULL;
}

/* The kfuncs are those functions of the module that the set of ids names. */
static void find_kfuncs(void)
{
	struct btf *vmlinux = btf__load_vmlinux_btf(), *btf = NULL;
	uint32_t id = 0, i;

	while (!btf && !bpf_btf_get_next_id(id, &id)) {
		struct bpf_btf_info info = {};
		char name[32] = "";
		uint32_t size = sizeof(info);

		module_btf = bpf_btf_get_fd_by_id(id);
		info.name = (uintptr_t)name;
		info.name_len = sizeof(name);
		if (module_btf >= 0 &&
		    !bpf_obj_get_info_by_fd(module_btf, &info, &size) &&
		    !strcmp(name, "kernmlops"))
			btf = btf__load_from_kernel_by_id_split(id, vmlinux);
		else
			close(module_btf);
	}
	if (!btf)
		bail("types of the module");
	for (i = btf__type_cnt(vmlinux); i < btf__type_cnt(btf); i++) {
		const struct btf_type *type = btf__type_by_id(btf, i);
		const struct btf_type *proto;
		const char *name = btf__name_by_offset(btf, type->name_off);

		if (!btf_is_func(type))
			continue;
		proto = btf__type_by_id(btf, type->type);
		/* What BPF calls has a name that says so, or such arguments. */
		if (!strncmp(name, "bpf_iter_kmlops_", 16)) {
			add_kfunc(btf, i);
			continue;
		}
		if (!strncmp(name, "kmlops_", 7) && btf_vlen(proto)) {
			enum arg first = kind_of(btf, btf_params(proto));

			if (first == ARG_MAP || first == ARG_STRING)
				add_kfunc(btf, i);
		}
	}
	iter_new = take_out("_new");
	iter_next = take_out("_next");
	iter_destroy = take_out("_destroy");
}

static void make_maps(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, read_only, .map_flags =
		    BPF_F_RDONLY_PROG);
	uint32_t zero = 0;

	arena = bpf_map_create(BPF_MAP_TYPE_ARRAY, "arena", 4, ARENA, 1, NULL);
	strings = bpf_map_create(BPF_MAP_TYPE_ARRAY, "strings", 4,
				 sizeof(names), 1, &read_only);
	if (arena < 0 || strings < 0 ||
	    bpf_map_update_elem(strings, &zero, names, BPF_ANY) ||
	    bpf_map_freeze(strings))
		bail("make maps");
	maps[0] = map_with_btf("fuzz0", 8);
	maps[1] = map_with_btf("fuzz1", 16);
	maps[2] = map_of_type(BPF_MAP_TYPE_ARRAY, "fuzz2", 8, 4);
	maps[3] = map_with_btf("fuzz3", 8);
	maps[4] = map_without_btf(8);
}

static int register_one(struct client *client, int i, int mode, bool lossless)
{
	client_begin_register(client, names[i], maps[i], 64);
	nla_put_u32(client->msg, KERNMLOPS_A_STORE_MODE, mode);
	if (lossless)
		nla_put_flag(client->msg, KERNMLOPS_A_STORE_LOSSLESS);
	return client_send(client);
}

static void register_all(struct client *client)
{
	struct model_builder builder;
	struct sample_tree tree;
	uint32_t size;
	void *file;

	if (register_one(client, 0, KERNMLOPS_STORE_MODE_HISTORY, false) ||
	    register_one(client, 1, KERNMLOPS_STORE_MODE_HISTORY, true) ||
	    register_one(client, 2, KERNMLOPS_STORE_MODE_MIRROR, false))
		bail("register: %s", client->sentence);
	sample_tree_init(&tree);
	sample_tree_add(&builder, &tree);
	file = model_build(&builder, &size);
	client_begin(client, KERNMLOPS_CMD_MODEL_LOAD, 0);
	nla_put_string(client->msg, KERNMLOPS_A_MODEL_NAME, "fuzz");
	nla_put_u32(client->msg, KERNMLOPS_A_MODEL_SIZE, size);
	nla_put_u32(client->msg, KERNMLOPS_A_MODEL_OFFSET, 0);
	nla_put(client->msg, KERNMLOPS_A_MODEL_DATA, size, file);
	if (client_send(client))
		bail("load: %s", client->sentence);
	free(file);
}

/* Meanwhile a store comes and goes. */
static pid_t start_coming_and_going(void)
{
	struct client client;
	pid_t child = fork();

	if (child)
		return child;
	client_open(&client);
	for (;;) {
		register_one(&client, 3, KERNMLOPS_STORE_MODE_MAP, false);
		usleep(2000);
		client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			     KERNMLOPS_A_STORE_NAME, "fuzz3");
		register_one(&client, 3, KERNMLOPS_STORE_MODE_HISTORY, false);
		usleep(2000);
		client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			     KERNMLOPS_A_STORE_NAME, "fuzz3");
	}
}

static uint64_t captured;

static bool adds_up(struct client *client, const char *name)
{
	if (client_named(client, KERNMLOPS_CMD_STORE_GET,
			 KERNMLOPS_A_STORE_NAME, name))
		return false;
	captured += client_uint(client, KERNMLOPS_A_STORE_CAPTURED);
	return client_uint(client, KERNMLOPS_A_STORE_CAPTURED) ==
	       client_uint(client, KERNMLOPS_A_STORE_STORED) +
	       client_uint(client, KERNMLOPS_A_STORE_OVERWRITTEN) +
	       client_uint(client, KERNMLOPS_A_STORE_DROPPED) +
	       client_uint(client, KERNMLOPS_A_STORE_TRUNCATED);
}

int main(int argc, char **argv)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");
	uint64_t programs = argc > 1 ? strtoull(argv[1], NULL, 0) :
			    PROGRAMS / 100 * (effort ? atoi(effort) : 100);
	uint64_t i, loaded = 0, insns = 0, failed = 0, outside = 0, seed;
	struct client client;
	pid_t child;
	int n;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	random_state = seed;
	if (client_open(&client))
		bail("no netlink family " KERNMLOPS_FAMILY_NAME);
	make_maps();
	find_kfuncs();
	ok(nr_kfuncs >= 10 && iter_new && iter_next && iter_destroy,
	   "the kfuncs are found");
	register_all(&client);
	child = start_coming_and_going();
	for (i = 0; i < programs; i++) {
		int fd;

		make_program();
		reset_arena();
		fd = load();
		if (fd < 0)
			continue;
		loaded++;
		insns += length;
		failed += run(fd) < 0;
		if (changed_outside() && !outside++)
			note("program %llu changed what it did not give away",
			     (unsigned long long)i);
		close(fd);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	note("%llu programs, seed %llu: %llu loaded, of %llu instructions on average, %u kfuncs",
	     (unsigned long long)programs, (unsigned long long)seed,
	     (unsigned long long)loaded,
	     (unsigned long long)(loaded ? insns / loaded : 0), nr_kfuncs + 3);
	ok(loaded > programs / 4, "the verifier takes many");
	ok_equal(failed, 0, "what it takes runs");
	ok_equal(outside, 0, "only buffers that were given away change");
	for (n = 0; n < 3; n++)
		ok(adds_up(&client, names[n]), "the counters of %s add up",
		   names[n]);
	ok(captured > programs / 10, "%llu rows were captured",
	   (unsigned long long)captured);
	for (n = 0; n < 4; n++)
		client_named(&client, KERNMLOPS_CMD_STORE_UNREGISTER,
			     KERNMLOPS_A_STORE_NAME, names[n]);
	client_named(&client, KERNMLOPS_CMD_MODEL_REMOVE,
		     KERNMLOPS_A_MODEL_NAME, "fuzz");
	client_close(&client);
	return done();
}
