// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The collector "file_data". An open tells by a flag that it made the file, when
 * the inode is there already: security_inode_create comes before it is.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "file_data.h"

#define FMODE_CREATED	0x100000

STORE(file_data, struct file_data_key, struct file_data_row);

static void add_file(struct dentry *dentry, __u32 kind, __u32 flags)
{
	struct inode *inode = dentry->d_inode;
	__u64 id = bpf_get_current_pid_tgid();
	struct file_data_key key = {};
	struct file_data_row row = {
		.pid = id,
		.tgid = id >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.kind = kind,
		.flags = flags,
		.one_in = one_in(),
	};

	if (!inode || !wanted())
		return;
	key.inode = inode->i_ino;
	key.device = inode->i_sb->s_dev;
	row.size = inode->i_size;
	row.mode = inode->i_mode;
	bpf_probe_read_kernel_str(row.name, sizeof(row.name),
				  dentry->d_name.name);
	collect(&file_data, &key, &row);
}

SEC("fexit/vfs_open")
int BPF_PROG(vfs_open, const struct path *path, struct file *file, int result)
{
	if (!result)
		add_file(path->dentry, (__u32)file->f_mode & FMODE_CREATED ?
			 FILE_CREATED : FILE_OPENED, file->f_flags);
	return 0;
}

/* Kernels that have this pass it instead of "exclusive", and pass no directory. */
struct delegated_inode___newer {};

static __noinline int made(unsigned long long *args)
{
	if (!(int)args[4])
		add_file((void *)args[1], FILE_MADE, 0);
	return 0;
}

static __noinline int made_in_directory(unsigned long long *args)
{
	if (!(int)args[5])
		add_file((void *)args[2], FILE_MADE, 0);
	return 0;
}

SEC("fexit/vfs_create")
int vfs_create(unsigned long long *args)
{
	if (bpf_core_type_exists(struct delegated_inode___newer))
		return made(args);
	return made_in_directory(args);
}

char _license[] SEC("license") = "Dual BSD/GPL";
