// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress: programs in NMIs, interrupts, the scheduler, the network's receive
 * path, congestion control (struct_ops), system calls and a security hook that
 * may sleep capture into the same stores at once, on all CPUs, while these are
 * dumped and truncated, another store comes and goes, so does a CPU, and a model
 * that they run is swapped. In the end every call is accounted for, and memory is
 * what it was.
 *
 * test_stress [NMIS]: go on until so many NMIs were sent (default: a million,
 * or what comes in 20 seconds; as many times more as KMLOPS_TEST_EFFORT
 * is of 100).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "modules.h"
#include "support.h"
#include "stress.h"
#include "stress.skel.h"
#include "tap.h"

#define NMI_MODULE	"kernmlops_nmi_test"
#define ROWS		16384
#define NMIS		1000000
#define SECONDS		20
#define WARM_UP		2
#define KEPT		1024	/* KiB that may be in use in the end and were not before */
#define CYCLES		50
#define CYCLE_ROWS	20000	/* 88 bytes each, and the index */

static struct stress_bpf *skel;
/* ns; a shorter one leaves no time for more where a CPU is slow. */
static unsigned int timer_period = 1000000;

/* What the processes of the test share. */
static struct {
	volatile int stop;
	__u64 rows;		/* seen in dumps */
	__u64 wrong;
	__u64 dumps;
	__u64 truncations;
	__u64 registrations;
	__u64 swaps;
} *shared;

static pid_t children[16];
static int nr_children;

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void start(void (*body)(void))
{
	pid_t child = fork();

	if (child < 0)
		bail("fork");
	if (!child) {
		connect_family();
		/*
		 * A task stays on its CPU while it runs a program: one that is
		 * hardly ever between two would keep the CPU from going.
		 */
		while (!shared->stop) {
			body();
			sched_yield();
		}
		_exit(0);
	}
	children[nr_children++] = child;
}

static void stop_children(void)
{
	bool right = true;
	int status;

	shared->stop = 1;
	while (nr_children) {
		waitpid(children[--nr_children], &status, 0);
		right &= WIFEXITED(status) && !WEXITSTATUS(status);
	}
	ok(right, "all processes ended well");
	shared->stop = 0;
}

static void make_syscalls(void)
{
	if (run_once(skel->progs.on_syscall))
		_exit(1);
}

static void receive_packets(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char packet[64] = {};

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	opts.repeat = 2000;
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.on_packet),
				   &opts))
		_exit(1);
	/* And as a driver would bring them. */
	opts.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.on_packet),
				   &opts))
		_exit(1);
}

static void send_packets(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i;

	/* Nobody listens: an error about the packet before may be pending. */
	for (i = 0; i < 1000; i++)
		sendto(fd, "packet", 6, 0, (const void *)&to, sizeof(to));
	close(fd);
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, STRESS_TCP,
				 strlen(STRESS_TCP)))
		_exit(1);
	return fd;
}

/* Acknowledgements, for which congestion control is asked. */
static void send_stream(void)
{
	/* No connection remains for a while. */
	const struct linger linger = { .l_onoff = 1 };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = tcp_socket(), from = tcp_socket(), end, i;
	socklen_t size = sizeof(to);
	char data[4096] = {};

	if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 1) ||
	    getsockname(listener, (void *)&to, &size) ||
	    connect(from, (void *)&to, sizeof(to)))
		_exit(1);
	end = accept(listener, NULL, NULL);
	setsockopt(from, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	for (i = 0; i < 500 && !shared->stop; i++)
		if (write(from, data, sizeof(data)) != sizeof(data) ||
		    recv(end, data, sizeof(data), MSG_WAITALL) != sizeof(data))
			_exit(1);
	close(from);
	close(end);
	close(listener);
}

static void open_files(void)
{
	int i, fd;

	for (i = 0; i < 1000; i++) {
		fd = open("/dev/null", O_RDONLY);
		if (fd < 0)
			_exit(1);
		close(fd);
	}
}

static void check_rows(const struct rows *rows)
{
	__u64 last = 0, wrong = 0;
	size_t i;

	for (i = 0; i < rows->nr; i++) {
		const struct stress_key *key = row_key(rows, i);

		wrong += !stress_is_whole(row_value(rows, i), key->id) ||
			 row_head(rows, i)->time < last;
		last = row_head(rows, i)->time;
	}
	__sync_fetch_and_add(&shared->rows, rows->nr);
	__sync_fetch_and_add(&shared->wrong, wrong);
}

static void dump(void)
{
	struct rows rows;

	read_rows("wide", &rows);
	check_rows(&rows);
	free_rows(&rows);
	read_rows("narrow", &rows);
	check_rows(&rows);
	free_rows(&rows);
	__sync_fetch_and_add(&shared->dumps, 1);
}

static void truncate_some(void)
{
	truncate_store("wide", now() - 10000000);
	truncate_store("narrow", now() - 100000);
	__sync_fetch_and_add(&shared->truncations, 1);
	usleep(30000);
}

static void come_and_go(void)
{
	register_store("fleeting", bpf_map__fd(skel->maps.fleeting), 100);
	usleep(1000);
	unregister_store("fleeting");
	__sync_fetch_and_add(&shared->registrations, 1);
}

static void swap_models(void)
{
	static const char *const inputs[] = { "x", "y", NULL };

	load_split_model(STRESS_MODEL, inputs, 0, 0);
	usleep(1000);
	load_split_model(STRESS_MODEL, inputs, 0, 1000);
	usleep(1000);
	remove_model(STRESS_MODEL);
	__sync_fetch_and_add(&shared->swaps, 1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		bail("write %s to %s", text, path);
	close(fd);
}

static void set_cpu(bool online)
{
	write_file("/sys/devices/system/cpu/cpu1/online", online ? "1" : "0");
}

static __u64 nmis_sent(void)
{
	return strtoull(read_parameter(NMI_MODULE, "sent"), NULL, 10);
}

static void send_nmis(__u64 number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	if (write_parameter(NMI_MODULE, "send", text))
		bail("send NMIs");
}

/* A CPU that goes takes its timer along. */
static struct bpf_link *attach_timer(int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = timer_period,
	};
	int event = syscall(__NR_perf_event_open, &attr, -1, cpu, -1, 0);
	struct bpf_link *link = event < 0 ? NULL :
		bpf_program__attach_perf_event(skel->progs.on_timer, event);

	if (!link)
		bail("attach to a timer of CPU %d", cpu);
	return link;
}

static struct bpf_link *attach(struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		bail("attach %s", bpf_program__name(program));
	return link;
}

static __u64 results_of(enum stress_store store, enum stress_result result)
{
	return *(volatile __u64 *)&skel->bss->results[store][result];
}

/* Whether the kernel has the security module that programs attach to. */
static bool has_bpf_lsm(void)
{
	char list[256] = "";
	int fd = open("/sys/kernel/security/lsm", O_RDONLY);

	if (fd < 0)
		return false;
	if (read(fd, list, sizeof(list) - 1) < 0)
		list[0] = 0;
	close(fd);
	return strstr(list, "bpf");
}

/*
 * All programs that run by themselves; those of a test run are not attached, and
 * congestion control can be once only.
 */
static struct bpf_link *links[8];
static int nr_links;

static void attach_all(void)
{
	int cpu;

	links[nr_links++] = attach(skel->progs.on_nmi);
	links[nr_links++] = attach(skel->progs.on_switch);
	if (has_bpf_lsm())
		links[nr_links++] = attach(skel->progs.on_open);
	if (bpf_xdp_attach(if_nametoindex("lo"),
			   bpf_program__fd(skel->progs.on_wire),
			   XDP_FLAGS_SKB_MODE, NULL))
		bail("attach to the loopback device");
	for (cpu = 0; cpu < 2 && cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
		links[nr_links++] = attach_timer(cpu);
}

static void detach_all(void)
{
	while (nr_links)
		bpf_link__destroy(links[--nr_links]);
	bpf_xdp_detach(if_nametoindex("lo"), XDP_FLAGS_SKB_MODE, NULL);
}

/* Until so many NMIs were sent, or so many seconds have passed if not 0. */
static void do_all_at_once(__u64 nmis, int seconds)
{
	__u64 sent_before = nmis_sent(), until;
	bool has_cpu1 = !access("/sys/devices/system/cpu/cpu1/online", W_OK);
	int turns = 0;

	start(make_syscalls);
	start(make_syscalls);
	start(receive_packets);
	start(send_packets);
	start(send_stream);
	start(open_files);
	start(dump);
	start(truncate_some);
	start(come_and_go);
	start(swap_models);
	send_nmis(nmis);
	/* Where everything is checked, it takes seconds to get here. */
	until = now() + seconds * 1000000000ULL;
	do {
		usleep(500000);
		/* Now and then, a CPU goes and comes back. */
		if (has_cpu1 && turns++ % 8 == 0) {
			set_cpu(false);
			usleep(200000);
			set_cpu(true);
		}
	} while (nmis_sent() - sent_before < nmis &&
		 (!seconds || now() < until));
	send_nmis(0);
	usleep(100000);
	stop_children();
	note("%llu NMIs, %llu rows in %llu dumps, %llu truncations, %llu registrations, %llu models swapped, CPU 1 went %d times",
	     (unsigned long long)(nmis_sent() - sent_before),
	     (unsigned long long)shared->rows,
	     (unsigned long long)shared->dumps,
	     (unsigned long long)shared->truncations,
	     (unsigned long long)shared->registrations,
	     (unsigned long long)shared->swaps,
	     (turns + 7) / 8);
	ok(!has_cpu1 || turns, "a CPU went and came back");
}

static void test_all_at_once(__u64 nmis, int seconds)
{
	long before, after = 0;
	int i;

	/* What the kernel allocates once, it has then. */
	do_all_at_once(nmis, WARM_UP);
	usleep(500000);
	before = kernel_memory();
	do_all_at_once(nmis, seconds);
	/* Some of it goes a grace period later. */
	for (i = 0; i < 50; i++) {
		after = kernel_memory();
		if (after - before < KEPT)
			break;
		usleep(100000);
	}
	note("memory grew by %ld KiB", after - before);
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		ok(after - before < KEPT, "memory is flat");
	else
		skip("memory is flat",
		     "this kernel keeps freed memory back; what leaks it finds itself");
}

static void check_store(const char *name, enum stress_store store)
{
	__u64 captured = store_counter(name, KERNMLOPS_A_STORE_CAPTURED);
	__u64 stored = store_counter(name, KERNMLOPS_A_STORE_STORED);
	__u64 dropped = results_of(store, RESULT_DROPPED);
	struct rows rows;

	ok_equal(results_of(store, RESULT_OTHER) +
		 results_of(store, RESULT_NO_STORE), 0,
		 "no capture failed");
	ok_equal(results_of(store, RESULT_STORED) + dropped, captured,
		 "captured counts the calls of the programs");
	ok_equal(dropped, store_counter(name, KERNMLOPS_A_STORE_DROPPED),
		 "dropped counts those that were told so");
	ok(store_adds_up(name), "the counters of %s add up", name);
	note("%s: %llu captured, %llu dropped, %llu overwritten, %llu truncated, %llu stored, %llu unindexed",
	     name, (unsigned long long)captured, (unsigned long long)dropped,
	     (unsigned long long)store_counter(name, KERNMLOPS_A_STORE_OVERWRITTEN),
	     (unsigned long long)store_counter(name, KERNMLOPS_A_STORE_TRUNCATED),
	     (unsigned long long)stored,
	     (unsigned long long)store_counter(name, KERNMLOPS_A_STORE_UNINDEXED));

	read_rows(name, &rows);
	ok_equal(rows.nr, stored, "stored counts the rows there are");
	check_rows(&rows);
	free_rows(&rows);
}

static void test_accounts(void)
{
	static const char *const names[STRESS_PROGRAMS] = {
		[ON_NMI] = "NMIs", [ON_TIMER] = "timer interrupts",
		[ON_SWITCH] = "task switches", [ON_PACKET] = "packets",
		[ON_WIRE] = "packets of the loopback device",
		[ON_SYSCALL] = "system calls",
		[ON_OPEN] = "a security hook that may sleep",
		[ON_ACK] = "congestion control",
	};
	const __u64 *calls = skel->bss->calls[WIDE];
	const __u64 *fleeting = skel->bss->fleeting_results;
	int i;

	for (i = 0; i < STRESS_PROGRAMS; i++)
		if (i == ON_OPEN && !has_bpf_lsm())
			skip(names[i], "this kernel has no BPF LSM");
		else
			ok(calls[i] > 10, "%llu captures in %s",
			   (unsigned long long)calls[i], names[i]);
	ok_equal(calls[ON_NMI], nmis_sent(), "one capture for each NMI");
	check_store("wide", WIDE);
	check_store("narrow", NARROW);
	ok(shared->rows && !shared->wrong, "%llu rows dumped, none torn",
	   (unsigned long long)shared->rows);
	ok(skel->bss->rows_read && !skel->bss->rows_wrong,
	   "%llu rows read by programs, none torn",
	   (unsigned long long)skel->bss->rows_read);
	ok_equal(skel->bss->reads_failed, 0, "no read by a program failed");
	ok(skel->bss->inferences && skel->bss->inferences_without &&
	   !skel->bss->inferences_wrong,
	   "%llu inferences, %llu while there was no model, none of neither version",
	   (unsigned long long)skel->bss->inferences,
	   (unsigned long long)skel->bss->inferences_without);
	ok(fleeting[RESULT_STORED] && fleeting[RESULT_NO_STORE] &&
	   !fleeting[RESULT_OTHER] && !fleeting[RESULT_DROPPED],
	   "the other store: %llu rows stored, %llu while it was gone",
	   (unsigned long long)fleeting[RESULT_STORED],
	   (unsigned long long)fleeting[RESULT_NO_STORE]);
}

/* Captures into the wide store that found it. */
static __u64 found(void)
{
	return results_of(WIDE, RESULT_STORED) +
	       results_of(WIDE, RESULT_DROPPED);
}

static void test_unregister_under_load(void)
{
	__u64 before, missed;

	start(make_syscalls);
	start(receive_packets);
	start(send_stream);
	send_nmis(1ULL << 40);
	usleep(300000);
	unregister_store("wide");
	/* What had found the store before is through by now. */
	usleep(100000);
	before = found();
	missed = results_of(WIDE, RESULT_NO_STORE);
	usleep(500000);
	ok_equal(found(), before,
		 "unregistered under load: nothing is captured");
	ok(results_of(WIDE, RESULT_NO_STORE) > missed, "programs are told so");

	register_store("wide", bpf_map__fd(skel->maps.wide), ROWS);
	usleep(300000);
	ok(found() > before, "registered again under load: they capture");
	send_nmis(0);
	stop_children();
}

static void test_memory(void)
{
	long before = 0, after = 0, size = 0;
	int i;

	for (i = 0; i < CYCLES + 5; i++) {
		if (i == 5) {
			usleep(500000);
			before = kernel_memory();
		}
		register_store("fleeting", bpf_map__fd(skel->maps.fleeting),
			       CYCLE_ROWS);
		size = store_counter("fleeting", KERNMLOPS_A_STORE_BYTES) >> 10;
		run_once(skel->progs.on_syscall);
		unregister_store("fleeting");
	}
	/* The last go a grace period later. */
	for (i = 0; i < 50; i++) {
		after = kernel_memory();
		if (after - before < size)
			break;
		usleep(100000);
	}
	note("a store takes %ld KiB; %d of them grew memory by %ld KiB",
	     size, CYCLES, after - before);
	ok(after - before < size, "the memory of stores returns");
}

int main(int argc, char **argv)
{
	const char *effort = getenv("KMLOPS_TEST_EFFORT");
	__u64 nmis = argc > 1 ? strtoull(argv[1], NULL, 0) : NMIS;
	int err, tries, seconds = SECONDS, percent;
	struct bpf_link *control;

	percent = effort ? atoi(effort) : 100;
	if (percent > 0 && percent < 100)
		timer_period = timer_period * 100ULL / percent;
	if (argc == 1 && percent > 100) {
		nmis *= percent / 100;
		seconds *= percent / 100;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mount("security", "/sys/kernel/security", "securityfs", 0, NULL);
	connect_family();
	err = load_module(NMI_MODULE);
	if (err) {
		errno = -err;
		bail("load " NMI_MODULE);
	}
	skel = stress_bpf__open_and_load();
	if (!skel)
		bail("load the programs");
	register_store("wide", bpf_map__fd(skel->maps.wide), ROWS);
	register_store("narrow", bpf_map__fd(skel->maps.narrow), 1);
	control = bpf_map__attach_struct_ops(skel->maps.stress_tcp);
	if (!control)
		bail("attach congestion control");

	attach_all();
	test_all_at_once(nmis, argc > 1 ? 0 : seconds);
	/* Quiet: only now do the numbers stand still. */
	detach_all();
	test_accounts();

	attach_all();
	test_unregister_under_load();
	detach_all();
	bpf_link__destroy(control);
	test_memory();

	unregister_store("wide");
	unregister_store("narrow");
	stress_bpf__destroy(skel);
	for (tries = 0; tries < 50; tries++) {
		err = unload_module(NMI_MODULE);
		if (err != -EAGAIN && err != -EWOULDBLOCK)
			break;
		usleep(100000);
	}
	ok_equal(err, 0, "the module of NMIs goes");
	return done();
}
