# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel log without the data races that KCSAN found in code of others: the
# kernel has races of its own, also in functions that we call, as its clock.
# Ours are those where the module reads or writes, or has memory copied or
# compared. A report stands between two lines of "=".
{
	ruler = /==============================/
	if (/ of [0-9]+ bytes by /)
		access = 1
	else if (access && /\+0x[0-9a-f]+\/0x/) {
		# The first function is the one that did it.
		ours += /\[kernmlops/
		access = / [a-z_]*(mem|str|copy|nla_)[a-z_0-9]*\+0x/ && !/\[kernmlops/
	}
	if (!held && ruler) {
		held = 1
		report = $0
		next
	}
	if (held == 1) {
		# Only now it shows whether that was the beginning of one.
		held = /BUG: KCSAN:/ ? 2 : 0
		ours = access = 0
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
			if (ours)
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
