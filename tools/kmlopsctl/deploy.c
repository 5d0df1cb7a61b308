// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmlopsctl deploy: models that arrive as files, and what a boot restores.
 *
 * A spool directory has files NAME.kmml. Each is loaded as the next version of
 * NAME and moved to deployed/NAME.kmml; one that is refused is moved to failed/
 * with the reason beside it. Writers make a file under another name, or one
 * that begins with a dot, and rename it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmlops.h"
#include "kmlopsctl.h"
#include "model.h"
#include "netlink.h"
#include "output.h"

#define SUFFIX		".kmml"
#define SPOOL		"/var/spool/kernmlops"
#define CONFIG		"/etc/kernmlops"

static const char help[] =
	"kmlopsctl deploy watch [DIR]\n"
	"kmlopsctl deploy once [DIR]\n"
	"kmlopsctl deploy restore [DIR]\n";

/* Whether a model file wants to be active: unless its provenance says it does not. */
static bool asks_active(const uint8_t *data, size_t size)
{
	struct json_object *provenance, *deploy, *active;
	bool asks = true;

	provenance = model_provenance(data, size);
	if (json_object_object_get_ex(provenance, "deploy", &deploy) &&
	    json_object_object_get_ex(deploy, "active", &active))
		asks = json_object_get_boolean(active);
	json_object_put(provenance);
	return asks;
}

static bool has_suffix(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && len > suffix &&
	       !strcmp(name + len - suffix, SUFFIX);
}

static int put_aside(int dir, const char *file, const char *to)
{
	char *target = xprintf("%s/%s", to, file);
	int code = DONE;

	if ((mkdirat(dir, to, 0755) && errno != EEXIST) ||
	    renameat(dir, file, dir, target))
		code = fail(REFUSED, errno, "cannot move %s to %s: %s", file,
			    target, strerror(errno));
	free(target);
	return code;
}

static int write_reason(int dir, const char *file, const char *reason)
{
	char *path = xprintf("failed/%s.reason", file);
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);
	bool bad = fd < 0 || dprintf(fd, "%s\n", reason) < 0;
	int code = DONE;

	if (bad)
		code = fail(REFUSED, errno, "cannot write %s: %s", path,
			    strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	return code;
}

static void tell(const char *name, const struct model *model)
{
	if (opt_json())
		out_json(model_json(model));
	else
		printf("model %s: version %u%s\n", name, model->version,
		       model->active ? "" : " (not active)");
	fflush(stdout);
}

static void tell_failed(const char *name, const char *reason)
{
	if (opt_json()) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, "name", name);
		json_add_string(json, "error", reason);
		out_json(json);
	} else {
		printf("model %s: refused: %s\n", name, reason);
	}
	fflush(stdout);
}

/* The whole of a file in the spool, or NULL with errno set. */
static uint8_t *read_at(int dir, const char *file, size_t *size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t *data = NULL;
	struct stat st;
	ssize_t got;
	int err;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st))
		goto out;
	if (!S_ISREG(st.st_mode) || st.st_size > UINT32_MAX) {
		errno = EINVAL;
		goto out;
	}
	data = xalloc(st.st_size + 1);
	for (*size = 0; *size < (size_t)st.st_size; *size += got) {
		got = read(fd, data + *size, st.st_size - *size);
		if (got <= 0)
			break;
	}
out:
	err = errno;
	close(fd);
	errno = err;
	return data;
}

/*
 * Load one file under its name. *@reason is NULL, or why the file was refused;
 * what is no fault of the file is a code.
 */
static int load(int dir, const char *file, bool active, char **reason)
{
	struct model_load load = { .inactive = !active };
	char why[KMLOPS_WHY_LEN];
	struct model model = { 0 };
	uint8_t *data;
	size_t size;
	char *name;
	int err;

	*reason = NULL;
	data = read_at(dir, file, &size);
	if (!data)
		return fail(REFUSED, errno, "cannot read %s: %s", file,
			    strerror(errno));
	name = xstrdup(strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
	name[strlen(name) - strlen(SUFFIX)] = 0;

	if (kmlops_verify(data, size, why)) {
		*reason = xstrdup(why);
		goto out;
	}
	err = model_send(name, data, size, &load, &model);
	if (err && !nlc_loaded()) {
		free(data);
		free(name);
		return nlc_report(err);
	}
	if (err)
		*reason = xstrdup(*nlc_sentence() ? nlc_sentence() :
				  strerror(-err));
	else
		tell(name, &model);
out:
	if (*reason)
		tell_failed(name, *reason);
	model_free(&model);
	free(data);
	free(name);
	return DONE;
}

/* A new file of the spool. */
static int deploy(int dir, const char *file)
{
	char *reason;
	uint8_t *data;
	bool active;
	size_t size;
	int code;

	data = read_at(dir, file, &size);
	active = !data || asks_active(data, size);
	free(data);
	code = load(dir, file, active, &reason);
	if (code != DONE)
		return code;
	code = put_aside(dir, file, reason ? "failed" :
			 active ? "deployed" : "waiting");
	if (code == DONE && reason)
		code = write_reason(dir, file, reason);
	free(reason);
	return code;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcoll((*a)->d_name, (*b)->d_name);
}

static int is_model_file(const struct dirent *entry)
{
	return has_suffix(entry->d_name);
}

typedef int visit_fn(int dir, const char *file);

/* Calls @visit for the model files of a directory in the order of their names. */
static int visit_files(int dir, const char *path, visit_fn *visit)
{
	struct dirent **entries;
	int nr, i, code = DONE;

	nr = scandirat(dir, path, &entries, is_model_file, by_name);
	if (nr < 0)
		return errno == ENOENT && strcmp(path, ".") ? DONE :
		       fail(REFUSED, errno, "cannot read the directory %s: %s",
			    path, strerror(errno));
	for (i = 0; i < nr; i++) {
		char *file = strcmp(path, ".") ?
			     xprintf("%s/%s", path, entries[i]->d_name) :
			     xstrdup(entries[i]->d_name);

		if (code == DONE)
			code = visit(dir, file);
		free(file);
		free(entries[i]);
	}
	free(entries);
	return code;
}

/* After a boot: what was deployed before, and what waited, if the name is new. */
static int bring_back(int dir, const char *file)
{
	char *name = xstrdup(strchr(file, '/') + 1), *waiting;
	struct model model = { 0 };
	char *reason = NULL;
	int err, code = DONE;

	waiting = xprintf("waiting/%s", name);
	name[strlen(name) - strlen(SUFFIX)] = 0;
	err = model_find_version(name, 1, &model);
	model_free(&model);
	if (err == -ENOENT)
		err = model_find(name, &model);
	model_free(&model);
	if (err == -ENOENT && nlc_loaded()) {
		code = load(dir, file, strcmp(file, waiting), &reason);
		if (code == DONE && strcmp(file, waiting) &&
		    !faccessat(dir, waiting, F_OK, 0)) {
			free(reason);
			code = load(dir, waiting, false, &reason);
		}
	} else if (err) {
		code = nlc_report(err);
	}
	free(reason);
	free(waiting);
	free(name);
	return code;
}

static int bring_all_back(int dir)
{
	int code = visit_files(dir, "deployed", bring_back);

	return code == DONE ? visit_files(dir, "waiting", bring_back) : code;
}

static int open_spool(struct args *args, const char *otherwise, int *dir)
{
	const char *path = args_empty(args) ? otherwise :
			   args_next(args, "the directory");

	if (!args_end(args))
		return USAGE;
	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return fail(REFUSED, errno, "cannot open the directory %s: %s",
			    path, strerror(errno));
	return DONE;
}

static int cmd_once(struct args *args)
{
	int dir, code;

	code = open_spool(args, SPOOL, &dir);
	if (code != DONE)
		return code;
	code = bring_all_back(dir);
	if (code == DONE)
		code = visit_files(dir, ".", deploy);
	close(dir);
	return code;
}

/* Until a signal to end: whatever happens in the directory, look through it. */
static int watch(int dir, int events, int signals)
{
	struct pollfd fds[] = {
		{ .fd = events, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	char buf[4096];
	int code = bring_all_back(dir);

	while (code == DONE) {
		code = visit_files(dir, ".", deploy);
		if (code != DONE)
			return code;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return fail(REFUSED, errno, "cannot wait: %s",
				    strerror(errno));
		if (fds[1].revents)
			return DONE;
		while (read(events, buf, sizeof(buf)) > 0)
			;
	}
	return code;
}

static int cmd_watch(struct args *args)
{
	char self[64];
	int dir, events, signals, code;
	sigset_t mask;

	code = open_spool(args, SPOOL, &dir);
	if (code != DONE)
		return code;
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir);
	if (signals < 0 || events < 0 ||
	    inotify_add_watch(events, self, IN_CLOSE_WRITE | IN_MOVED_TO |
			      IN_ONLYDIR) < 0)
		code = fail(REFUSED, errno, "cannot watch the directory: %s",
			    strerror(errno));
	else
		code = watch(dir, events, signals);
	close(events);
	close(signals);
	close(dir);
	return code;
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 &&
	       !strcmp(entry->d_name + len - 5, ".conf");
}

/* Each file is a batch of kmlopsctl; one that fails does not keep the rest. */
static int cmd_restore(struct args *args)
{
	const char *dir = args_empty(args) ? CONFIG :
			  args_next(args, "the directory");
	struct dirent **entries;
	int nr, i, code = DONE;

	if (!args_end(args))
		return USAGE;
	nr = scandir(dir, &entries, is_conf, by_name);
	if (nr < 0)
		return fail(REFUSED, errno, "cannot read the directory %s: %s",
			    dir, strerror(errno));
	for (i = 0; i < nr; i++) {
		char *path = xprintf("%s/%s", dir, entries[i]->d_name);
		int one = batch_file(path);

		if (one != DONE)
			code = one;
		free(path);
		free(entries[i]);
	}
	free(entries);
	return code;
}

static const struct command commands[] = {
	{ "watch", cmd_watch },
	{ "--watch", cmd_watch },
	{ "once", cmd_once },
	{ "restore", cmd_restore },
	{ NULL, NULL }
};

int do_deploy(struct args *args)
{
	return command_run(args, "command of deploy", commands, help);
}
