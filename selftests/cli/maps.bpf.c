// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps for the tests of kmlopsctl, and a program that captures rows into one
 * of them. Loaded with bpftool, which pins them by name.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernmlops.bpf.h"

enum color { RED = 1, GREEN, BLUE };
enum level { LOW = -1, HIGH = 1 };

/* Most of what a field can be. */
struct everything {
	u64 wait KMLOPS_UNIT(ns);
	u64 size KMLOPS_UNIT(bytes);
	const s32 nice;
	u16 port;
	s8 tiny;
	bool flag;
	char comm[16];
	u32 numbers[3];
	u8 grid[2][2];
	enum color color;
	enum level level;
	struct {
		s16 left;
		u16 right;
	} inner;
	struct {
		u32 plain;
	};
	u64 time;			/* the name of a column of every row */
};

struct thread {
	u32 pid;
	u32 cpu;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct thread);
	__type(value, struct everything);
} everything SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} plain SEC(".maps");

/* What no field can be. */
struct with_pointer {
	u64 good;
	void *next;
};

struct with_bits {
	u32 low : 4;
	u32 high : 28;
};

struct with_union {
	struct {
		union {
			u32 word;
			u8 bytes[4];
		} both;
	} outer;
};

struct with_structs {
	struct thread threads[2];
};

#define BAD_MAP(map_name, value_type)				\
	struct {						\
		__uint(type, BPF_MAP_TYPE_HASH);		\
		__uint(max_entries, 1);				\
		__type(key, u32);				\
		__type(value, value_type);			\
	} map_name SEC(".maps")

BAD_MAP(pointer, struct with_pointer);
BAD_MAP(bits, struct with_bits);
BAD_MAP(union_, struct with_union);
BAD_MAP(structs, struct with_structs);

/*
 * Capture some rows, each of a key of its own. bpftool can run only programs
 * that get a packet; it says how many rows, from which thread id on.
 */
struct order {
	u8 head[14];
	u8 rows;
	u8 first;
};

SEC("tc")
int capture(struct __sk_buff *skb)
{
	struct thread thread = { .cpu = 1 };
	struct everything row = {
		.nice = -5,
		.port = 65535,
		.tiny = -128,
		.flag = true,
		.comm = "a \"b\", c",
		.numbers = { 1, 2, 4294967295 },
		.grid = { { 1, 2 }, { 3, 4 } },
		.color = BLUE,
		.level = LOW,
		.inner = { -1, 2 },
		.plain = 7,
		.time = 1,
	};
	struct order order;
	u32 i;

	if (bpf_skb_load_bytes(skb, 0, &order, sizeof(order)))
		return 1;
	for (i = 0; i < order.rows; i++) {
		thread.pid = order.first + i;
		row.wait = 1500 * (u64)thread.pid;
		row.size = 1024 * (u64)thread.pid;
		if (capture_feature(&everything, &thread, &row) < 0)
			return 2;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
