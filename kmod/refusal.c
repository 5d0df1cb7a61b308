// SPDX-License-Identifier: GPL-2.0-only
#ifdef __KERNEL__
#include <linux/stdarg.h>
#else
#include <stdarg.h>
#endif
#include "refusal.h"

int kmlops_refuse(struct kmlops_refusal *refusal, int err, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, args);
	va_end(args);
	return err;
}
