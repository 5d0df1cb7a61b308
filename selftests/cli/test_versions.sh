#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Versions of models: inactive, activate, rollback, remove; paths and budgets.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

make_model "$T/tree"

prints "load" "model tree: version 1, golden vectors reproduced: 3" \
	kmlopsctl model load tree file "$T/tree"
prints "load inactive" "model tree: version 2 (not active), golden vectors reproduced: 3" \
	kmlopsctl model load tree file "$T/tree" inactive
shows "show a version" '^model tree: version 2 \(not active\), 0 inferences$' \
	kmlopsctl model show tree version 2
shows "show all versions" '^tree +2 +no .* 0$' kmlopsctl model show tree
prints "activate" "model tree: version 2 is active" kmlopsctl model activate tree version 2
prints "rollback" "model tree: version 1 is active" kmlopsctl model rollback tree
shows "the same as JSON" '"version":2,"active":true' kmlopsctl -j model activate tree ver 2
prints "rollback to a version" "model tree: version 1 is active" \
	kmlopsctl model rollback tree version 1
prints "infer with a version" 'answer,score_0,score_1
1,8192,57344' kmlopsctl -o csv model infer tree version 2 input 11,-5
silent "remove a version" kmlopsctl model remove tree version 2
refused "rollback to nothing" 1 "no version that is kept was active before version 1" \
	kmlopsctl model rollback tree
refused "activate what is gone" 1 "there is no version 2, the last one was 2" \
	kmlopsctl model activate tree version 2
refused "remove the active one" 1 \
	"version 1 is active: activate another one, or remove all" \
	kmlopsctl model remove tree version 1
refused "version 0" 2 "versions count from 1" kmlopsctl model show tree version 0
refused "no number" 2 "the number of the version is missing" kmlopsctl model activate tree version
refused "no version" 2 "the word version is missing" kmlopsctl model activate tree

prints "a path" "model tree: version 3, golden vectors reproduced: 3" \
	kmlopsctl model load tree file "$T/tree" path scalar
refused "a path that trees lack" 1 "the model has no path avx2 on this machine" \
	kmlopsctl model load tree file "$T/tree" path avx2
refused "no path" 1 "paths are scalar, avx2, avx512 and code" \
	kmlopsctl model load tree file "$T/tree" path fast
refused "too much work" 1 "one inference takes 2 operations, 1 are allowed" \
	kmlopsctl model load tree file "$T/tree" work 1
refused "too much memory" 1 "the model takes 360 bytes of memory, 10 are allowed" \
	kmlopsctl model load tree file "$T/tree" memory 10
works "more than the parameters allow" kmlopsctl model load tree file "$T/tree" \
	work 100000000 memory 1000000000
refused "a word too many" 2 "\"now\" is no word of model load; there are: inactive, path, work, memory" \
	kmlopsctl model load tree file "$T/tree" now

shows "repeat" '^20000 runs in the kernel: p50 [0-9.]+ [nmu]?s, p99 [0-9.]+ [nmu]?s$' \
	kmlopsctl model infer tree input 11,-5 repeat 20000
shows "repeat as JSON" '"repeat":5,"p50_ns":[0-9]+,"p99_ns":[0-9]+\}$' \
	kmlopsctl -j model infer tree input 11,-5 repeat 5
refused "repeat nothing" 2 "repeat has to be 1 or more" \
	kmlopsctl model infer tree input 11,-5 repeat 0
refused "times as CSV" 2 "times have no output as csv" \
	kmlopsctl -o csv model infer tree input 11,-5 repeat 3
works "remove all" kmlopsctl model remove tree

finish
