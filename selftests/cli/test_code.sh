#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Models as code: modules that kmlopsctl model compile made, in the kernel.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

# vectors KIND: 200 input vectors of all magnitudes into $T/KIND.csv.
vectors()
{
	inputs=$(kmlopsctl -j model verify file "code/$1.kmml" | grep -o '"inputs":[0-9]*' | head -n 1)
	inputs=${inputs#*:}
	awk -v inputs="$inputs" -v scale=1 'BEGIN {
		for (i = 0; i < 200; i++)
			for (j = 1; j <= inputs; j++) {
				random = (random * 69069 + 1) % 4294967296
				scale = scale >= 1e15 ? 1 : scale * 10
				printf "%.0f%s", (random / 4294967296 - 0.5) * scale,
				       j < inputs ? "," : "\n"
			}
	}' >"$T/$1.csv"
}

# answers NAME KIND: the model NAME gives what the same file gives as data.
answers()
{
	kmlopsctl -o csv model infer "$1" file "$T/$2.csv" >"$T/answers" &&
		cmp "$T/answers" "$T/$2.expected"
}

for kind in layers tree boosted; do
	shows "compiling $kind said what it takes" '"module":".*_ns":[1-9]' cat "code/$kind.json"
	works "load the code of $kind" insmod "code/$kind.ko" path=code
	shows "it is a version whose path is code" '"version":1,"active":true.*"path":"code"' \
		kmlopsctl -j model show "test-$kind"
	vectors "$kind"
	works "load $kind as data" kmlopsctl model load "data-$kind" file "code/$kind.kmml"
	kmlopsctl -o csv model infer "data-$kind" file "$T/$kind.csv" >"$T/$kind.expected"
	check "code gives what data gives" answers "test-$kind" "$kind"
done
check "boosted trees gave more than one answer" \
	[ "$(sort -u "$T/boosted.expected" | wc -l)" -gt 2 ]
check "three models are there at once" [ "$(kmlopsctl -j model list | grep -o '"name":"test-' | wc -l)" = 3 ]

# Versions: data replaces code and the other way round.
works "load the same model as data" kmlopsctl model load test-tree file code/tree.kmml
shows "which is version 2" '"version":2,"active":true.*"path":"scalar"' kmlopsctl -j model show test-tree
prints "roll back to the code" "model test-tree: version 1 is active" kmlopsctl model rollback test-tree

works "unload the module" rmmod kmlops_model_test_tree
shows "its version stays, computed by the engine" '"version":1,"active":true.*"path":"scalar"' \
	kmlopsctl -j model show test-tree
check "with the same bits" answers test-tree tree
works "load the module again" insmod code/tree.ko path=code
shows "that is version 3" '"version":3,"active":true.*"path":"code"' kmlopsctl -j model show test-tree
silent "remove the model while its module is loaded" kmlopsctl model remove test-tree
works "unload a module whose model is gone" rmmod kmlops_model_test_tree

what="a path that is none is refused"
run insmod code/tree.ko path=fast
[ "$code" != 0 ] || trouble "insmod worked"
dmesg | tail -n 5 | grep -q 'model test-tree: paths are scalar, avx2, avx512 and code' ||
	trouble "no sentence in the log"
judge
refused "and no model is left of it" 1 "there is no model of that name" kmlopsctl model show test-tree

# Callers go on while the code comes and goes.
(
	while [ ! -e "$T/stop" ]; do
		answers test-boosted boosted || echo wrong >>"$T/wrong"
		echo >>"$T/calls"
	done
) 2>"$T/callers" &
callers=$!
i=0
while [ "$i" -lt 20 ]; do
	rmmod kmlops_model_test_boosted && insmod code/boosted.ko path=code || echo >>"$T/wrong"
	i=$((i + 1))
done
: >"$T/stop"
wait "$callers"
check "callers called meanwhile" [ "$(wc -l <"$T/calls")" -gt 3 ]
check "and got the same answers all the time" [ ! -e "$T/wrong" ]

finish
