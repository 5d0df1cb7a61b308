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

/* Records the sentence and returns @err, for use in a return statement. */
__attribute__((format(printf, 3, 4)))
int kmlops_refuse(struct kmlops_refusal *refusal, int err, const char *format,
		  ...);

#endif /* KMLOPS_REFUSAL_H */
