// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs for tests: a thread for each CPU sends them to all CPUs. On each, the
 * handler calls kernmlops_nmi_test(), where a BPF program can be attached.
 *
 * Parameters in /sys/module/kernmlops_nmi_test/parameters:
 *   send      so many more are sent; 0 ends it
 *   sent      how many were sent; each one has run the handler
 */
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <asm/apic.h>
#include <asm/nmi.h>

#define HANDLER_NAME	"kernmlops_nmi_test"
/* Time between two chances for others to run and for CPUs to go. */
#define BATCH_NS	(1 * NSEC_PER_MSEC)
/*
 * Time between two NMIs on a CPU, so that what was interrupted gets on. Without
 * it the second comes when the first has hardly returned, and QEMU 7.2 has wrong
 * flags in that place if the kernel is at a CMPXCHG16B (its slab allocator is
 * often): an interrupt then saves flags that never were, and the VM dies.
 */
#define GAP_NS		(20 * NSEC_PER_USEC)

void kernmlops_nmi_test(void);

static DEFINE_PER_CPU(atomic_t, on_its_way);
static DEFINE_PER_CPU(u64, last_handled);
static DEFINE_PER_CPU(struct task_struct *, sender);
static atomic64_t to_send, sent;

noinline void kernmlops_nmi_test(void)
{
	/* Not to be optimized away: there is something to attach to. */
	barrier();
}

static int handle(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_read(this_cpu_ptr(&on_its_way)))
		return NMI_DONE;
	kernmlops_nmi_test();
	atomic64_inc(&sent);
	this_cpu_write(last_handled, ktime_get_mono_fast_ns());
	atomic_set_release(this_cpu_ptr(&on_its_way), 0);
	return NMI_HANDLED;
}

/* Of two NMIs that wait for a CPU one is lost: so one at a time. */
static void send_one(unsigned int cpu)
{
	atomic_t *way = per_cpu_ptr(&on_its_way, cpu);

	/* To this CPU no gap: it is here. */
	if (atomic_read_acquire(way) ||
	    (cpu != raw_smp_processor_id() &&
	     ktime_get_mono_fast_ns() - per_cpu(last_handled, cpu) < GAP_NS) ||
	    atomic_cmpxchg(way, 0, 1))
		return;
	if (atomic64_dec_return(&to_send) < 0) {
		atomic64_inc(&to_send);
		atomic_set(way, 0);
		return;
	}
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
}

/* CPUs stay while NMIs are on their way to them. */
static void send_some(void)
{
	u64 until = ktime_get_mono_fast_ns() + BATCH_NS;
	unsigned int cpu;

	cpus_read_lock();
	while (ktime_get_mono_fast_ns() < until)
		for_each_online_cpu(cpu)
			send_one(cpu);
	for_each_online_cpu(cpu)
		while (atomic_read_acquire(per_cpu_ptr(&on_its_way, cpu)))
			cpu_relax();
	cpus_read_unlock();
}

static int send(void *unused)
{
	while (!kthread_should_stop()) {
		if (atomic64_read(&to_send) <= 0)
			schedule_timeout_interruptible(msecs_to_jiffies(2));
		else
			send_some();
		cond_resched();
	}
	return 0;
}

static int set_send(const char *text, const struct kernel_param *param)
{
	s64 number;
	int err = kstrtos64(text, 0, &number);

	if (!err)
		atomic64_set(&to_send, number);
	return err;
}

static int get_counter(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%lld\n",
			  atomic64_read((atomic64_t *)param->arg));
}

static const struct kernel_param_ops send_ops = {
	.set = set_send,
	.get = get_counter,
};

static const struct kernel_param_ops sent_ops = {
	.get = get_counter,
};

module_param_cb(send, &send_ops, &to_send, 0600);
module_param_cb(sent, &sent_ops, &sent, 0400);

static void stop_senders(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu(sender, cpu))
			kthread_stop(per_cpu(sender, cpu));
}

static int __init nmi_test_init(void)
{
	unsigned int cpu;
	int err;

	err = register_nmi_handler(NMI_LOCAL, handle, 0, HANDLER_NAME);
	if (err)
		return err;
	for_each_online_cpu(cpu) {
		struct task_struct *task =
			kthread_create_on_cpu(send, NULL, cpu, "nmi_test/%u");

		if (IS_ERR(task)) {
			stop_senders();
			unregister_nmi_handler(NMI_LOCAL, HANDLER_NAME);
			return PTR_ERR(task);
		}
		/* Others run, too, to be interrupted; but not most of the time. */
		set_user_nice(task, -5);
		per_cpu(sender, cpu) = task;
		wake_up_process(task);
	}
	return 0;
}

static void __exit nmi_test_exit(void)
{
	stop_senders();
	unregister_nmi_handler(NMI_LOCAL, HANDLER_NAME);
}

module_init(nmi_test_init);
module_exit(nmi_test_exit);

MODULE_DESCRIPTION("NMIs for the tests of KernMLOps");
MODULE_LICENSE("GPL");
