#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What test_round_trip runs in the VM, in /share: rows, what the kernel answers
# about them as of many times, and what a model says of them.
set -eu

# Rows of a few keys, so that each has many; numbers from a generator of its own.
kmlopsctl store register s schema x:u64:ns,y:s32,name:char[6] key u32 rows 4000 >register.out
awk 'BEGIN {
	state = 7
	for (i = 0; i < 400; i++) {
		state = (state * 16807) % 2147483647
		printf "store push s key %d x=%d y=%d name=n%d\n", state % 5,
			int(state / 5) % 100000, int(state / 7) % 4000 - 2000, i % 9
	}
}' >push.batch
kmlopsctl batch file push.batch
for format in npy csv jsonl arrow arrows parquet; do
	kmlopsctl store export s file "s.$format" >>export.out
done
kmlopsctl store export s dir run rows 150 >>export.out
for format in csv jsonl; do
	kmlopsctl store export s dir "run-$format" rows 150 format $format >>export.out
done
kmlopsctl -o arrow store dump s >dump.arrows

# As of the time of each row, just before, and just after; not before the first
# row of a key, as a refusal ends a batch: those are asked for one by one.
kmlopsctl -o csv store dump s | awk -F, 'NR > 1 {
	if ($3 in seen)
		printf "store get s key %d at %.0f\n", $3, $1 - 1
	else
		printf "%d %.0f\n", $3, $1 - 1 >"first"
	seen[$3] = 1
	printf "store get s key %d at %.0f\n", $3, $1
	printf "store get s key %d at %.0f\n", $3, $1 + 1
}' >get.batch
kmlopsctl -j batch file get.batch >asof.jsonl
while read -r key time; do
	! kmlopsctl store get s key "$key" at "$time" 2>>refused || exit 1
done <first

kmlopsctl model load m file model.kmml >load.out
kmlopsctl -o csv store dump s | sed 1d | cut -d , -f 4,5 >inputs.csv
kmlopsctl -o csv model infer m file inputs.csv >answers.csv

kmlopsctl model remove m
kmlopsctl store unregister s
