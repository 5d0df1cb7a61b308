#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rows that are overwritten while they are exported: how many, and where.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

load_maps
works "register" kmlopsctl store register all map pinned "$PINS/maps/everything" rows 20000
check "capture" capture 255 0

# The number of an entry of what describes an export.
entry()
{
	sed -n "s/^  \"$1\": \([0-9]*\),*$/\1/p" "$T/all.npy.meta.json"
}

gap_rows()
{
	sed -n 's/^      "rows": \([0-9]*\),*$/\1/p' "$T/all.npy.meta.json" |
		awk '{ sum += $1 } END { print sum + 0 }'
}

prints "nothing is missing when nobody writes" "$T/all.npy: 255 rows" \
	kmlopsctl store export all file "$T/all.npy"
prints "nor is there a gap" "0 0 0" echo "$(entry lost) $(entry missing) $(gap_rows)"

# A writer that goes round the store while it is read.
{
	head -c 14 /dev/zero
	printf '\377\000'
} >"$T/order"
(
	while [ ! -e "$T/stop" ]; do
		bpftool prog run pinned "$PINS/progs/capture" data_in "$T/order" \
			repeat 400 >/dev/null || break
	done
) &
writer=$!

what="each export balances while rows are overwritten, and some lose rows"
losses=0 exports=0
run true
while [ $exports -lt 40 ] && { [ $losses -lt 3 ] || [ $exports -lt 8 ]; }; do
	exports=$((exports + 1))
	if ! kmlopsctl store export all file "$T/all.npy" >"$T/out" 2>"$T/err"; then
		trouble "export $exports failed"
		break
	fi
	lost=$(entry lost) missing=$(entry missing)
	[ "$lost" = "$missing" ] || trouble "$lost rows were lost, but $missing are missing"
	[ "$(entry more_gaps)" != 0 ] || [ "$(gap_rows)" = "$missing" ] ||
		trouble "the gaps are of $(gap_rows) rows, $missing are missing"
	if [ "$lost" != 0 ]; then
		losses=$((losses + 1))
		grep -q "warning: all: $lost rows were overwritten" "$T/err" ||
			trouble "there is no warning of $lost rows"
	fi
done
[ $losses -ge 3 ] || trouble "only $losses of $exports exports lost rows: nothing was tested"
judge
touch "$T/stop"
wait $writer
shows "no row was dropped: what is missing was overwritten" '"dropped":0,' kmlopsctl -j store show all

finish
