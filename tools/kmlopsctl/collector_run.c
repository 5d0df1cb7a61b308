// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting and stopping collectors. What keeps a collector running are its
 * pinned links; its maps are pinned beside them, so that counters and constants
 * can be read meanwhile:
 *
 *	/sys/fs/bpf/kernmlops/NAME/links/PROGRAM
 *	/sys/fs/bpf/kernmlops/NAME/maps/MAP
 *
 * Stores hold their maps themselves and stay when the collector is stopped.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <json-c/json.h>
#include <linux/kernmlops_model.h>
#include <linux/magic.h>

#include "btf_schema.h"
#include "collector.h"
#include "kmlopsctl.h"
#include "model.h"
#include "netlink.h"
#include "output.h"
#include "store.h"

#define BPF_FS		"/sys/fs/bpf"
#define PIN_ROOT	BPF_FS "/kernmlops"

#define DEFAULT_ROWS	65536
/* The stores of a collector and that of the answers of its model. */
#define STORES_MAX	8

#define STOP_WAIT_US	10000
#define STOP_WAITS	1000

/* ---- pins */

static char *pin_path(const struct collector *c, const char *kind,
		      const char *name)
{
	return xprintf(PIN_ROOT "/%s/%s%s%s", c->name, kind, *name ? "/" : "",
		       name);
}

typedef void (*pin_func)(const char *name, const char *path, void *arg);

/* Call @func for each pin of a kind; the number of pins or a negative errno. */
static int walk_pins(const struct collector *c, const char *kind,
		     pin_func func, void *arg)
{
	char *dir_path = pin_path(c, kind, "");
	DIR *dir = opendir(dir_path);
	int nr = dir ? 0 : -errno;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		nr++;
		if (!func)
			continue;
		path = pin_path(c, kind, entry->d_name);
		func(entry->d_name, path, arg);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(dir_path);
	return nr == -ENOENT ? 0 : nr;
}

static void unpin(const char *name, const char *path, void *arg)
{
	unlink(path);
}

static void unpin_all(const struct collector *c)
{
	static const char *const kinds[] = { "links", "maps" };
	char *dir;
	int i;

	for (i = 0; i < 2; i++) {
		dir = pin_path(c, kinds[i], "");
		walk_pins(c, kinds[i], unpin, NULL);
		rmdir(dir);
		free(dir);
	}
	dir = xprintf(PIN_ROOT "/%s", c->name);
	rmdir(dir);
	rmdir(PIN_ROOT);	/* unless another collector is there */
	free(dir);
}

static int make_dirs(const struct collector *c)
{
	char *top = xprintf(PIN_ROOT "/%s", c->name);
	char *links = pin_path(c, "links", ""), *maps = pin_path(c, "maps", "");
	const char *dirs[] = { PIN_ROOT, top, links, maps };
	int i, code = DONE;

	for (i = 0; i < 4 && code == DONE; i++)
		if (mkdir(dirs[i], 0700) && errno != EEXIST)
			code = fail(REFUSED, errno, "cannot make %s: %s",
				    dirs[i], strerror(errno));
	free(top);
	free(links);
	free(maps);
	return code;
}

/* Starts and stops exclude each other. A descriptor, or -1 after a report. */
static int lock_pins(void)
{
	struct statfs fs;
	int fd = open(BPF_FS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		fail(REFUSED, errno, "cannot open " BPF_FS ": %s%s",
		     strerror(errno), errno == EACCES ? "; this needs root" : "");
		return -1;
	}
	if (fstatfs(fd, &fs) || fs.f_type != BPF_FS_MAGIC) {
		fail(REFUSED, ENOENT,
		     "the BPF file system is not there; mount it with: mount -t bpf none "
		     BPF_FS);
		close(fd);
		return -1;
	}
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

int collector_running(const struct collector *c)
{
	int nr = walk_pins(c, "links", NULL, NULL);

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

/* ---- start */

struct start {
	const struct collector *c;
	const struct collector_options *options;
	void *object;
	struct bpf_object_skeleton *skeleton;
	const char *stores[STORES_MAX];
	bool found[STORES_MAX];		/* it was registered before */
	bool registered[STORES_MAX];	/* it is by us */
	unsigned int nr_stores;
};

static int check_kernel(const struct collector *c)
{
	struct json_object *reasons = collector_missing(c);
	size_t nr = json_object_array_length(reasons);
	int code = DONE;

	if (nr)
		code = fail(REFUSED, EOPNOTSUPP, "%s cannot run here: %s",
			    c->name,
			    json_object_get_string(json_object_array_get_idx(reasons, 0)));
	json_object_put(reasons);
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

static int compare_fields(const char *store, const char *what,
			  const struct schema *there, const struct schema *ours)
{
	unsigned int i;

	for (i = 0; i < there->nr && i < ours->nr; i++) {
		const struct field *a = &there->fields[i];
		const struct field *b = &ours->fields[i];

		if (strcmp(a->name, b->name) || a->type != b->type ||
		    a->offset != b->offset || a->count != b->count)
			break;
	}
	if (i == there->nr && i == ours->nr)
		return DONE;
	return fail(REFUSED, EEXIST,
		    "the store %s is there with other fields: %u of its %s is %s, not %s; unregister it first",
		    store, i, what,
		    i < there->nr ? there->fields[i].name : "missing",
		    i < ours->nr ? ours->fields[i].name : "there");
}

/* Whether a store that was registered before can take the rows of @map. */
static int compare_store(const struct store *store, const struct bpf_map *map,
			 const struct btf *btf)
{
	struct schema key = { 0 }, value = { 0 };
	char *why = NULL;
	int code;

	if (schema_from_btf(&key, btf, bpf_map__btf_key_type_id(map), "key",
			    &why) ||
	    schema_from_btf(&value, btf, bpf_map__btf_value_type_id(map),
			    "value", &why)) {
		code = fail(REFUSED, EINVAL, "store %s: %s", store->name, why);
		free(why);
	} else if (store->mode == KERNMLOPS_STORE_MODE_MAP) {
		code = fail(REFUSED, EEXIST,
			    "the store %s is there, but takes no rows; unregister it first",
			    store->name);
	} else {
		code = compare_fields(store->name, "key", &store->key, &key);
		if (code == DONE)
			code = compare_fields(store->name, "value",
					      &store->value, &value);
	}
	schema_free(&key);
	schema_free(&value);
	return code;
}

/* Go on with a store that is there already: its map becomes that of the object. */
static int adopt_store(struct start *start, unsigned int i)
{
	struct bpf_object *obj = *start->skeleton->obj;
	const char *name = start->stores[i];
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);
	struct store store;
	int code, err, fd;

	err = store_find(name, &store);
	if (err == -ENOENT)
		return DONE;
	if (err)
		return nlc_report(err);

	code = compare_store(&store, map, bpf_object__btf(obj));
	if (code == DONE && start->options->rows > store.rows)
		code = fail(REFUSED, EEXIST,
			    "the store %s is there and retains %" PRIu64 " rows; unregister it to have more",
			    name, store.rows);
	if (code == DONE) {
		fd = bpf_map_get_fd_by_id(store.map_id);
		err = fd < 0 ? -errno : bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
		if (err)
			code = fail_bpf(err, "cannot open the map of the store %s",
					name);
	}
	start->found[i] = code == DONE;
	store_free(&store);
	return code;
}

static int open_object(struct start *start)
{
	const struct collector *c = start->c;
	unsigned int i;
	int code;

	start->object = c->open(start->options->model, &start->skeleton);
	if (!start->object)
		return fail_bpf(errno, "cannot open the BPF object of %s",
				c->name);
	for (i = 0; i < start->nr_stores; i++) {
		code = adopt_store(start, i);
		if (code != DONE)
			return code;
	}
	return DONE;
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
		map = bpf_object__find_map_by_name(*start->skeleton->obj, name);
		code = store_register(name, bpf_map__fd(map),
				      KERNMLOPS_STORE_MODE_HISTORY, rows, NULL);
		if (code != DONE)
			return code;
		start->registered[i] = true;
	}
	return DONE;
}

/* OBJECT.rodata and .rodata.str1.1 are pinned as rodata and rodata_str1_1. */
static char *map_pin_name(const char *map)
{
	const char *dot = strchr(map, '.');
	char *name = xstrdup(dot ? dot + 1 : map), *s;

	for (s = name; *s; s++)
		if (*s == '.')
			*s = '_';
	return name;
}

/*
 * Entries of a skeleton are as large as bpftool generated them, which may be
 * less than libbpf's header has them.
 */
static struct bpf_map_skeleton *skeleton_map(struct bpf_object_skeleton *s,
					     int i)
{
	return (void *)((char *)s->maps + i * s->map_skel_sz);
}

static struct bpf_prog_skeleton *skeleton_prog(struct bpf_object_skeleton *s,
					       int i)
{
	return (void *)((char *)s->progs + i * s->prog_skel_sz);
}

/* Start to collect, now that all programs are there. */
static int activate(struct start *start)
{
	struct bpf_object_skeleton *s = start->skeleton;
	int i;

	for (i = 0; i < s->map_cnt; i++) {
		struct bpf_map_skeleton *map = skeleton_map(s, i);
		char *name = map_pin_name(map->name);
		bool bss = !strcmp(name, "bss");

		free(name);
		if (bss && map->mmaped && *map->mmaped) {
			start->c->set_active(*map->mmaped, true);
			return DONE;
		}
	}
	return fail(REFUSED, ENOENT, "the BPF object of %s has no variables",
		    start->c->name);
}

static int attach(struct start *start)
{
	struct bpf_object_skeleton *s = start->skeleton;
	const struct collector *c = start->c;
	int i, err, code = DONE;

	err = bpf_object__attach_skeleton(s);
	if (err)
		return fail_bpf(err, "cannot attach the programs of %s",
				c->name);
	for (i = 0; i < s->prog_cnt && code == DONE; i++) {
		struct bpf_prog_skeleton *prog = skeleton_prog(s, i);
		char *path = pin_path(c, "links", prog->name);

		err = bpf_link__pin(*prog->link, path);
		if (err)
			code = fail_bpf(err, "cannot pin %s", path);
		free(path);
	}
	return code;
}

static int pin_maps(struct start *start)
{
	const struct collector *c = start->c;
	struct bpf_map *map;
	int err, code = DONE;

	bpf_object__for_each_map(map, *start->skeleton->obj) {
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
	err = bpf_object__load_skeleton(start->skeleton);
	if (err)
		return fail_bpf(err, "cannot load the programs of %s", c->name);

	unpin_all(c);		/* what a start that was killed has left */
	code = make_dirs(c);
	if (code == DONE)
		code = pin_maps(start);
	if (code == DONE)
		code = register_stores(start);
	if (code == DONE)
		code = attach(start);
	if (code == DONE)
		code = activate(start);
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
	else
		code = run(&start);
	if (start.object)
		c->close(start.object);
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
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values, *sums;
	uint32_t i, nr = 0;

	while (c->counters[nr])
		nr++;
	values = xalloc(cpus * sizeof(*values));
	sums = xalloc(nr * sizeof(*sums));
	for (i = nr; i--;)
		if (!bpf_map_lookup_elem(fd, &i, values))
			sums[i] = sum_cpus(values, cpus);
	for (i = 0; i < nr; i++)
		json_add_uint(json, c->counters[i], sums[i]);
	free(values);
	free(sums);
	return json;
}

static int open_pinned_map(const struct collector *c, const char *name)
{
	char *path = pin_path(c, "maps", name);
	int fd = bpf_obj_get(path);

	free(path);
	return fd;
}

static struct json_object *model_json_of(const struct collector *c)
{
	int fd = open_pinned_map(c, "rodata");
	struct json_object *json = NULL;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	const char *model;
	void *rodata;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		goto out;
	rodata = xalloc(info.value_size);
	if (!bpf_map_lookup_elem(fd, &zero, rodata)) {
		model = c->model_of(rodata);
		if (model)
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

struct json_object *collector_state(const struct collector *c)
{
	struct json_object *json, *model, *programs;
	int fd = open_pinned_map(c, "counters");

	if (fd < 0) {
		fail(REFUSED, errno, "cannot open the counters of %s: %s",
		     c->name, strerror(errno));
		return NULL;
	}
	json = json_object_new_object();
	model = model_json_of(c);
	json_object_object_add(json, "model", model);
	json_object_object_add(json, "stores", stores_json(c, model));
	json_object_object_add(json, "counters", counters_json(c, fd));
	programs = json_object_new_array();
	walk_pins(c, "links", add_program, programs);
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
	int fd = open_pinned_map(c, "bss");
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	void *bss;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		goto out;
	bss = xalloc(info.value_size);
	if (!bpf_map_lookup_elem(fd, &zero, bss)) {
		c->set_active(bss, false);
		bpf_map_update_elem(fd, &zero, bss, BPF_EXIST);
	}
	free(bss);
out:
	if (fd >= 0)
		close(fd);
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
		code = running ? fail(REFUSED, -running, "cannot read " PIN_ROOT ": %s",
				      strerror(-running)) :
		       fail(REFUSED, ENOENT, "%s is not running", c->name);
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
