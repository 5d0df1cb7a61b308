/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uploads: model files that arrive in parts.
 */
#ifndef KMLOPS_UPLOAD_H
#define KMLOPS_UPLOAD_H

#include <linux/types.h>
#include "refusal.h"

/* One part of a file. */
struct kmlops_upload_part {
	const char *name;
	u32 size;		/* of the whole file */
	u32 offset;		/* of this part in it */
	const void *data;
	u32 length;		/* of this part */
};

int kmlops_upload_add(u32 portid, const struct kmlops_upload_part *part,
		      void **file, struct kmlops_refusal *refusal);
int kmlops_uploads_init(void);
void kmlops_uploads_exit(void);

#endif /* KMLOPS_UPLOAD_H */
