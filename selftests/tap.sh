# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Counting test results, for the programs that run tests.

passed=0 failed=0 skipped=0
# For the program that asked for it, not for those that are run from here.
totals=${TAP_TOTALS:-}
unset TAP_TOTALS

# tap_count NAME CODE FILE [TROUBLE]: count the TAP lines that a test left in
# FILE. A test that dies, or says nothing, or about which there is other TROUBLE
# is one failure. Prints one line, and what a failing test printed.
tap_count()
{
	local name=$1 code=$2 file=$3 trouble=${4:-} ok not_ok skip

	skip=$(grep -ciE '^ok .*# skip' "$file" || true)
	ok=$(($(grep -cE '^ok ' "$file" || true) - skip))
	not_ok=$(grep -cE '^not ok ' "$file" || true)

	if [ "$code" = 77 ] && [ "$not_ok" = 0 ]; then
		[ "$skip" != 0 ] || skip=1
	elif [ "$not_ok" = 0 ]; then
		case $code in
		0) [ "$((ok + skip))" != 0 ] || trouble=${trouble:-it reported nothing} ;;
		*) trouble=${trouble:-it ended with $code} ;;
		esac
	fi
	[ -z "$trouble" ] || not_ok=$((not_ok + 1))

	passed=$((passed + ok))
	failed=$((failed + not_ok))
	skipped=$((skipped + skip))
	# In one piece: there may be others that print.
	if [ "$not_ok" = 0 ]; then
		printf '  ok    %-36s %s%s\n' "$name" "$ok" "$([ "$skip" = 0 ] || echo ", $skip skipped")"
	else
		printf '  FAIL  %-36s %s passed, %s failed%s\n%s\n' "$name" "$ok" "$not_ok" \
			"${trouble:+: $trouble}" "$(sed 's/^/        | /' "$file")"
	fi
}

# Add the counts of another program, as tap_total left them in FILE.
tap_add()
{
	local p f s

	read -r p f s <"$1"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
}

# The last lines, and the counts for whoever asked with TAP_TOTALS=FILE.
tap_total()
{
	[ -z "$totals" ] || echo "$passed $failed $skipped" >"$totals"
	[ "$skipped" = 0 ] || echo "$skipped skipped"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}
