# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel log without the data races that KCSAN found in code of others: the
# kernel has races of its own. A report stands between two lines of "=".
{
	ruler = /==============================/
	if (!held && ruler) {
		held = 1
		report = $0
		next
	}
	if (held == 1) {
		# Only now it shows whether that was the beginning of one.
		held = /BUG: KCSAN:/ ? 2 : 0
		if (held) {
			report = report "\n" $0
			next
		}
		print report
	}
	if (held == 2) {
		report = report "\n" $0
		if (ruler) {
			held = 0
			if (report ~ /\[kernmlops/)
				print report
		}
		next
	}
	print
}
END {
	if (held)
		print report
}
