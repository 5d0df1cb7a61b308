# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the tests of kmlopsctl share. They run in the VM, with busybox sh.

T=/tmp/cli.$$
PINS=/sys/fs/bpf/cli
mkdir -p "$T"
n=0 failed=0 code=0 trouble='' what=''

# Leave nothing behind: the module has to be free to go.
cleanup()
{
	kmlopsctl -o jsonl store list 2>/dev/null | sed 's/^{"name":"\([^"]*\)".*/\1/' |
		while read -r name; do
			kmlopsctl store unregister "$name"
		done
	kmlopsctl -o jsonl model list 2>/dev/null | sed 's/^{"name":"\([^"]*\)".*/\1/' | sort -u |
		while read -r name; do
			kmlopsctl model remove "$name"
		done
	rmmod $(lsmod | sed -n 's/^\(kmlops_model_[^ ]*\).*/\1/p') 2>/dev/null
	rm -rf "$PINS" "$T"
}
trap cleanup EXIT

# Run a command: its output is in $T/out and $T/err, its exit code in $code.
run()
{
	trouble=''
	code=0
	"$@" >"$T/out" 2>"$T/err" || code=$?
}

trouble()
{
	trouble="$trouble# $*
"
}

# The end of one check: a line of TAP, and what went wrong.
judge()
{
	n=$((n + 1))
	if [ -z "$trouble" ]; then
		echo "ok $n - $what"
		return
	fi
	failed=1
	echo "not ok $n - $what"
	printf '%s' "$trouble"
	sed 's/^/#  stdout: /' "$T/out"
	sed 's/^/#  stderr: /' "$T/err"
}

want_code()
{
	[ "$code" = "$1" ] || trouble "exit code $code, not $1"
}

want_quiet()
{
	[ ! -s "$1" ] || trouble "$2 is not empty"
}

# works WHAT COMMAND...: succeeds and says nothing on stderr.
works()
{
	what=$1
	shift
	run "$@"
	want_code 0
	want_quiet "$T/err" stderr
	judge
}

# silent WHAT COMMAND...: works, and prints nothing at all.
silent()
{
	what=$1
	shift
	run "$@"
	want_code 0
	want_quiet "$T/out" stdout
	want_quiet "$T/err" stderr
	judge
}

# prints WHAT TEXT COMMAND...: works, with just that on stdout.
prints()
{
	what=$1
	printf '%s\n' "$2" >"$T/expected"
	shift 2
	run "$@"
	want_code 0
	want_quiet "$T/err" stderr
	cmp -s "$T/expected" "$T/out" ||
		trouble "stdout should be: $(cat "$T/expected")"
	judge
}

# shows WHAT PATTERN COMMAND...: works, with a line on stdout that matches.
shows()
{
	what=$1
	pattern=$2
	shift 2
	run "$@"
	want_code 0
	want_quiet "$T/err" stderr
	grep -qE -- "$pattern" "$T/out" || trouble "no line matches $pattern"
	judge
}

# refused WHAT CODE SENTENCE COMMAND...: fails with that code and just that
# sentence on stderr, and no data.
refused()
{
	what=$1
	want=$2
	printf 'kmlopsctl: %s\n' "$3" >"$T/expected"
	shift 3
	run "$@"
	want_code "$want"
	want_quiet "$T/out" stdout
	cmp -s "$T/expected" "$T/err" ||
		trouble "stderr should be: $(cat "$T/expected")"
	judge
}

# Numbers that are others in each run.
normalize()
{
	sed -E \
		-e 's/"(id|bytes|time|seq|exported_at|realtime_offset_ns|now)"(: ?)-?[0-9]+/"\1"\2N/g' \
		-e 's/map [0-9]+ \(/map N (/' \
		-e 's/^(kind .*), [0-9.]+ [KMG]?i?B$/\1, N B/' \
		-e 's/ (scalar|avx2|avx512) \([0-9.]+ [mun]?s\)/ \1 (N s)/g' \
		-e 's/rows, [0-9.]+ [KMG]?i?B/rows, N B/' \
		-e 's/^(time +)[0-9]+\.[0-9]{9}$/\1N/' \
		-e 's/^(seq +)[0-9]+\/[0-9]+$/\1N/' \
		"$1"
}

# golden WHAT FILE COMMAND...: works, and stdout is what is in golden/FILE.
# With GOLDEN_DIR set, the files are written there.
golden()
{
	what=$1
	file=$2
	shift 2
	run "$@"
	want_code 0
	want_quiet "$T/err" stderr
	normalize "$T/out" >"$T/normal"
	if [ "${GOLDEN_DIR:-}" ]; then
		cp "$T/normal" "$GOLDEN_DIR/$file"
	elif ! cmp -s "golden/$file" "$T/normal"; then
		diff "golden/$file" "$T/normal" >"$T/diff"
		trouble "differs from golden/$file:
$(sed 's/^/#  /' "$T/diff")"
	fi
	judge
}

# check WHAT COMMAND...: a command of the test's own that has to succeed.
check()
{
	what=$1
	shift
	run "$@"
	want_code 0
	judge
}

# Load maps.bpf.o: maps in $PINS/maps, the program in $PINS/progs.
load_maps()
{
	mkdir -p "$PINS"
	bpftool prog loadall maps.bpf.o "$PINS/progs" pinmaps "$PINS/maps" >"$T/load" 2>&1 || {
		echo "Bail out! maps.bpf.o does not load"
		cat "$T/load"
		exit 1
	}
}

# capture ROWS FIRST: into the store of the map everything, thread ids from FIRST.
capture()
{
	{
		head -c 14 /dev/zero
		# shellcheck disable=SC2059 # bytes from octal numbers
		printf "$(printf '\\%03o\\%03o' "$1" "$2")"
	} >"$T/order"
	bpftool prog run pinned "$PINS/progs/capture" data_in "$T/order" repeat 1 >"$T/ran" &&
		grep -q '^Return value: 0,' "$T/ran"
}

make_model()
{
	sed 's/#.*//' tree.hex | xxd -r -p >"$1"
}

finish()
{
	exit "$failed"
}
