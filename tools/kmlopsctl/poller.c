// SPDX-License-Identifier: GPL-2.0-only
/* Processes that poll: starting, stopping, and what they do in between. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <json-c/json.h>

#include "collector_store.h"
#include "kmlopsctl.h"
#include "map_new.h"
#include "netlink.h"
#include "output.h"
#include "poller.h"
#include "store.h"
#include "when.h"

#define RUN_DIR		"/run/kernmlops"
#define NSEC_PER_SEC	1000000000ULL

#define STOP_WAIT_US	10000
#define STOP_WAITS	1000

const char *const poller_counters[] = {
	[POLLER_EVENTS] = "events",
	[POLLER_ROWS] = "rows",
	[POLLER_REFUSED] = "refused",
	[POLLER_POLLS] = "polls",
	[POLLER_FAILED] = "failed",
	[POLLER_LATE] = "late",
	[POLLER_COUNTERS] = NULL
};

/* ---- what it needs */

void poller_needs(const struct poller *poller, struct collector_needs *needs)
{
	char *sentence = poller->lacking ? poller->lacking() : NULL;
	FILE *file;

	if (sentence)
		json_object_array_add(needs->without,
				      json_object_new_string(sentence));
	free(sentence);
	if (!poller->path)
		return;
	/* Pressure can be there and refuse to be read (psi=0). */
	file = fopen(poller->path, "re");
	if (file && (fgetc(file) != EOF || feof(file))) {
		json_object_array_add(needs->hooks,
				      json_object_new_string(poller->path));
	} else {
		char *reason = xprintf("cannot read %s: %s", poller->path,
				       strerror(errno));

		json_object_array_add(needs->missing,
				      json_object_new_string(reason));
		free(reason);
	}
	if (file)
		fclose(file);
}

/* ---- the file that others see */

/* Opens it, and makes it with O_CREAT; a descriptor or a negative errno. */
static int open_state(const struct collector *c, int flags)
{
	char *path = xprintf(RUN_DIR "/%s", c->name);
	int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);

	free(path);
	return fd < 0 ? -errno : fd;
}

static struct poller_state *map_state(int fd)
{
	void *state = mmap(NULL, sizeof(struct poller_state),
			   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return state == MAP_FAILED ? NULL : state;
}

/* The process that holds the lock on it; 0: none. */
static int lock_holder(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

int poller_pid(const struct collector *c)
{
	int fd = open_state(c, 0), pid;

	if (fd < 0)
		return 0;
	pid = lock_holder(fd);
	close(fd);
	return pid;
}

/* ---- the process */

void poll_push(struct poll *poll, unsigned int store, const void *key,
	       const void *value)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_PUSH);
	uint64_t *counters = poll->state->counters;

	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE,
		       poll->poller->stores[store].name);
	nlc_put(msg, KERNMLOPS_A_ROW_KEY, key, poll->keys[store].size);
	nlc_put(msg, KERNMLOPS_A_ROW_VALUE, value, poll->values[store].size);
	counters[POLLER_EVENTS]++;
	counters[nlc_request(msg, NULL, NULL) ? POLLER_REFUSED : POLLER_ROWS]++;
}

static uint64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void poll_once(struct poll *poll)
{
	struct poller_state *state = poll->state;

	state->counters[POLLER_POLLS]++;
	if (poll->poller->poll(poll))
		state->counters[POLLER_FAILED]++;
	state->cpu_ns = cpu_time();
}

/* Wait until a time; true: we have to end. */
static bool wait_until(uint64_t time, const sigset_t *signals)
{
	uint64_t now = when_now();
	struct timespec left;

	time = time > now ? time - now : 0;
	left.tv_sec = time / NSEC_PER_SEC;
	left.tv_nsec = time % NSEC_PER_SEC;
	return sigtimedwait(signals, NULL, &left) > 0;
}

/* Polls at multiples of the interval, which do not drift. */
static void poll_on(struct poll *poll, const sigset_t *signals)
{
	struct poller_state *state = poll->state;
	uint64_t next = when_now();

	if (!state->interval) {		/* it is done, but runs until stopped */
		sigwaitinfo(signals, NULL);
		return;
	}
	for (;;) {
		uint64_t step = state->interval * (state->slow_down ? : 1);
		uint64_t now = when_now();

		next += step;
		while (next < now) {
			state->counters[POLLER_LATE]++;
			next += step;
		}
		if (wait_until(next, signals))
			return;
		poll_once(poll);
	}
}

/* What the parent had open, its locks among them, is not ours to hold. */
static void close_others(int fd, int ready)
{
	int i, most = sysconf(_SC_OPEN_MAX);

	for (i = 3; i < most; i++)
		if (i != fd && i != ready)
			close(i);
}

static void detach(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (null > 2)
			close(null);
	}
	if (chdir("/"))
		return;
}

/* Tells by @ready, a byte, that the first poll is done. */
static void run_process(struct poll *poll, int fd, int ready)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	sigset_t signals;
	char done = 0;

	nlc_close();		/* the socket is that of the parent */
	close_others(fd, ready);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGINT, SIG_IGN);
	if (fcntl(fd, F_SETLK, &lock))
		_exit(1);
	if (poll->poller->open && poll->poller->open(poll))
		_exit(1);
	poll_once(poll);
	detach();
	if (write(ready, &done, 1) != 1)
		_exit(1);
	close(ready);
	poll_on(poll, &signals);
	_exit(0);
}

/* ---- start */

struct poller_start {
	struct poll poll;
	unsigned int nr;
	unsigned int registered;	/* bits: of the stores that we registered */
};

static int parse_layouts(struct poller_start *start)
{
	struct poll *poll = &start->poll;
	const struct poller *poller = poll->poller;
	unsigned int i;

	while (poller->stores[start->nr].name)
		start->nr++;
	poll->keys = xalloc(start->nr * sizeof(*poll->keys));
	poll->values = xalloc(start->nr * sizeof(*poll->values));
	for (i = 0; i < start->nr; i++) {
		const struct poll_store *store = &poller->stores[i];
		char *words = store->value ? xstrdup(store->value) :
					     poller->words(poller, i);
		bool good = words &&
			    layout_parse_key(&poll->keys[i], store->key) &&
			    layout_parse_value(&poll->values[i], words);

		free(words);
		if (!good)
			return REFUSED;
	}
	return DONE;
}

static int prepare_store(struct poller_start *start, unsigned int i,
			 uint64_t rows)
{
	const char *name = start->poll.poller->stores[i].name;
	struct layout *key = &start->poll.keys[i];
	struct layout *value = &start->poll.values[i];
	int code, map;

	code = collector_store_find(name, &key->schema, &value->schema, 0, &map);
	if (code == DONE && map < 0) {
		map = map_new(name, key, value, 1, &code);
		if (map >= 0)
			code = store_register(name, map,
					      KERNMLOPS_STORE_MODE_HISTORY,
					      rows, NULL);
		if (code == DONE)
			start->registered |= 1U << i;
	}
	if (map >= 0)
		close(map);
	return code;
}

static int make_state(struct poll *poll, const struct collector *c,
		      uint64_t interval)
{
	int fd, err;

	if (mkdir(RUN_DIR, 0700) && errno != EEXIST)
		return -errno;
	fd = open_state(c, O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, sizeof(struct poller_state))) {
		err = -errno;
		close(fd);
		return err;
	}
	poll->state = map_state(fd);
	if (!poll->state) {
		close(fd);
		return -ENOMEM;
	}
	if (c->poller->interval)
		poll->state->interval = interval ? : c->poller->interval;
	return fd;
}

static int launch(struct poll *poll, const struct collector *c,
		  uint64_t interval)
{
	int fd = make_state(poll, c, interval), ready[2], code = DONE;
	char byte;
	pid_t pid;

	if (!poll->state || pipe2(ready, O_CLOEXEC))
		return fail(REFUSED, fd < 0 ? -fd : errno,
			    "cannot make " RUN_DIR "/%s: %s", c->name,
			    strerror(fd < 0 ? -fd : errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(ready[0]);
		run_process(poll, fd, ready[1]);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		code = fail(REFUSED, pid < 0 ? errno : EIO,
			    "%s cannot poll here", c->name);
	if (code != DONE && pid > 0)
		waitpid(pid, NULL, 0);
	close(ready[0]);
	close(fd);
	munmap(poll->state, sizeof(*poll->state));
	return code;
}

int poller_start(const struct collector *c, uint64_t rows, uint64_t interval)
{
	struct poller_start start = { .poll.poller = c->poller };
	struct collector_needs needs;
	unsigned int i;
	int code = DONE;

	collector_needs(c, &needs);
	if (json_object_array_length(needs.missing))
		code = fail(REFUSED, EOPNOTSUPP, "%s cannot run here: %s", c->name,
			    json_object_get_string(json_object_array_get_idx(needs.missing, 0)));
	collector_needs_free(&needs);
	if (code == DONE)
		code = parse_layouts(&start);
	for (i = 0; i < start.nr && code == DONE; i++)
		code = prepare_store(&start, i, rows);
	if (code == DONE)
		code = launch(&start.poll, c, interval);
	if (code != DONE)
		for (i = 0; i < start.nr; i++)
			if (start.registered & 1U << i)
				store_unregister(c->poller->stores[i].name);
	for (i = 0; i < start.nr; i++) {
		schema_free(&start.poll.keys[i].schema);
		schema_free(&start.poll.values[i].schema);
	}
	free(start.poll.keys);
	free(start.poll.values);
	return code;
}

/* ---- while it runs */

static struct poller_state *open_running(const struct collector *c)
{
	struct poller_state *state;
	int fd = open_state(c, 0);

	if (fd < 0) {
		fail(REFUSED, -fd, "cannot read " RUN_DIR "/%s: %s", c->name,
		     strerror(-fd));
		return NULL;
	}
	state = map_state(fd);
	close(fd);
	if (!state)
		fail(REFUSED, errno, "cannot map " RUN_DIR "/%s: %s", c->name,
		     strerror(errno));
	return state;
}

static void close_running(struct poller_state *state)
{
	munmap(state, sizeof(*state));
}

/* Counters of causes come first, so they are read last. */
static struct json_object *state_json(const struct collector *c,
				      const struct poller_state *state)
{
	struct json_object *json = json_object_new_object();
	struct json_object *stores = json_object_new_array();
	struct json_object *counters = json_object_new_object();
	uint64_t values[POLLER_COUNTERS];
	int i;

	for (i = POLLER_COUNTERS; i--;)
		values[i] = __atomic_load_n(&state->counters[i],
					    __ATOMIC_ACQUIRE);
	for (i = 0; c->poller->stores[i].name; i++)
		json_object_array_add(stores,
				      json_object_new_string(c->poller->stores[i].name));
	for (i = 0; i < POLLER_COUNTERS; i++)
		json_add_uint(counters, poller_counters[i], values[i]);
	json_object_object_add(json, "model", NULL);
	json_object_object_add(json, "stores", stores);
	json_add_uint(json, "one_in", state->slow_down ? : 1);
	json_add_uint(json, "interval_ns", state->interval);
	json_object_object_add(json, "counters", counters);
	json_add_uint(json, "cpu_ns", state->cpu_ns);
	json_object_object_add(json, "programs", json_object_new_array());
	return json;
}

struct json_object *poller_state(const struct collector *c)
{
	struct poller_state *state = open_running(c);
	struct json_object *json;

	if (!state)
		return NULL;
	json = state_json(c, state);
	close_running(state);
	return json;
}

int poller_slow_down(const struct collector *c, uint32_t n)
{
	struct poller_state *state = open_running(c);

	if (!state)
		return REFUSED;
	state->slow_down = n;
	close_running(state);
	return DONE;
}

/* ---- stop */

int poller_stop(const struct collector *c, struct json_object **final)
{
	struct poller_state *state = open_running(c);
	int waits, pid = poller_pid(c), code = DONE;
	char *path;

	if (!state)
		return REFUSED;
	if (pid > 0 && kill(pid, SIGTERM))
		code = fail(REFUSED, errno, "cannot stop the process %d of %s: %s",
			    pid, c->name, strerror(errno));
	for (waits = 0; code == DONE && poller_pid(c) > 0; waits++) {
		if (waits == STOP_WAITS)
			code = fail(REFUSED, ETIMEDOUT,
				    "the process %d of %s does not end", pid,
				    c->name);
		usleep(STOP_WAIT_US);
	}
	if (code == DONE) {
		*final = state_json(c, state);
		path = xprintf(RUN_DIR "/%s", c->name);
		unlink(path);
		rmdir(RUN_DIR);		/* unless there is another one */
		free(path);
		/* If it is our child, it must not stay as a zombie. */
		waitpid(pid, NULL, 0);
	}
	close_running(state);
	return code;
}
