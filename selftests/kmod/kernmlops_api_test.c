// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that uses the kernel API. A test tells it what to do by writing to
 * the parameter "run", and reads "results": a line of TAP for each thing that
 * was checked since.
 *
 *   calls FD     all calls, with the map of that descriptor as the store
 *   map FD       calls on a store in mode map
 *   lossless FD  a store that keeps rows until they are consumed
 *   open NAME    hold a store open
 *   held         use it, registered or not
 *   close        let it go
 *   infer NAME   run a model
 *   model-open NAME, model-held, model-gone
 *                hold a model and run it; run it again; see that it was removed
 *                and let it go
 */
#include <linux/bpf.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/timekeeping.h>
#include "compat.h"
#include "kernmlops.h"

#define STORE_NAME	"api_test"
#define ROWS		64
#define KEYS		4

/* The map of the test: u32 -> this. */
struct value {
	u32 number;
	u32 check;
};

struct row {
	struct kmlops_row head;
	u32 key;
	u32 padding;
	struct value value;
};

static DEFINE_MUTEX(lock);
static char results[PAGE_SIZE - 64];
static size_t results_len;
static struct kmlops_store *held;
static u64 held_rows;

__printf(2, 3)
static void check(bool right, const char *what, ...)
{
	va_list args;

	results_len += scnprintf(results + results_len,
				 sizeof(results) - results_len, "%sok - ",
				 right ? "" : "not ");
	va_start(args, what);
	results_len += vscnprintf(results + results_len,
				  sizeof(results) - results_len, what, args);
	va_end(args);
	results_len += scnprintf(results + results_len,
				 sizeof(results) - results_len, "\n");
}

static void check_is(s64 got, s64 expected, const char *what)
{
	if (got == expected)
		check(true, "%s", what);
	else
		check(false, "%s (%lld, not %lld)", what, got, expected);
}

static const struct kmlops_field fields[] = {
	{ .name = "key", .type = KERNMLOPS_FIELD_TYPE_U32, .count = 1 },
	{ .name = "number", .type = KERNMLOPS_FIELD_TYPE_U32, .count = 1 },
	{ .name = "check", .type = KERNMLOPS_FIELD_TYPE_U32, .offset = 4,
	  .count = 1 },
};

static s64 capture(struct kmlops_store *store, u32 number)
{
	struct value value = { number, ~number };
	u32 key = number % KEYS;

	return kernmlops_capture_feature(store, &key, sizeof(key), &value,
					 sizeof(value));
}

static bool is_row(const struct row *row, u32 number)
{
	return row->key == number % KEYS && !row->padding &&
	       row->value.number == number && row->value.check == ~number;
}

/* What one walk over rows saw. */
struct walk {
	u32 rows;
	u32 end_at;		/* ends the walk at this row; 0: does not */
	u64 last;
	u32 first_number;
	u32 last_number;
	bool right;
};

static int see_row(const struct kmlops_row *packed, void *arg)
{
	const struct row *row = container_of(packed, struct row, head);
	struct walk *walk = arg;

	if (!walk->rows++)
		walk->first_number = row->value.number;
	walk->last_number = row->value.number;
	walk->right &= is_row(row, row->value.number) &&
		       packed->time >= walk->last;
	walk->last = packed->time;
	return walk->rows == walk->end_at ? 77 : 0;
}

static struct walk walk(struct kmlops_store *store, u64 from, u64 to)
{
	struct walk walk = { .right = true };
	u64 lost;

	if (kernmlops_get_features(store, from, to, see_row, &walk, &lost) ||
	    lost)
		walk.right = false;
	return walk;
}

static void check_registration(struct kmlops_store_request *request)
{
	struct kmlops_store *other;
	char reason[KERNMLOPS_REASON_LEN] = "";

	other = kernmlops_store_register(request, reason);
	check(IS_ERR(other) && PTR_ERR(other) == -EEXIST && strlen(reason),
	      "register: a name that is taken: %s", reason);
	request->name = "";
	other = kernmlops_store_register(request, NULL);
	check_is(PTR_ERR_OR_ZERO(other), -EINVAL, "register: an empty name");
	request->name = STORE_NAME;

	other = kernmlops_store_open(STORE_NAME);
	check(other, "open: finds the store");
	kernmlops_store_close(other);
	check(!kernmlops_store_open("nobody"), "open: no such store");
	kernmlops_store_close(NULL);
}

static void check_by_key(struct kmlops_store *store, const s64 *times)
{
	struct row rows[KEYS];
	struct value value;
	u32 key = 3;

	check_is(kernmlops_get_feature(store, &key, 4, &value, sizeof(value)),
		 times[19], "get: time of the latest row");
	check(value.number == 19 && value.check == ~19, "get: the latest row");
	check_is(kernmlops_get_features_last(store, &key, 4, &rows[0].head,
					     sizeof(rows)), 4, "last: 4 rows");
	check(is_row(&rows[0], 19) && is_row(&rows[1], 15) &&
	      is_row(&rows[2], 11) && is_row(&rows[3], 7),
	      "last: the latest first");
	check_is(kernmlops_get_feature_asof(store, &key, 4, times[14],
					    &rows[0].head, sizeof(rows[0])),
		 times[11], "as-of: time of the row");
	check(is_row(&rows[0], 11), "as-of: the row");
	check_is(kernmlops_get_feature_asof(store, &key, 4, times[2],
					    &rows[0].head, sizeof(rows[0])),
		 -ENOENT, "as-of: before the first row of the key");
	key = KEYS;
	check_is(kernmlops_get_feature(store, &key, 4, &value, sizeof(value)),
		 -ENOENT, "get: a key without rows");
	check_is(kernmlops_get_features_last(store, &key, 4, &rows[0].head,
					     sizeof(rows)),
		 -ENOENT, "last: a key without rows");

	check_is(kernmlops_get_feature(store, &key, 8, &value, sizeof(value)),
		 -EINVAL, "get: wrong size of the key");
	check_is(kernmlops_get_feature(store, &key, 4, &value, 4), -EINVAL,
		 "get: wrong size of the value");
	check_is(kernmlops_get_features_last(store, &key, 4, &rows[0].head,
					     sizeof(rows) - 1), -EINVAL,
		 "last: wrong size of the rows");
	check_is(kernmlops_get_features_last(store, &key, 4, &rows[0].head, 0),
		 -EINVAL, "last: no room");
	check_is(kernmlops_capture_feature(store, &key, 4, &value, 9), -EINVAL,
		 "capture: wrong size of the value");
	check_is(kernmlops_capture_feature(store, &key, 2, &value, 8), -EINVAL,
		 "capture: wrong size of the key");
}

static void check_by_time(struct kmlops_store *store, const s64 *times)
{
	struct walk seen;
	struct row row, same;

	check_is(kernmlops_get_feature_ts(store, times[9], &row.head,
					  sizeof(row)), times[9],
		 "nearest: time of the row");
	check(is_row(&row, 9), "nearest: the row");
	check_is(kernmlops_get_feature_ts(store, 0, &row.head, sizeof(row)),
		 times[0], "nearest: the first row is near the beginning");
	check_is(kernmlops_get_row(store, row.head.seq, &same.head,
				   sizeof(same)), 0, "row by identity");
	check(!memcmp(&row, &same, sizeof(row)), "row by identity: the same");
	check_is(kernmlops_get_row(store, ~0ULL, &same.head, sizeof(same)),
		 -ENOENT, "row by identity: none");
	check_is(kernmlops_get_row(store, 0, &same.head, 8), -EINVAL,
		 "row by identity: wrong size");

	seen = walk(store, 0, U64_MAX);
	check(seen.right && seen.rows == 20 && !seen.first_number &&
	      seen.last_number == 19, "all rows in order of time");
	seen = walk(store, times[5], times[15]);
	check(seen.right && seen.rows == 10 && seen.first_number == 5 &&
	      seen.last_number == 14, "rows of a range");
	seen = walk(store, 0, times[3]);
	check(seen.right && seen.rows == 3, "rows older than a time");
	seen = (struct walk) { .right = true, .end_at = 7 };
	check_is(kernmlops_get_features(store, 0, U64_MAX, see_row, &seen,
					NULL), 77,
		 "the callback ends a walk");
	check_is(seen.rows, 7, "at that row");
}

/* From an interrupt, where nothing may sleep. */
struct irq_call {
	struct irq_work work;
	struct kmlops_store *store;
	s64 captured;
	s64 got;
	u32 number;
	bool in_irq;
};

static void call_in_irq(struct irq_work *work)
{
	struct irq_call *call = container_of(work, struct irq_call, work);
	struct value value;
	u32 key = call->number % KEYS;

	call->in_irq = in_hardirq();
	call->captured = capture(call->store, call->number);
	call->got = kernmlops_get_feature(call->store, &key, sizeof(key),
					  &value, sizeof(value));
	kernmlops_store_close(kernmlops_store_open(STORE_NAME));
}

static void check_in_irq(struct kmlops_store *store, u32 number)
{
	struct irq_call call = { .store = store, .number = number };

	call.work = IRQ_WORK_INIT_HARD(call_in_irq);
	irq_work_queue(&call.work);
	irq_work_sync(&call.work);
	check(call.in_irq && call.captured > 0 && call.got == call.captured,
	      "capture and get in an interrupt");
}

static void check_counters(struct kmlops_store *store, s64 *times)
{
	struct kmlops_store_stats stats;
	struct walk seen;
	u32 i;

	check_is(kernmlops_consume_features(store, 1), -EOPNOTSUPP,
		 "consume: not of a store that is not lossless");
	check_is(kernmlops_truncate_features(store, times[12]), 0, "truncate");
	seen = walk(store, 0, U64_MAX);
	check(seen.right && seen.rows == 9 && seen.first_number == 12,
	      "only the rows from then on are left");
	kernmlops_store_stats(store, &stats);
	check(stats.captured == 21 && stats.stored == 9 &&
	      stats.truncated == 12 && !stats.overwritten && !stats.dropped &&
	      stats.keys == KEYS, "counters after truncation");
	for (i = 0; i < 10000; i++)
		capture(store, i);
	kernmlops_store_stats(store, &stats);
	check_is(stats.captured, 10021, "each capture is counted");
	check_is(stats.stored + stats.overwritten + stats.dropped +
		 stats.truncated, stats.captured, "counters add up");
	seen = walk(store, 0, U64_MAX);
	check(seen.right && seen.rows == stats.stored &&
	      seen.last_number == 9999, "the latest rows are there");
}

static void run_calls(int fd)
{
	struct kmlops_store_request request = {
		.name = STORE_NAME,
		.rows = ROWS,
		.nr_key_fields = 1,
		.nr_value_fields = 2,
		.fields = fields,
		.map_fd = fd,
	};
	struct kmlops_store *store, *again;
	struct walk seen;
	s64 times[20];
	u32 i;

	store = kernmlops_store_register(&request, NULL);
	if (IS_ERR(store)) {
		check_is(PTR_ERR(store), 0, "register by descriptor");
		return;
	}
	check(true, "register by descriptor");
	check_is(kernmlops_row_size(store), sizeof(struct row), "size of a row");
	check_registration(&request);
	/* On one CPU, so that times tell rows apart: each takes its own. */
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		times[i] = capture(store, i);
		ndelay(2000);
	}
	check(times[0] > 0 && times[19] > times[0] &&
	      times[19] <= ktime_get_ns() + NSEC_PER_MSEC,
	      "capture gives the time");
	check_by_key(store, times);
	check_by_time(store, times);
	check_in_irq(store, 20);
	check_counters(store, times);

	check_is(kernmlops_store_unregister(STORE_NAME), 0, "unregister");
	check_is(kernmlops_store_unregister(STORE_NAME), -ENOENT,
		 "unregister: no such store");
	check(!kernmlops_store_open(STORE_NAME), "nobody finds it any more");
	check_is(capture(store, 0), -ENOENT, "capture says that it is gone");
	seen = walk(store, 0, U64_MAX);
	check(seen.right && seen.rows && seen.last_number == 9999,
	      "it can still be read");

	/* By the map itself, while the old store still has it, too. */
	request.map = bpf_map_get(fd);
	request.map_fd = -1;
	again = kernmlops_store_register(&request, NULL);
	bpf_map_put(request.map);
	check_is(PTR_ERR_OR_ZERO(again), 0, "register by map");
	if (IS_ERR(again))
		goto out;
	check(capture(again, 5) > 0, "the new store captures");
	seen = walk(again, 0, U64_MAX);
	check_is(seen.rows, 1, "and has that row alone");
	check_is(capture(store, 0), -ENOENT, "the old one does not");
	kernmlops_store_unregister(STORE_NAME);
	kernmlops_store_close(again);
out:
	kernmlops_store_close(store);
}

static int count_row(const struct kmlops_row *row, void *arg)
{
	++*(u32 *)arg;
	return 0;
}

static void run_map(int fd)
{
	struct kmlops_store_request request = {
		.name = STORE_NAME,
		.mode = KERNMLOPS_STORE_MODE_MAP,
		.nr_key_fields = 1,
		.nr_value_fields = 2,
		.fields = fields,
		.map_fd = fd,
	};
	struct kmlops_store *store;
	struct value value;
	struct row row;
	u32 key = 1, rows = 0;

	store = kernmlops_store_register(&request, NULL);
	check_is(PTR_ERR_OR_ZERO(store), 0, "mode map: register");
	if (IS_ERR(store))
		return;
	check(kernmlops_get_feature(store, &key, 4, &value, 8) > 0 &&
	      value.number == 1 && value.check == ~1, "mode map: get");
	check(!kernmlops_get_features(store, 0, U64_MAX, count_row, &rows,
				      NULL) && rows == 2, "mode map: all rows");
	check_is(kernmlops_get_features(store, 1, U64_MAX, count_row, &rows,
					NULL), -EOPNOTSUPP, "mode map: a range");
	check_is(kernmlops_get_feature_ts(store, 1, &row.head, sizeof(row)),
		 -EOPNOTSUPP, "mode map: nearest");
	check_is(kernmlops_get_feature_asof(store, &key, 4, 1, &row.head,
					    sizeof(row)),
		 -EOPNOTSUPP, "mode map: as-of");
	check_is(capture(store, 1), -EOPNOTSUPP, "mode map: capture");
	check_is(kernmlops_truncate_features(store, 1), -EOPNOTSUPP,
		 "mode map: truncate");
	kernmlops_store_unregister(STORE_NAME);
	kernmlops_store_close(store);
}

static int consume_row(const struct kmlops_row *row, void *arg)
{
	return kernmlops_consume_features(arg, row->seq);
}

static void run_lossless(int fd)
{
	struct kmlops_store_request request = {
		.name = STORE_NAME,
		.lossless = true,
		.rows = ROWS,
		.nr_key_fields = 1,
		.nr_value_fields = 2,
		.fields = fields,
		.map_fd = fd,
	};
	struct kmlops_store_stats stats;
	struct kmlops_store *store;
	u32 i, stored, again;
	struct walk seen;

	store = kernmlops_store_register(&request, NULL);
	check_is(PTR_ERR_OR_ZERO(store), 0, "lossless: register");
	if (IS_ERR(store))
		return;
	/* All on one CPU, so that one ring is full. */
	migrate_disable();
	for (i = 0; capture(store, i) > 0; i++)
		;
	stored = i;
	check(stored >= ROWS / num_possible_cpus(), "lossless: takes %u rows",
	      stored);
	check_is(capture(store, i), -EBUSY, "lossless: then no more");
	seen = walk(store, 0, U64_MAX);
	check(seen.right && seen.rows == stored && !seen.first_number,
	      "lossless: all of them are there");
	check_is(capture(store, i), -EBUSY, "lossless: to read is not to consume");

	check_is(kernmlops_consume_features(store, 0), -ENOENT,
		 "consume: no row");
	check_is(kernmlops_consume_features(store, ~0ULL), -ENOENT,
		 "consume: no such CPU");
	check_is(kernmlops_get_features(store, 0, U64_MAX, consume_row, store,
					NULL), 0, "consume: each row");
	for (again = 0; capture(store, stored + again) > 0; again++)
		;
	migrate_enable();
	check_is(again, stored, "consume: there is room for as many");
	seen = walk(store, 0, U64_MAX);
	check(seen.right && seen.rows == stored && seen.first_number == stored,
	      "consume: the new ones are there");
	kernmlops_store_stats(store, &stats);
	check(stats.captured == 2 * stored + 4 && stats.dropped == 4 &&
	      stats.overwritten == stored && stats.stored == stored,
	      "lossless: counters");
	kernmlops_store_unregister(STORE_NAME);
	kernmlops_store_close(store);
}

static void run_open(const char *name)
{
	u32 rows = 0;

	kernmlops_store_close(held);
	held = kernmlops_store_open(name);
	check(held, "open %s", name);
	if (held)
		kernmlops_get_features(held, 0, U64_MAX, count_row, &rows, NULL);
	held_rows = rows;
}

static void run_held(void)
{
	struct kmlops_store_stats stats;
	u32 rows = 0;

	if (!held) {
		check(false, "a store is held");
		return;
	}
	check(!kernmlops_get_features(held, 0, U64_MAX, count_row, &rows,
				      NULL) && rows == held_rows,
	      "held: all its rows are there");
	kernmlops_store_stats(held, &stats);
	check_is(stats.stored, held_rows, "held: so says the count");
	check_is(capture(held, 1), -ENOENT,
		 "held: it was unregistered, capture says so");
}

static void run_close(void)
{
	kernmlops_store_close(held);
	held = NULL;
	check(true, "close");
}

/* The sample model of the tests: 2 inputs, 3 outputs. */
static void run_infer(const char *name)
{
	s64 in[2] = { 11, -5 }, out[4] = {};

	check(!kernmlops_infer(name, in, sizeof(in), out, 24) &&
	      out[0] == 1 && out[1] == 24 && out[2] == 1000, "infer");
	check_is(kernmlops_infer(name, in, 8, out, 24), -EINVAL,
		 "infer: input too short");
	check_is(kernmlops_infer(name, in, 16, out, 32), -EINVAL,
		 "infer: output too long");
	check_is(kernmlops_infer("nobody", in, 16, out, 24), -ENOENT,
		 "infer: no such model");
	check(!kernmlops_model_open("nobody"), "open: no such model");
}

/* Holds the model open: 1, -5 is what the newest version must answer. */
static void run_infer_held(const char *name, bool open, bool gone)
{
	static struct kmlops_model_line *held;
	s64 in[2] = { 11, -5 }, out[4] = {};

	if (open) {
		held = kernmlops_model_open(name);
		check(held, "open a model");
	}
	if (!held)
		return;
	if (gone) {
		check_is(kernmlops_model_infer(held, in, sizeof(in), out, 24),
			 -ENOENT, "a removed model that is held");
		kernmlops_model_close(held);
		kernmlops_model_close(NULL);
		held = NULL;
		return;
	}
	check(!kernmlops_model_infer(held, in, sizeof(in), out, 24) &&
	      out[0] == 1 && out[1] == 24 && out[2] == 1000, "infer, held");
	check_is(kernmlops_model_infer(held, in, 8, out, 24), -EINVAL,
		 "infer, held: input too short");
}

static int set_run(const char *text, const struct kernel_param *param)
{
	char command[64], *argument;
	int fd = -1, err = 0;

	if (strscpy(command, text, sizeof(command)) < 0)
		return -E2BIG;
	argument = strim(command);
	strsep(&argument, " ");
	if (!argument)
		argument = "";
	if ((!strcmp(command, "calls") || !strcmp(command, "map") ||
	     !strcmp(command, "lossless")) &&
	    kstrtoint(argument, 0, &fd))
		return -EINVAL;

	mutex_lock(&lock);
	if (!strcmp(command, "calls"))
		run_calls(fd);
	else if (!strcmp(command, "map"))
		run_map(fd);
	else if (!strcmp(command, "lossless"))
		run_lossless(fd);
	else if (!strcmp(command, "open"))
		run_open(argument);
	else if (!strcmp(command, "held"))
		run_held();
	else if (!strcmp(command, "close"))
		run_close();
	else if (!strcmp(command, "infer"))
		run_infer(argument);
	else if (!strcmp(command, "model-open"))
		run_infer_held(argument, true, false);
	else if (!strcmp(command, "model-held"))
		run_infer_held(argument, false, false);
	else if (!strcmp(command, "model-gone"))
		run_infer_held(argument, false, true);
	else
		err = -EINVAL;
	mutex_unlock(&lock);
	return err;
}

static int get_results(char *text, const struct kernel_param *param)
{
	int len;

	mutex_lock(&lock);
	len = sysfs_emit(text, "%.*s", (int)results_len, results);
	results_len = 0;
	mutex_unlock(&lock);
	return len;
}

static const struct kernel_param_ops run_ops = {
	.set = set_run,
};

static const struct kernel_param_ops results_ops = {
	.get = get_results,
};

module_param_cb(run, &run_ops, NULL, 0200);
module_param_cb(results, &results_ops, NULL, 0400);

static int __init api_test_init(void)
{
	return 0;
}

static void __exit api_test_exit(void)
{
	kernmlops_store_close(held);
}

module_init(api_test_init);
module_exit(api_test_exit);

MODULE_DESCRIPTION("A user of the kernel API of KernMLOps");
MODULE_LICENSE("GPL");
KMLOPS_IMPORT_NS(BPF_INTERNAL);
