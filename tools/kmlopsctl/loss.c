// SPDX-License-Identifier: GPL-2.0-only
/* Which rows are missing from a read, by the numbers of those that are there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops_row.h>

#include "kmlopsctl.h"
#include "loss.h"
#include "output.h"

void loss_begin(struct loss *loss, const struct row_cursor *start,
		uint32_t row_size)
{
	uint32_t cpu;

	*loss = (struct loss){
		.row_size = row_size,
		.nr_cpus = start->size / sizeof(uint64_t),
	};
	loss->cpus = xalloc((loss->nr_cpus + 1) * sizeof(*loss->cpus));
	for (cpu = 0; cpu < loss->nr_cpus; cpu++)
		memcpy(&loss->cpus[cpu].next,
		       (uint8_t *)start->data + cpu * sizeof(uint64_t),
		       sizeof(uint64_t));
}

static void add_gap(struct loss *loss, uint32_t cpu, uint64_t rows,
		    uint64_t before)
{
	uint32_t nr = loss->nr_gaps;

	loss->missing += rows;
	if (nr == LOSS_GAPS_MAX) {
		loss->more_gaps++;
		return;
	}
	if (!(nr & (nr - 1)))
		loss->gaps = xrealloc(loss->gaps, (nr ? 2 * nr : 1) *
				      sizeof(*loss->gaps));
	loss->gaps[loss->nr_gaps++] = (struct loss_gap){
		.rows = rows,
		.after = loss->cpus[cpu].time,
		.before = before,
		.cpu = cpu,
	};
}

int loss_rows(struct loss *loss, const void *rows, uint32_t nr)
{
	const uint8_t *p = rows;
	struct kmlops_row row;

	for (; nr; nr--, p += loss->row_size) {
		struct loss_cpu *cpu;
		uint64_t number;

		memcpy(&row, p, sizeof(row));
		number = row.seq & (UINT64_MAX >> KMLOPS_ROW_CPU_BITS);
		if (row.seq >> KMLOPS_ROW_POS_BITS >= loss->nr_cpus)
			return -EBADMSG;
		cpu = &loss->cpus[row.seq >> KMLOPS_ROW_POS_BITS];
		if (number < cpu->next)
			return -EBADMSG;
		if (number > cpu->next)
			add_gap(loss, cpu - loss->cpus, number - cpu->next,
				row.time);
		cpu->next = number + 1;
		cpu->time = row.time;
	}
	return 0;
}

int loss_end(struct loss *loss, const struct row_cursor *end)
{
	uint32_t cpu;
	uint64_t next;

	if (end->size / sizeof(next) != loss->nr_cpus)
		return -EBADMSG;
	for (cpu = 0; cpu < loss->nr_cpus; cpu++) {
		memcpy(&next, (uint8_t *)end->data + cpu * sizeof(next),
		       sizeof(next));
		if (next < loss->cpus[cpu].next)
			return -EBADMSG;
		if (next > loss->cpus[cpu].next)
			add_gap(loss, cpu, next - loss->cpus[cpu].next, 0);
	}
	return 0;
}

static struct json_object *time_or_null(uint64_t time)
{
	return time ? json_object_new_uint64(time) : NULL;
}

struct json_object *loss_gaps_json(const struct loss *loss)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; i < loss->nr_gaps; i++) {
		const struct loss_gap *gap = &loss->gaps[i];
		struct json_object *json = json_object_new_object();

		json_add_uint(json, "cpu", gap->cpu);
		json_add_uint(json, "rows", gap->rows);
		json_object_object_add(json, "after", time_or_null(gap->after));
		json_object_object_add(json, "before",
				       time_or_null(gap->before));
		json_object_array_add(array, json);
	}
	return array;
}

void loss_free(struct loss *loss)
{
	free(loss->cpus);
	free(loss->gaps);
	*loss = (struct loss){ 0 };
}
