// SPDX-License-Identifier: GPL-2.0-only
/*
 * KernMLOps: feature stores and models inside the kernel.
 */
#include <linux/module.h>
#include <asm/cpufeature.h>
#include "clock.h"
#include "compat.h"
#include "history.h"
#include "kfuncs.h"
#include "model.h"
#include "netlink.h"
#include "store.h"
#include "upload.h"

static int __init kernmlops_init(void)
{
	int err;

	if (nr_cpu_ids > KMLOPS_CPUS_MAX) {
		pr_err("kernmlops: at most %u CPUs are supported\n",
		       KMLOPS_CPUS_MAX);
		return -EOPNOTSUPP;
	}
	if (!system_has_cmpxchg128()) {
		pr_err("kernmlops: this CPU has no 16-byte compare and exchange\n");
		return -EOPNOTSUPP;
	}
	/* Registration of kfuncs succeeds without BTF, and does nothing. */
	if (!THIS_MODULE->btf_data_size) {
		pr_err("kernmlops: the module was built without BTF\n");
		return -ENOPKG;
	}

	err = kmlops_clock_init();
	if (err)
		return err;
	err = kmlops_stores_init();
	if (err)
		goto err_clock;
	err = kmlops_models_init();
	if (err)
		goto err_stores;
	err = kmlops_uploads_init();
	if (err)
		goto err_models;
	err = kmlops_kfuncs_init();
	if (err)
		goto err_uploads;
	err = kmlops_netlink_init();
	if (err)
		goto err_uploads;
	return 0;

err_uploads:
	kmlops_uploads_exit();
err_models:
	kmlops_models_exit();
err_stores:
	kmlops_stores_exit();
err_clock:
	kmlops_clock_exit();
	return err;
}

/* A program that calls a kfunc pins the module: none is left here. */
static void __exit kernmlops_exit(void)
{
	kmlops_netlink_exit();
	kmlops_uploads_exit();
	kmlops_models_exit();
	kmlops_stores_exit();
	kmlops_clock_exit();
}

module_init(kernmlops_init);
module_exit(kernmlops_exit);

MODULE_DESCRIPTION("Feature stores and models inside the kernel");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
KMLOPS_IMPORT_NS(BPF_INTERNAL);
