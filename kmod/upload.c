// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uploads.
 *
 * A netlink socket has at most one upload at a time; closing the socket,
 * starting anew at offset 0, or sending nothing for a while forgets it. So a
 * client that dies or hangs leaves nothing behind, and two clients cannot mix
 * their parts.
 */
#include <linux/genetlink.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <net/net_namespace.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "compat.h"
#include "model.h"
#include "portable.h"
#include "upload.h"

/* Most uploads at once; a socket that is turned away can try again. */
#define UPLOADS_MAX	64

static unsigned int upload_timeout = 60;
module_param(upload_timeout, uint, 0644);
MODULE_PARM_DESC(upload_timeout, "Seconds after which an upload without a new part is forgotten");

struct upload {
	struct list_head list;
	unsigned long since;	/* jiffies of its last part */
	u32 portid;
	u32 size;
	u32 received;
	char name[KERNMLOPS_NAME_MAX + 1];
	void *file;
};

static DEFINE_MUTEX(uploads_lock);
static LIST_HEAD(uploads);
static unsigned int uploads_count;

static struct upload *find(u32 portid)
{
	struct upload *upload;

	list_for_each_entry(upload, &uploads, list)
		if (upload->portid == portid)
			return upload;
	return NULL;
}

static void forget(struct upload *upload)
{
	list_del(&upload->list);
	uploads_count--;
	kvfree(upload->file);
	kfree(upload);
}

static void stale_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(stale_work, stale_work_fn);

/* Looks again when the next one may be stale. */
static void forget_stale(void)
{
	unsigned long timeout = upload_timeout * HZ, next = ULONG_MAX;
	struct upload *upload, *tmp;

	lockdep_assert_held(&uploads_lock);
	list_for_each_entry_safe(upload, tmp, &uploads, list) {
		unsigned long age = jiffies - upload->since;

		if (age >= timeout)
			forget(upload);
		else
			next = min(next, timeout - age);
	}
	if (!list_empty(&uploads))
		mod_delayed_work(system_dfl_wq, &stale_work, next);
}

static void stale_work_fn(struct work_struct *work)
{
	mutex_lock(&uploads_lock);
	forget_stale();
	mutex_unlock(&uploads_lock);
}

static struct upload *begin(u32 portid, const struct kmlops_upload_part *part,
			    int *err, struct kmlops_refusal *refusal)
{
	struct upload *upload;

	if (part->size > kmlops_max_model_bytes) {
		*err = kmlops_refuse(refusal, -E2BIG,
				     "the file has %u bytes, max_model_bytes allows %u",
				     part->size, kmlops_max_model_bytes);
		return NULL;
	}
	if (uploads_count >= UPLOADS_MAX) {
		*err = kmlops_refuse(refusal, -EBUSY,
				     "%d uploads are under way already",
				     UPLOADS_MAX);
		return NULL;
	}

	upload = kzalloc(sizeof(*upload), GFP_KERNEL_ACCOUNT);
	if (upload)
		upload->file = kmlops_alloc(part->size, NUMA_NO_NODE);
	if (!upload || !upload->file) {
		kfree(upload);
		*err = kmlops_refuse(refusal, -ENOMEM,
				     "no memory for a file of %u bytes",
				     part->size);
		return NULL;
	}
	upload->portid = portid;
	upload->size = part->size;
	strscpy(upload->name, part->name, sizeof(upload->name));
	list_add(&upload->list, &uploads);
	uploads_count++;
	return upload;
}

/**
 * kmlops_upload_add() - Take one part of a file
 * @portid: the sending socket
 * @part: the part; its name has been checked
 * @file: receives the file when it is complete, owned by the caller, who frees
 *   it with kvfree(); else NULL
 * @refusal: receives the sentence on error
 *
 * An error forgets the upload.
 *
 * Context: process; sleeps.
 * Return: 0 or a negative error number.
 */
int kmlops_upload_add(u32 portid, const struct kmlops_upload_part *part,
		      void **file, struct kmlops_refusal *refusal)
{
	struct upload *upload;
	int err = 0;

	*file = NULL;
	mutex_lock(&uploads_lock);
	upload = find(portid);
	if (!part->offset) {
		if (upload)
			forget(upload);
		upload = begin(portid, part, &err, refusal);
		if (!upload)
			goto out;
	}
	if (!upload) {
		err = kmlops_refuse(refusal, -EINVAL,
				    "this socket has not sent the first part");
		goto out;
	}
	if (strcmp(upload->name, part->name) || upload->size != part->size) {
		err = kmlops_refuse(refusal, -EINVAL,
				    "the part belongs to another upload than the first part");
		goto err_forget;
	}
	if (part->offset != upload->received) {
		err = kmlops_refuse(refusal, -EINVAL,
				    "the next part starts at byte %u, not %u",
				    upload->received, part->offset);
		goto err_forget;
	}
	if (!part->length || part->length > upload->size - upload->received) {
		err = kmlops_refuse(refusal, -EINVAL,
				    "a part of %u bytes at %u does not fit %u bytes",
				    part->length, part->offset, upload->size);
		goto err_forget;
	}
	memcpy(upload->file + upload->received, part->data, part->length);
	upload->received += part->length;
	upload->since = jiffies;
	if (upload->received == upload->size) {
		*file = upload->file;
		upload->file = NULL;
		forget(upload);
		goto out;
	}
	forget_stale();
	goto out;

err_forget:
	forget(upload);
out:
	mutex_unlock(&uploads_lock);
	return err;
}

static int socket_closed(struct notifier_block *block, unsigned long event,
			 void *data)
{
	const struct netlink_notify *notify = data;
	struct upload *upload;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC ||
	    notify->net != &init_net)
		return NOTIFY_DONE;

	mutex_lock(&uploads_lock);
	upload = find(notify->portid);
	if (upload)
		forget(upload);
	mutex_unlock(&uploads_lock);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_closed,
};

int kmlops_uploads_init(void)
{
	return netlink_register_notifier(&socket_notifier);
}

/* The netlink family is gone: nobody adds a part any more. */
void kmlops_uploads_exit(void)
{
	struct upload *upload, *next;

	netlink_unregister_notifier(&socket_notifier);
	cancel_delayed_work_sync(&stale_work);
	list_for_each_entry_safe(upload, next, &uploads, list)
		forget(upload);
}
