/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "file_data": files as they are opened and made. */
#ifndef KERNMLOPS_FILE_DATA_H
#define KERNMLOPS_FILE_DATA_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

enum file_data_kind {
	FILE_OPENED,
	FILE_CREATED,		/* made by the open */
	FILE_MADE,		/* made by itself: mknod and the like */
};

struct file_data_key {
	__u64 inode;
	__u32 device;		/* of its file system: major << 20 | minor */
	__u32 unused;
};

/* Store "file_data": one row for each open or creation that succeeded. */
struct file_data_row {
	__u64 size KMLOPS_UNIT(bytes);
	__u32 pid;		/* thread id */
	__u32 tgid;
	__u32 cpu;
	__u32 kind;		/* enum file_data_kind */
	__u32 flags;		/* O_* of the open, without those on creation */
	__u32 mode;		/* type and permissions: S_* */
	__u32 one_in;		/* events that this row stands for */
	char name[64];		/* last part of the path, its first 63 bytes */
};

#endif /* KERNMLOPS_FILE_DATA_H */
