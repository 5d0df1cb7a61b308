/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rows are missing from a read. The rows of a CPU are numbered, so what
 * is not there shows as a gap; that it is as large as what the kernel counted
 * is checked, row for row.
 */
#ifndef KMLOPSCTL_LOSS_H
#define KMLOPSCTL_LOSS_H

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>

#include "rows.h"

/* Gaps that are described one by one; further ones are only counted. */
#define LOSS_GAPS_MAX	1000

/* Rows of a CPU that are missing between two that are there. */
struct loss_gap {
	uint64_t rows;
	uint64_t after;		/* time of the row before; 0: there is none */
	uint64_t before;	/* time of the row behind; 0: there is none */
	uint32_t cpu;
};

struct loss_cpu {
	uint64_t next;		/* number of the row that is expected */
	uint64_t time;		/* of the last one; 0: there was none */
};

struct loss {
	uint32_t row_size;
	struct loss_cpu *cpus;
	uint32_t nr_cpus;
	uint64_t missing;	/* rows, in all gaps */
	struct loss_gap *gaps;
	uint32_t nr_gaps;
	uint64_t more_gaps;	/* that are not described */
};

/* Begin a read at the cursor; end it with loss_free() in any case. */
void loss_begin(struct loss *loss, const struct row_cursor *start,
		uint32_t row_size);
/* 0, or -EBADMSG for a row that was there before or is of no CPU. */
int loss_rows(struct loss *loss, const void *rows, uint32_t nr);
/* What is missing up to where the read ended. */
int loss_end(struct loss *loss, const struct row_cursor *end);
struct json_object *loss_gaps_json(const struct loss *loss);
void loss_free(struct loss *loss);

#endif /* KMLOPSCTL_LOSS_H */
