# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # variables of whoever sources this
#
# What the programs of this directory share: where things are, who may use them.

vm_src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$vm_src/../.." && pwd)

# Files of a run: initramfs, console.log, control, share/.
vm_dir=${VM_DIR:-$top/build/vm}
# So that a test of the runner can bring its own.
vm_module=${VM_MODULE-$top/build/kmod/${KVER:-}/kernmlops.ko}

# Exit codes of a run that say more than the job's own.
VM_TIMED_OUT=124
VM_BROKEN=125

die()
{
	echo "${0##*/}: $*" >&2
	exit "$VM_BROKEN"
}

need_kernel()
{
	[ "${KVER:-}" ] || die "KVER is not set (use make, or: export KVER=\$(selftests/vm/fetch-kernel))"
	vm_kernel=$top/build/kernel/$KVER
	[ -r "$vm_kernel/boot/vmlinuz-$KVER" ] || die "no kernel $KVER in build/kernel: run 'make kernel KVER=$KVER'"
}

# kernel_module NAME: its file in the kernel, nothing if it is built in.
kernel_module()
{
	local modules=$vm_kernel/lib/modules/$KVER name=${1//[-_]/[-_]} file

	! grep -qE "/$name\.ko" "$modules/modules.builtin" || return 0
	file=$(find "$modules/kernel" -name "$name.ko*" -print -quit)
	[ "$file" ] && echo "$file"
}

# Cloud kernels share no directory: the share is copied in and, at the end, out.
kernel_shares()
{
	kernel_module 9p >/dev/null && kernel_module 9pnet_virtio >/dev/null
}

# One run at a time uses a directory; the descriptor is held until we exit.
lock_dir()
{
	mkdir -p "$vm_dir"
	exec 7>"$vm_dir/lock"
	flock -n 7 || {
		echo "Waiting for another VM that uses $vm_dir" >&2
		flock 7
	}
}

# An empty share, with copies of the given files and directories.
fill_share()
{
	rm -rf "$vm_dir/share"
	mkdir -p "$vm_dir/share"
	local file
	for file; do
		cp -a -- "$file" "$vm_dir/share/" || die "cannot copy $file"
	done
}

# Where a file is, as seen from where the user is.
shown()
{
	realpath --relative-base="$PWD" "$1"
}
