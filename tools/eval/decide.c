// SPDX-License-Identifier: GPL-2.0-only
/*
 * decide MODEL: what a decision takes from the moment its input vector is there
 * in the kernel, by where the model runs. Prints a JSON object a line. With
 * "paths" it only takes the time of the paths of the engine.
 *
 * On a machine the unit is nanoseconds. In a virtual machine whose clock counts
 * instructions (VM_ACCEL=icount) the same program prints instructions: there
 * kernmlops.ko is loaded, and the call in the kernel is measured, too.
 *
 * User space may use vector registers for nothing, so it runs the quickest path
 * of the engine; the kernel runs the path it has chosen.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <linux/genetlink.h>
#include "bench/report.h"
#include "engine.h"
#include "decide.h"
#include "decide.skel.h"

#define EVENTS	64
#define KEYS	64

static struct decide_bpf *bpf;
static struct kmlops_engine *engine;
static enum kmlops_path quickest;
static bool counts_instructions;

static void die(const char *what)
{
	fprintf(stderr, "decide: %s (%s)\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void print(const char *where, const char *part, double value)
{
	printf("{\"where\": \"%s\", \"part\": \"%s\", \"unit\": \"%s\", \"value\": %.6g, \"work\": %llu, \"bytes\": %llu}\n",
	       where, part, counts_instructions ? "instructions" : "ns", value,
	       (unsigned long long)engine->work,
	       (unsigned long long)engine->bytes);
	fflush(stdout);
}

static int64_t infer(const int64_t *in)
{
	int64_t out[KMLOPS_MODEL_SCORES_MAX + 1];

	kmlops_engine_infer_path(engine, quickest, in, out, engine->nr_outputs);
	return out[0];
}

/* Of some inferences in a row, the middle one. */
static double time_path(enum kmlops_path path)
{
	int64_t out[KMLOPS_MODEL_SCORES_MAX + 1];
	double took[EVENTS];
	int i, turn, turns = 1 + 200000 / (engine->work + 200);

	for (i = 0; i < EVENTS; i++) {
		uint64_t start = now();

		for (turn = 0; turn < turns; turn++)
			kmlops_engine_infer_path(engine, path,
						 (const int64_t *)bpf->bss->event.inputs,
						 out, engine->nr_outputs);
		took[i] = (double)(now() - start) / turns;
	}
	return median(took, EVENTS);
}

static void time_paths(void)
{
	double best = 0, took;
	enum kmlops_path path;

	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(engine->paths & KMLOPS_PATH_BIT(path)))
			continue;
		took = time_path(path);
		print("user", kmlops_path_name(path), took);
		if (!best || took < best) {
			best = took;
			quickest = path;
		}
	}
}

static void run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts) ||
	    bpf->bss->failed)
		die(bpf_program__name(program));
}

/* Ring buffer: a thread waits in epoll, decides, and puts the answer back. */

static double took[EVENTS];
static int seen;

static int on_event(void *ctx, void *data, size_t size)
{
	const struct event *event = data;
	uint32_t key = 0;
	int64_t answer = infer((const int64_t *)event->inputs);

	if (bpf_map_update_elem(bpf_map__fd(bpf->maps.answers), &key, &answer,
				BPF_ANY))
		die("update of an answer");
	took[__atomic_fetch_add(&seen, 1, __ATOMIC_RELEASE)] = now() - event->time;
	return 0;
}

static void *reader(void *arg)
{
	struct ring_buffer *ring = arg;

	while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) < EVENTS)
		if (ring_buffer__poll(ring, 1000) < 0 && errno != EINTR)
			die("poll of the ring buffer");
	return NULL;
}

static double through_ring_buffer(void)
{
	struct ring_buffer *ring;
	pthread_t thread;
	int i;

	ring = ring_buffer__new(bpf_map__fd(bpf->maps.ring), on_event, NULL, NULL);
	if (!ring || pthread_create(&thread, NULL, reader, ring))
		die("ring buffer");
	for (i = 0; i < EVENTS; i++) {
		/* Until the reader waits again. */
		usleep(2000);
		run(bpf->progs.submit);
		while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) <= i)
			usleep(100);
	}
	pthread_join(thread, NULL);
	ring_buffer__free(ring);
	return median(took, EVENTS);
}

/* Map: user space looks the vector up when it has reason to. */
static double through_map(void)
{
	int from = bpf_map__fd(bpf->maps.vectors), to = bpf_map__fd(bpf->maps.answers);
	static struct event event;
	uint32_t key;
	int i;

	for (key = 0; key < KEYS; key++)
		if (bpf_map_update_elem(from, &key, &bpf->bss->event, BPF_ANY))
			die("update of a vector");
	for (i = 0; i < EVENTS; i++) {
		uint64_t start = now();
		int64_t answer;

		key = i % KEYS;
		if (bpf_map_lookup_elem(from, &key, &event))
			die("lookup of a vector");
		answer = infer((const int64_t *)event.inputs);
		if (bpf_map_update_elem(to, &key, &answer, BPF_ANY))
			die("update of an answer");
		took[i] = now() - start;
	}
	return median(took, EVENTS);
}

/*
 * Netlink: a request and a reply of the generic netlink controller, which is
 * on every machine, for the vector; then as above.
 */
static double through_netlink(void)
{
	int to = bpf_map__fd(bpf->maps.answers);
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg;
	static char buffer[64 * 1024];
	struct nlmsghdr *nlh;
	uint32_t key = 0;
	int i, fd;

	if (!sock || genl_connect(sock))
		die("netlink");
	fd = nl_socket_get_fd(sock);
	msg = nlmsg_alloc();
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, GENL_ID_CTRL, 0, 0,
		    CTRL_CMD_GETFAMILY, 1);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	nl_complete_msg(sock, msg);
	nlh = nlmsg_hdr(msg);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	for (i = 0; i < EVENTS; i++) {
		uint64_t start = now();
		int64_t answer;

		if (send(fd, nlh, nlh->nlmsg_len, 0) < 0 ||
		    recv(fd, buffer, sizeof(buffer), 0) <= 0)
			die("netlink request");
		answer = infer((const int64_t *)bpf->bss->event.inputs);
		if (bpf_map_update_elem(to, &key, &answer, BPF_ANY))
			die("update of an answer");
		took[i] = now() - start;
	}
	nlmsg_free(msg);
	nl_socket_free(sock);
	return median(took, EVENTS);
}

/* The call in the kernel: the difference of two loops has no entry in it. */
static double shortest(const struct bpf_program *program, uint32_t turns)
{
	uint64_t best = UINT64_MAX, start, took;
	int i;

	for (i = 0; i < 9; i++) {
		bpf->bss->turns = turns;
		start = now();
		run(program);
		took = now() - start;
		best = took < best ? took : best;
	}
	return best;
}

static double in_kernel(void)
{
	uint32_t turns = 1 + 2000000 / (engine->work * 4 + 2000);
	double loop = shortest(bpf->progs.nothing, 2 * turns) -
		      shortest(bpf->progs.nothing, turns);

	return (shortest(bpf->progs.call, 2 * turns) -
		shortest(bpf->progs.call, turns) - loop) / turns;
}

static void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rbe");
	void *data;

	if (!file || fseek(file, 0, SEEK_END))
		die(path);
	*size = ftell(file);
	rewind(file);
	data = malloc(*size);
	if (fread(data, 1, *size, file) != *size)
		die(path);
	fclose(file);
	return data;
}

int main(int argc, char **argv)
{
	struct kmlops_refusal refusal = { "" };
	struct kmlops_model_file model;
	size_t size;
	void *file;
	int err, i;

	if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "instructions") &&
				     strcmp(argv[2], "paths"))) {
		fprintf(stderr, "usage: decide MODEL [instructions|paths]\n");
		return 2;
	}
	counts_instructions = argc == 3 && argv[2][0] == 'i';
	file = read_file(argv[1], &size);
	engine = kmlops_engine_create(file, size, &err, &refusal);
	if (!engine) {
		errno = -err;
		die(refusal.text);
	}
	kmlops_model_file_parse(file, size, &model, &refusal);

	bpf = decide_bpf__open();
	if (!bpf)
		die("the programs do not open");
	bpf_program__set_autoload(bpf->progs.call, counts_instructions);
	if (decide_bpf__load(bpf))
		die("the programs do not load");
	bpf->bss->inputs_size = engine->nr_inputs * sizeof(int64_t);
	bpf->bss->event_size = offsetof(struct event, inputs) + bpf->bss->inputs_size;
	/* The first golden vector: in the middle of what the model expects. */
	memcpy(bpf->bss->event.inputs,
	       model.sections[KMLOPS_MODEL_SECTION_GOLDEN].data,
	       bpf->bss->inputs_size);

	for (i = 0; i < 3; i++)		/* warm */
		infer((const int64_t *)bpf->bss->event.inputs);
	time_paths();
	if (argc == 3 && argv[2][0] == 'p')
		goto out;
	print("user", "ring buffer to epoll", through_ring_buffer());
	print("user", "map lookup", through_map());
	print("user", "netlink", through_netlink());
	if (counts_instructions)
		print("kernel", "kfunc", in_kernel());

out:
	decide_bpf__destroy(bpf);
	kmlops_engine_destroy(engine);
	free(file);
	return 0;
}
