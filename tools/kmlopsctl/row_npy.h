/* SPDX-License-Identifier: GPL-2.0-only */
/* What the header of an NPY file says of packed rows. */
#ifndef KMLOPSCTL_ROW_NPY_H
#define KMLOPSCTL_ROW_NPY_H

#include <stddef.h>

#include "columns.h"

#define NPY_MAGIC	"\x93NUMPY\x01\x00"
#define NPY_PREAMBLE	10	/* magic, version, length of the header */

/* The dictionary up to the number of rows, which comes next; to be freed. */
char *npy_type_of_rows(const struct columns *columns);

#endif /* KMLOPSCTL_ROW_NPY_H */
