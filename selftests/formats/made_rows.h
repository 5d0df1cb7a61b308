/* SPDX-License-Identifier: GPL-2.0-only */
/* Packed rows of a store that has fields of every type, without a kernel. */
#ifndef SELFTESTS_FORMATS_MADE_ROWS_H
#define SELFTESTS_FORMATS_MADE_ROWS_H

#include <stdint.h>

#include "store.h"

/* Its rows are as long as many a collector's, about 130 bytes. */
void made_store(struct store *store);
/* Rows @first to @first + @nr - 1, as long as columns_of_store() says. */
void made_rows(void *rows, uint64_t first, uint32_t nr);

#endif /* SELFTESTS_FORMATS_MADE_ROWS_H */
