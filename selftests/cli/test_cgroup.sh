#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Memory of stores is charged to the cgroup of who registers them: its limit
# holds, with a sentence and without the kernel killing anybody.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

group=/sys/fs/cgroup/kernmlops

# shellcheck disable=SC2317 # called by name
in_group()
{
	sh -c "echo \$\$ >$group/cgroup.procs; exec \"\$@\"" sh "$@"
}

echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir $group

works "a store in a group without limit" \
	in_group kmlopsctl store register charged schema v:u64 key u32 rows 100000
charged=$(cat $group/memory.current)
# 100000 rows of 48 bytes, rounded up.
works "its memory is that of the group" test "$charged" -gt 4800000
works "unregister" kmlopsctl store unregister charged

# The memory of the store goes a moment later; then it is below the limit.
tries=100
until [ "$(cat $group/memory.current)" -lt 2000000 ] || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
works "and is given back" test "$(cat $group/memory.current)" -lt 2000000
echo 4M >$group/memory.max
# shellcheck disable=SC2317 # called by name
too_much()
{
	in_group kmlopsctl store register charged schema v:u64 key u32 rows 1000000 2>&1
	[ $? = 1 ]
}
shows "more than the limit is refused" '^kmlopsctl: no memory for the [0-9]* KiB of rows$' too_much
shows "nobody was killed" '^oom_kill 0$' cat $group/memory.events
works "outside of the group there is memory" \
	kmlopsctl store register charged schema v:u64 key u32 rows 1000000
kmlopsctl store unregister charged

# The last memory of the store goes a moment later.
tries=100
until rmdir $group 2>/dev/null || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
works "the group can be removed" test ! -d $group

finish
