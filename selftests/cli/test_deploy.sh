#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Models that arrive as files, and what a boot restores.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

spool=$T/spool
mkdir -p "$spool" "$T/etc"

# waits WHAT COMMAND...: until it succeeds, ten seconds at the most.
waits()
{
	what=$1
	trouble=''
	shift
	i=0
	while ! "$@" >"$T/out" 2>"$T/err"; do
		i=$((i + 1))
		if [ "$i" = 100 ]; then
			trouble "not within ten seconds"
			break
		fi
		usleep 100000
	done
	judge
}

# "waits" calls it by its name.
# shellcheck disable=SC2317
has_version()
{
	kmlopsctl -j model show "$1" version "$2"
}

cp code/tree.kmml "$spool/slow.kmml"
printf 'nothing of the kind' >"$spool/bad.kmml"
cp code/tree.kmml "$spool/.hidden.kmml"
cp code/tree.kmml "$spool/notes.txt"
what="what is in the spool is deployed, or refused"
run kmlopsctl deploy once "$spool"
want_code 0
grep -q '^model slow: version 1$' "$T/out" || trouble "slow was not loaded"
grep -q '^model bad: refused: a model file has at least 48 bytes, this has 19$' "$T/out" ||
	trouble "bad was not refused"
judge
check "the good one is aside" test -e "$spool/deployed/slow.kmml" -a ! -e "$spool/slow.kmml"
prints "the bad one is aside, with the reason" "a model file has at least 48 bytes, this has 19" \
	cat "$spool/failed/bad.kmml.reason"
check "and is kept" test -e "$spool/failed/bad.kmml"
check "other files are left alone" test -e "$spool/.hidden.kmml" -a -e "$spool/notes.txt"
shows "the model is active" '"version":1,"active":true' kmlopsctl -j model show slow
silent "once more, there is nothing to do" kmlopsctl deploy once "$spool"

cp code/patient.kmml "$spool/slow.kmml"
prints "one that asks to wait is loaded" "model slow: version 2 (not active)" \
	kmlopsctl deploy once "$spool"
shows "and is not active" '"version":1,"active":true' kmlopsctl -j model show slow
check "it waits" test -e "$spool/waiting/slow.kmml"

# A reboot: the kernel has lost them.
silent "the models go" kmlopsctl model remove slow
prints "they come back, active and waiting" "model slow: version 1
model slow: version 2 (not active)" kmlopsctl deploy once "$spool"

kmlopsctl deploy watch "$spool" >"$T/watched" 2>&1 &
watcher=$!
cp code/boosted.kmml "$spool/.new"
mv "$spool/.new" "$spool/fresh.kmml"
waits "a file that is moved in is loaded" has_version fresh 1
cp code/layers.kmml "$spool/fresh.kmml"
waits "one that is written is loaded, too" has_version fresh 2
printf x >"$spool/worse.kmml"
waits "the watcher goes on after a bad one" test -e "$spool/failed/worse.kmml.reason"
kill "$watcher"
what="a signal ends it well"
run wait "$watcher"
want_code 0
judge

rmmod kernmlops 2>/dev/null || { kmlopsctl model remove slow; kmlopsctl model remove fresh; rmmod kernmlops; }
cp code/tree.kmml "$spool/later.kmml"
what="without the module the file stays"
run kmlopsctl deploy once "$spool"
want_code 3
[ -e "$spool/later.kmml" ] || trouble "it is gone"
judge
insmod /lib/modules/kernmlops.ko
works "and is loaded when it is there again" kmlopsctl deploy once "$spool"

# What a boot restores.
cat >"$T/etc/20-models.conf" <<EOF
model load restored file $PWD/code/tree.kmml
EOF
cat >"$T/etc/10-stores.conf" <<EOF
# a store, then a model
store register io schema bytes:u32,wait:u64 key pid:u32 rows 64
EOF
echo "model load bad file /nonexistent" >"$T/etc/15-bad.conf"
echo "model remove restored" >"$T/etc/30-other.txt"
what="restore runs all files in order"
run kmlopsctl deploy restore "$T/etc"
want_code 1
grep -q "cannot read /nonexistent" "$T/err" || trouble "nothing is said of the bad file"
judge
shows "the store is there" '"name":"io"' kmlopsctl -j store show io
shows "and so is the model" '"version":1,"active":true' kmlopsctl -j model show restored
refused "no directory" 1 "cannot read the directory $T/none: No such file or directory" \
	kmlopsctl deploy restore "$T/none"

finish
