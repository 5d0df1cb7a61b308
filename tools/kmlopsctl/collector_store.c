// SPDX-License-Identifier: GPL-2.0-only
/* Stores that are there before a collector starts. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector_store.h"
#include "kmlopsctl.h"
#include "netlink.h"
#include "store.h"

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

static int compare(const struct store *store, const struct schema *key,
		   const struct schema *value, uint64_t rows)
{
	int code;

	if (store->mode == KERNMLOPS_STORE_MODE_MAP)
		return fail(REFUSED, EEXIST,
			    "the store %s is there, but takes no rows; unregister it first",
			    store->name);
	code = compare_fields(store->name, "key", &store->key, key);
	if (code == DONE)
		code = compare_fields(store->name, "value", &store->value, value);
	if (code == DONE && rows > store->rows)
		code = fail(REFUSED, EEXIST,
			    "the store %s is there and retains %" PRIu64 " rows; unregister it to have more",
			    store->name, store->rows);
	return code;
}

int collector_store_find(const char *name, const struct schema *key,
			 const struct schema *value, uint64_t rows, int *map)
{
	struct store store;
	int code, err;

	*map = -1;
	err = store_find(name, &store);
	if (err == -ENOENT)
		return DONE;
	if (err)
		return nlc_report(err);

	code = compare(&store, key, value, rows);
	if (code == DONE) {
		*map = bpf_map_get_fd_by_id(store.map_id);
		if (*map < 0)
			code = fail(REFUSED, errno,
				    "cannot open the map of the store %s: %s",
				    name, strerror(errno));
	}
	store_free(&store);
	return code;
}
