/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refusal: the sentence that goes with an error code. Portable. In the kernel
 * it ends up in the netlink extended ack, which holds as much.
 */
#ifndef KMLOPS_REFUSAL_H
#define KMLOPS_REFUSAL_H

#include "portable.h"

#define KMLOPS_REFUSAL_LEN	80

struct kmlops_refusal {
	char text[KMLOPS_REFUSAL_LEN];
};

/* Records the sentence and yields @err, for use in a return statement. */
#define kmlops_refuse(refusal, err, ...)				\
	(snprintf((refusal)->text, sizeof((refusal)->text), __VA_ARGS__), (err))

#endif /* KMLOPS_REFUSAL_H */
