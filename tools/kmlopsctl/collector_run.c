// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting and stopping collectors. Stores hold their maps themselves and stay
 * when a collector is stopped.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <json-c/json.h>
#include <linux/kernmlops_model.h>

#include "btf_schema.h"
#include "collector.h"
#include "collector_control.h"
#include "collector_pins.h"
#include "collector_store.h"
#include "kmlopsctl.h"
#include "model.h"
#include "netlink.h"
#include "output.h"
#include "poller.h"
#include "store.h"

#define DEFAULT_ROWS	65536
/* The stores of a collector and that of the answers of its model. */
#define STORES_MAX	8

#define STOP_WAIT_US	10000
#define STOP_WAITS	1000

const char **collector_stores(const struct collector *c)
{
	const char **names = xalloc((STORES_MAX + 1) * sizeof(*names));
	int i;

	if (c->poller)
		for (i = 0; c->poller->stores[i].name; i++)
			names[i] = c->poller->stores[i].name;
	else
		for (i = 0; c->stores[i]; i++)
			names[i] = c->stores[i];
	return names;
}

int collector_running(const struct collector *c)
{
	int nr;

	if (c->poller)
		return poller_pid(c) > 0;
	nr = walk_pins(c, "links", NULL, NULL);
	return nr > 0 ? 1 : nr;
}

/* ---- the words of libbpf, kept for when something goes wrong */

static char *libbpf_log;

static int log_libbpf(enum libbpf_print_level level, const char *fmt,
		      va_list args)
{
	char *text, *longer;

	if (level != LIBBPF_WARN || vasprintf(&text, fmt, args) < 0)
		return 0;
	longer = xprintf("%s%s", libbpf_log ? libbpf_log : "", text);
	free(libbpf_log);
	free(text);
	libbpf_log = longer;
	return 0;
}

/* With what the verifier said, but for readers of JSON. */
static int fail_bpf(int err, const char *fmt, const char *name)
{
	char *what = xprintf(fmt, name);

	err = err < 0 ? -err : err;
	fail(REFUSED, err, "%s: %s%s", what, strerror(err),
	     err == EPERM ? "; this needs root" : "");
	if (libbpf_log && !opt_json())
		fputs(libbpf_log, stderr);
	free(what);
	return REFUSED;
}

/* ---- control */

/* The control of a running collector, mapped; NULL with errno set. */
static struct collector_control *map_control(const struct collector *c)
{
	int fd = open_pinned_map(c, "data_control");
	void *control;

	if (fd < 0)
		return NULL;
	control = mmap(NULL, sizeof(struct collector_control),
		       PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return control == MAP_FAILED ? NULL : control;
}

static void unmap_control(struct collector_control *control)
{
	munmap(control, sizeof(*control));
}

int collector_sample(const struct collector *c, uint32_t n)
{
	struct collector_control *control;

	if (c->poller)
		return poller_slow_down(c, n);
	control = map_control(c);
	if (!control)
		return fail(REFUSED, errno, "cannot reach the control of %s: %s",
			    c->name, strerror(errno));
	control->one_in = n;
	unmap_control(control);
	return DONE;
}

/* ---- start */

struct start {
	const struct collector *c;
	const struct collector_options *options;
	struct bpf_object *object;
	const char *stores[STORES_MAX];
	bool found[STORES_MAX];		/* it was registered before */
	bool registered[STORES_MAX];	/* it is by us */
	unsigned int nr_stores;
};

static int check_kernel(const struct collector *c)
{
	struct collector_needs needs;
	int code = DONE;

	collector_needs(c, &needs);
	if (json_object_array_length(needs.missing))
		code = fail(REFUSED, EOPNOTSUPP, "%s cannot run here: %s",
			    c->name,
			    json_object_get_string(json_object_array_get_idx(needs.missing, 0)));
	collector_needs_free(&needs);
	return code;
}

static int check_inputs(const struct collector *c, const struct model *model)
{
	unsigned int i;

	for (i = 0; i < model->nr_input_names && c->model_inputs[i]; i++)
		if (strcmp(model->input_names[i], c->model_inputs[i]))
			return fail(REFUSED, EINVAL,
				    "input %u of model %s is %s, but %s gives it %s",
				    i, model->name, model->input_names[i],
				    c->name, c->model_inputs[i]);
	if (c->model_inputs[i])
		return fail(REFUSED, EINVAL,
			    "model %s has %u inputs; %s would go on with %s",
			    model->name, i, c->name, c->model_inputs[i]);
	if (i < model->nr_input_names)
		return fail(REFUSED, EINVAL,
			    "input %u of model %s is %s, but %s gives it only %u inputs",
			    i, model->name, model->input_names[i], c->name, i);
	return DONE;
}

static int check_model(const struct collector *c, const char *name)
{
	struct model model;
	int code, err;

	if (!c->model_inputs)
		return fail(REFUSED, EOPNOTSUPP, "%s calls no model", c->name);
	err = model_find(name, &model);
	if (err == -ENOENT)
		return fail(REFUSED, ENOENT, "there is no model %s", name);
	if (err)
		return nlc_report(err);

	code = check_inputs(c, &model);
	if (code == DONE && (model.task != KMLOPS_MODEL_TASK_CLASSIFY ||
			     model.outputs - 1 < c->model_scores))
		code = fail(REFUSED, EINVAL,
			    "model %s has to be a classifier of at least %u classes",
			    model.name, c->model_scores);
	model_free(&model);
	return code;
}

/* Go on with a store that is there already: its map becomes that of the object. */
static int adopt_store(struct start *start, unsigned int i)
{
	const struct btf *btf = bpf_object__btf(start->object);
	const char *name = start->stores[i];
	struct bpf_map *map = bpf_object__find_map_by_name(start->object, name);
	struct schema key = { 0 }, value = { 0 };
	int code, err, fd = -1;
	char *why = NULL;

	if (schema_from_btf(&key, btf, bpf_map__btf_key_type_id(map), "key",
			    &why) ||
	    schema_from_btf(&value, btf, bpf_map__btf_value_type_id(map),
			    "value", &why)) {
		code = fail(REFUSED, EINVAL, "store %s: %s", name, why);
		free(why);
	} else {
		code = collector_store_find(name, &key, &value,
					    start->options->rows, &fd);
	}
	if (fd >= 0) {
		err = bpf_map__reuse_fd(map, fd);
		if (err)
			code = fail_bpf(err, "cannot use the map of the store %s",
					name);
		close(fd);
		start->found[i] = true;
	}
	schema_free(&key);
	schema_free(&value);
	return code;
}

/* Its map of constants takes the name of a model before it is loaded. */
static int set_model(struct start *start)
{
	struct bpf_map *map;
	size_t size;
	char *name;

	map = bpf_object__find_map_by_name(start->object, ".rodata.model");
	name = map ? (char *)bpf_map__initial_value(map, &size) : NULL;
	if (!name)
		return fail(REFUSED, EOPNOTSUPP, "%s calls no model",
			    start->c->name);
	/* The caller has found this model: its name fits. */
	snprintf(name, size, "%s", start->options->model);
	return DONE;
}

static int open_object(struct start *start)
{
	unsigned int i;
	int code = DONE;

	start->object = collector_open(start->c);
	if (!start->object)
		return fail_bpf(errno, "cannot open the BPF object of %s",
				start->c->name);
	if (start->options->model)
		code = set_model(start);
	for (i = 0; i < start->nr_stores && code == DONE; i++)
		code = adopt_store(start, i);
	return code;
}

static int register_stores(struct start *start)
{
	uint64_t rows = start->options->rows ? : DEFAULT_ROWS;
	unsigned int i;
	int code;

	for (i = 0; i < start->nr_stores; i++) {
		const char *name = start->stores[i];
		struct bpf_map *map;

		if (start->found[i])
			continue;
		map = bpf_object__find_map_by_name(start->object, name);
		code = store_register(name, bpf_map__fd(map),
				      KERNMLOPS_STORE_MODE_HISTORY, rows, NULL);
		if (code != DONE)
			return code;
		start->registered[i] = true;
	}
	return DONE;
}

/* Start to collect, now that all programs are there. */
static int activate(const struct collector *c)
{
	struct collector_control *control = map_control(c);

	if (!control)
		return fail(REFUSED, errno, "cannot reach the control of %s: %s",
			    c->name, strerror(errno));
	control->active = 1;
	unmap_control(control);
	return DONE;
}

/* The link is held by its pin alone. */
static int attach_program(struct start *start, struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);
	struct bpf_link *link = bpf_program__attach(prog);
	int err, code = DONE;
	char *path;

	if (!link)
		return fail_bpf(errno, "cannot attach the program %s", name);
	path = pin_path(start->c, "links", name);
	err = bpf_link__pin(link, path);
	if (err)
		code = fail_bpf(err, "cannot pin %s", path);
	free(path);
	bpf_link__destroy(link);
	return code;
}

static int attach(struct start *start)
{
	struct bpf_program *prog;
	int code;

	bpf_object__for_each_program(prog, start->object) {
		if (!bpf_program__autoload(prog))
			continue;
		code = attach_program(start, prog);
		if (code != DONE)
			return code;
	}
	return DONE;
}

static int pin_maps(struct start *start)
{
	const struct collector *c = start->c;
	struct bpf_map *map;
	int err, code = DONE;

	bpf_object__for_each_map(map, start->object) {
		char *name = map_pin_name(bpf_map__name(map));
		char *path = pin_path(c, "maps", name);

		err = bpf_map__pin(map, path);
		if (err)
			code = fail_bpf(err, "cannot pin %s", path);
		free(path);
		free(name);
		if (code != DONE)
			break;
	}
	return code;
}

static void undo(struct start *start)
{
	unsigned int i;

	unpin_all(start->c);
	for (i = 0; i < start->nr_stores; i++)
		if (start->registered[i])
			store_unregister(start->stores[i]);
}

static int run(struct start *start)
{
	const struct collector *c = start->c;
	const char *const *name;
	int code, err;

	code = check_kernel(c);
	if (code == DONE && start->options->model)
		code = check_model(c, start->options->model);
	if (code != DONE)
		return code;

	for (name = c->stores; *name; name++)
		start->stores[start->nr_stores++] = *name;
	if (start->options->model)
		start->stores[start->nr_stores++] = c->model_store;

	code = open_object(start);
	if (code != DONE)
		return code;
	err = bpf_object__load(start->object);
	if (err)
		return fail_bpf(err, "cannot load the programs of %s", c->name);

	unpin_all(c);		/* what a start that was killed has left */
	code = make_pin_dirs(c);
	if (code == DONE)
		code = pin_maps(start);
	if (code == DONE)
		code = register_stores(start);
	if (code == DONE)
		code = attach(start);
	if (code == DONE)
		code = activate(c);
	if (code != DONE)
		undo(start);
	return code;
}

int collector_start(const struct collector *c,
		    const struct collector_options *options)
{
	struct start start = { .c = c, .options = options };
	libbpf_print_fn_t print;
	struct nlc_info info;
	int code, err, lock;

	err = nlc_info(&info);
	if (err)
		return nlc_report(err);
	lock = lock_pins();
	if (lock < 0)
		return REFUSED;

	print = libbpf_set_print(log_libbpf);
	if (collector_running(c) > 0)
		code = fail(REFUSED, EBUSY,
			    "%s is running already; stop it with: kmlopsctl collector stop %s",
			    c->name, c->name);
	else if (c->poller && options->model)
		code = fail(REFUSED, EOPNOTSUPP, "%s calls no model", c->name);
	else if (c->poller)
		code = poller_start(c, options->rows ? : DEFAULT_ROWS,
				    options->interval);
	else if (options->interval)
		code = fail(REFUSED, EOPNOTSUPP,
			    "%s captures what happens; it has no interval", c->name);
	else
		code = run(&start);
	if (start.object)
		bpf_object__close(start.object);
	libbpf_set_print(print);
	free(libbpf_log);
	libbpf_log = NULL;
	close(lock);
	return code;
}

/* ---- state */

static uint64_t sum_cpus(const uint64_t *values, int cpus)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

/*
 * Counters go on while they are read. Those of causes come first in their
 * list, so they are read last: there are never more effects than causes.
 */
static struct json_object *counters_json(const struct collector *c, int fd)
{
	struct json_object *json = json_object_new_object();
	const char *const *names = collector_counters(c);
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values, *sums;
	uint32_t i, nr = 0;

	while (names[nr])
		nr++;
	values = xalloc(cpus * sizeof(*values));
	sums = xalloc(nr * sizeof(*sums));
	for (i = nr; i--;)
		if (!bpf_map_lookup_elem(fd, &i, values))
			sums[i] = sum_cpus(values, cpus);
	for (i = 0; i < nr; i++)
		json_add_uint(json, names[i], sums[i]);
	free(values);
	free(sums);
	return json;
}

static struct json_object *model_json_of(const struct collector *c)
{
	int fd = open_pinned_map(c, "rodata_model");
	struct json_object *json = NULL;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	const char *model;
	void *rodata;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		goto out;
	rodata = xalloc(info.value_size);
	if (!bpf_map_lookup_elem(fd, &zero, rodata)) {
		model = rodata;
		if (*model)
			json = json_object_new_string(model);
	}
	free(rodata);
out:
	if (fd >= 0)
		close(fd);
	return json;
}

/* The program behind a link: a descriptor or -1. */
static int program_of(const char *path)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int link = bpf_obj_get(path), fd = -1;

	if (link < 0)
		return -1;
	if (!bpf_obj_get_info_by_fd(link, &info, &len))
		fd = bpf_prog_get_fd_by_id(info.prog_id);
	close(link);
	return fd;
}

static void add_program(const char *name, const char *path, void *arg)
{
	struct json_object *json = json_object_new_object();
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = program_of(path);

	json_add_string(json, "name", name);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len)) {
		json_add_uint(json, "id", info.id);
		json_add_uint(json, "recursion_misses", info.recursion_misses);
		/* Zero unless sysctl kernel.bpf_stats_enabled is set. */
		json_add_uint(json, "run_count", info.run_cnt);
		json_add_uint(json, "run_time_ns", info.run_time_ns);
	}
	if (fd >= 0)
		close(fd);
	json_object_array_add(arg, json);
}

static struct json_object *stores_json(const struct collector *c, bool model)
{
	struct json_object *array = json_object_new_array();
	const char *const *name;

	for (name = c->stores; *name; name++)
		json_object_array_add(array, json_object_new_string(*name));
	if (model)
		json_object_array_add(array,
				      json_object_new_string(c->model_store));
	return array;
}

static void add_cpu_time(struct json_object *json, struct json_object *programs)
{
	uint64_t ns = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(programs); i++) {
		struct json_object *program = json_object_array_get_idx(programs, i);
		struct json_object *time;

		if (json_object_object_get_ex(program, "run_time_ns", &time))
			ns += json_object_get_uint64(time);
	}
	json_add_uint(json, "cpu_ns", ns);
}

static void add_control(struct json_object *json, const struct collector *c)
{
	struct collector_control *control = map_control(c);

	if (!control)
		return;
	json_add_uint(json, "one_in", control->one_in ? : 1);
	unmap_control(control);
}

struct json_object *collector_state(const struct collector *c)
{
	struct json_object *json, *model, *programs;
	int fd;

	if (c->poller)
		return poller_state(c);
	fd = open_pinned_map(c, "counters");
	if (fd < 0) {
		fail(REFUSED, errno, "cannot open the counters of %s: %s",
		     c->name, strerror(errno));
		return NULL;
	}
	json = json_object_new_object();
	model = model_json_of(c);
	json_object_object_add(json, "model", model);
	json_object_object_add(json, "stores", stores_json(c, model));
	add_control(json, c);
	json_object_object_add(json, "counters", counters_json(c, fd));
	programs = json_object_new_array();
	walk_pins(c, "links", add_program, programs);
	add_cpu_time(json, programs);
	json_object_object_add(json, "programs", programs);
	close(fd);
	return json;
}

/* ---- stop */

/*
 * Links are let go in the background. Their programs are gone when none of
 * them can run any more: only then are counters and stores at rest.
 */
static bool wait_for_programs(struct json_object *state)
{
	struct json_object *programs, *id;
	size_t i;
	int waits = 0;

	json_object_object_get_ex(state, "programs", &programs);
	for (i = 0; i < json_object_array_length(programs); i++) {
		struct json_object *program = json_object_array_get_idx(programs, i);

		if (!json_object_object_get_ex(program, "id", &id))
			continue;
		for (;;) {
			int fd = bpf_prog_get_fd_by_id(json_object_get_int64(id));

			if (fd < 0)
				break;
			close(fd);
			if (waits++ == STOP_WAITS)
				return false;
			usleep(STOP_WAIT_US);
		}
	}
	return true;
}

static void deactivate(const struct collector *c)
{
	struct collector_control *control = map_control(c);

	if (!control)
		return;
	control->active = 0;
	unmap_control(control);
}

int collector_stop(const struct collector *c, struct json_object **final)
{
	struct json_object *state = NULL;
	int running, counters = -1, code = DONE;
	int lock = lock_pins();

	if (lock < 0)
		return REFUSED;
	running = collector_running(c);
	if (running <= 0) {
		code = running ? fail(REFUSED, -running, "cannot read the pins of %s: %s",
				      c->name, strerror(-running)) :
		       fail(REFUSED, ENOENT, "%s is not running", c->name);
		goto out;
	}
	if (c->poller) {
		code = poller_stop(c, &state);
		goto out;
	}
	state = collector_state(c);
	counters = open_pinned_map(c, "counters");
	deactivate(c);
	unpin_all(c);
	if (!state || counters < 0)
		goto out;
	if (!wait_for_programs(state))
		warn("%s is stopped, but something else still holds its programs",
		     c->name);
	json_object_object_add(state, "counters", counters_json(c, counters));
out:
	if (counters >= 0)
		close(counters);
	close(lock);
	if (final)
		*final = state;
	else
		json_object_put(state);
	return code;
}
