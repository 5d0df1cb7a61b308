/* SPDX-License-Identifier: GPL-2.0-only */
/* One element of a field as text. */
#ifndef KMLOPSCTL_ELEMENT_H
#define KMLOPSCTL_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The element, sign-extended if *@is_signed says that its type has a sign. */
uint64_t element_integer(uint32_t type, const uint8_t *p, bool *is_signed);

/*
 * Write one; all types but char. JSON knows no NaN and no infinities: they
 * become the strings "NaN", "Infinity" and "-Infinity".
 */
void element_write(FILE *out, uint32_t type, const uint8_t *p, bool json);

#endif /* KMLOPSCTL_ELEMENT_H */
