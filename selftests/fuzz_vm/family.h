/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netlink family as its specification has it: what attributes there are, and
 * which of them each operation takes.
 */
#ifndef SELFTESTS_FUZZ_VM_FAMILY_H
#define SELFTESTS_FUZZ_VM_FAMILY_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/kernmlops.h>

#define NUMBER_OF(array)	(sizeof(array) / sizeof((array)[0]))
#define OP_ATTRS_MAX		32

enum kind { KIND_STRING, KIND_U32, KIND_S32, KIND_U64, KIND_UINT, KIND_BINARY,
	    KIND_FLAG, KIND_NEST };

struct attr_spec {
	const char *name;		/* SET/ATTRIBUTE */
	uint16_t id;
	enum kind kind;
	const struct attr_spec *nested;
	uint32_t nr_nested;
	uint32_t low, high;		/* of an enum; 0, 0: none */
	bool multi;
};

struct op_spec {
	const char *name;
	uint8_t cmd;
	bool dump;
	const struct attr_spec *attrs;
	uint32_t nr_attrs;
	uint16_t wanted[OP_ATTRS_MAX];	/* up to a 0 */
};

#include "netlink_spec.h"

#endif /* SELFTESTS_FUZZ_VM_FAMILY_H */
