/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of kfuncs.bpf.c share with their test. */
#ifndef SELFTESTS_BPF_CALLS_H
#define SELFTESTS_BPF_CALLS_H

struct test_key {
	__u32 id;
};

struct test_row {
	__u64 number;
	__u32 first;
	__u32 last;
};

/* Where a program ran; it captures, reads back and infers with this as key. */
enum test_context {
	IN_SYSCALL,
	IN_XDP,
	IN_TC,
	IN_RAW_TP,
	IN_TP_BTF,
	IN_TRACEPOINT,
	IN_KPROBE,
	IN_FENTRY,
	IN_PERF_EVENT,
	IN_SOCKET,
	IN_CGROUP,
	CONTEXTS
};

struct used {
	__u64 runs;
	__s64 captured;		/* what each call returned */
	__s64 got;
	__s64 inferred;
	struct test_row row;	/* what was read back */
	__s64 out[3];
};

/* Calls with something wrong in what they pass, all of which the verifier likes. */
enum test_wrong {
	CAPTURE_LONG_KEY,
	CAPTURE_SHORT_KEY,
	CAPTURE_LONG_ROW,
	CAPTURE_SHORT_ROW,
	CAPTURE_NO_STORE,
	CAPTURE_NO_KEY,
	GET_NO_KEY,
	GET_NO_STORE,
	GET_EMPTY_NAME,
	GET_LONG_NAME,
	GET_PREFIX,
	GET_NO_ROW,
	GET_LONG_KEY,
	GET_SHORT_ROW,
	INFER_NO_MODEL,
	INFER_SHORT_IN,
	INFER_LONG_IN,
	INFER_ODD_IN,
	INFER_ODD_OUT,
	INFER_LONG_OUT,
	INFER_SHORT_OUT,	/* this one is right */
	WRONGS
};

#define EMPTY_KEY	0xffffffffU	/* never captured */
#define INNER_KEY	4711U
#define SHARED_KEY	4712U

#endif /* SELFTESTS_BPF_CALLS_H */
