// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink: models.
 */
#include "model.h"
#include "names.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "upload.h"

#define MODEL_SPACE	512

/* An output attribute must fit the 16 bits of its length, with its header. */
#define OUTPUT_BYTES_MAX	65000

/*
 * Memory for the answer about any version, to be had before something changes:
 * what is refused has changed nothing.
 */
static struct sk_buff *new_reply(void)
{
	return genlmsg_new(MODEL_SPACE + KMLOPS_MODEL_INPUTS_MAX *
			   nla_total_size(KMLOPS_MODEL_INPUT_NAME_LEN),
			   GFP_KERNEL);
}

/* Code may leave its model meanwhile. */
static int put_paths(struct sk_buff *skb, const struct kmlops_engine *engine)
{
	u32 paths = READ_ONCE(engine->paths);
	enum kmlops_path path;
	struct nlattr *nest;

	for (path = 0; path < KMLOPS_PATHS; path++) {
		if (!(paths & KMLOPS_PATH_BIT(path)))
			continue;
		nest = nla_nest_start(skb, KERNMLOPS_A_MODEL_PATH_TIME);
		if (!nest ||
		    nla_put_string(skb, KERNMLOPS_A_PATH_NAME,
				   kmlops_path_name(path)) ||
		    nla_put_uint(skb, KERNMLOPS_A_PATH_TIME,
				 engine->path_ns[path]))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return nla_put_string(skb, KERNMLOPS_A_MODEL_PATH,
			      kmlops_path_name(READ_ONCE(engine->path)));
}

static int put_model(struct sk_buff *skb, const struct kmlops_model *model)
{
	const struct kmlops_engine *engine = model->engine;
	u32 i;

	if (nla_put_string(skb, KERNMLOPS_A_MODEL_NAME, model->name) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_VERSION, model->version) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_KIND, engine->kind) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_TASK, engine->task) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_INPUTS, engine->nr_inputs) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_OUTPUTS, engine->nr_outputs) ||
	    nla_put_uint(skb, KERNMLOPS_A_MODEL_BYTES, engine->bytes) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_DEPTH, engine->depth) ||
	    nla_put_uint(skb, KERNMLOPS_A_MODEL_WORK, engine->work) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_FRACTION_BITS,
			engine->fraction_bits) ||
	    nla_put_u64_64bit(skb, KERNMLOPS_A_MODEL_FINGERPRINT,
			      engine->fingerprint, 0) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_GOLDEN, engine->nr_golden) ||
	    nla_put_uint(skb, KERNMLOPS_A_MODEL_INFERENCES,
			 kmlops_model_inferences(model)) ||
	    (kmlops_model_is_active(model) &&
	     nla_put_flag(skb, KERNMLOPS_A_MODEL_ACTIVE)) ||
	    put_paths(skb, engine))
		return -EMSGSIZE;
	for (i = 0; i < engine->nr_inputs; i++)
		if (nla_put_string(skb, KERNMLOPS_A_MODEL_INPUT_NAME,
				   engine->input_names[i]))
			return -EMSGSIZE;
	return 0;
}

/* Replies with a version, and lets go of it; or refuses if it is an error. */
static int reply_model(struct genl_info *info, struct sk_buff *reply,
		       struct kmlops_model *model,
		       const struct kmlops_refusal *refusal)
{
	void *head;
	int err;

	if (IS_ERR(model)) {
		nlmsg_free(reply);
		return kmlops_nl_refuse(info->extack, PTR_ERR(model), refusal);
	}
	head = genlmsg_iput(reply, info);
	err = head ? put_model(reply, model) : -EMSGSIZE;
	kmlops_model_put(model);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

/* What the sender lets the model take instead of what parameters allow. */
static int get_budget(struct sk_buff *skb, struct genl_info *info,
		      struct kmlops_budget *budget)
{
	struct nlattr *work = info->attrs[KERNMLOPS_A_MODEL_WORK_MAX];
	struct nlattr *memory = info->attrs[KERNMLOPS_A_MODEL_MEMORY_MAX];

	budget->work = work ? nla_get_uint(work) : kmlops_max_model_work;
	budget->bytes = memory ? nla_get_uint(memory) : kmlops_max_model_memory;
	if ((budget->work > kmlops_max_model_work ||
	     budget->bytes > kmlops_max_model_memory) &&
	    !netlink_capable(skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(info->extack,
			       "more than max_model_work or max_model_memory needs CAP_SYS_ADMIN");
		return -EPERM;
	}
	return 0;
}

int kernmlops_nl_model_load_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *data = info->attrs[KERNMLOPS_A_MODEL_DATA];
	struct kmlops_upload_part part = {};
	struct kmlops_model_load load = {};
	struct kmlops_refusal refusal;
	struct kmlops_model *model;
	struct sk_buff *reply;
	void *file;
	int err;

	part.name = kmlops_nl_name(info, KERNMLOPS_A_MODEL_NAME);
	if (!part.name)
		return -EINVAL;
	if (!data || !info->attrs[KERNMLOPS_A_MODEL_SIZE] ||
	    !info->attrs[KERNMLOPS_A_MODEL_OFFSET]) {
		NL_SET_ERR_MSG(info->extack,
			       "a part of a model needs size, offset and data");
		return -EINVAL;
	}
	part.size = nla_get_u32(info->attrs[KERNMLOPS_A_MODEL_SIZE]);
	part.offset = nla_get_u32(info->attrs[KERNMLOPS_A_MODEL_OFFSET]);
	part.data = nla_data(data);
	part.length = nla_len(data);

	err = get_budget(skb, info, &load.budget);
	if (err)
		return err;
	err = kmlops_name_check(part.name, "model", &refusal);
	if (!err)
		err = kmlops_upload_add(info->snd_portid, &part, &file,
					&refusal);
	if (err)
		return kmlops_nl_refuse(info->extack, err, &refusal);
	if (!file)
		return 0;
	reply = new_reply();
	if (!reply) {
		kvfree(file);
		return -ENOMEM;
	}

	load.file = file;
	load.size = part.size;
	load.inactive = info->attrs[KERNMLOPS_A_MODEL_INACTIVE];
	if (info->attrs[KERNMLOPS_A_MODEL_PATH])
		load.path = nla_data(info->attrs[KERNMLOPS_A_MODEL_PATH]);
	model = kmlops_model_load(part.name, &load, &refusal);
	kvfree(file);
	return reply_model(info, reply, model, &refusal);
}

/* The name and the version of the request; 0 if it has none. */
static int get_names(struct genl_info *info, const char **name, u32 *version)
{
	struct nlattr *attr = info->attrs[KERNMLOPS_A_MODEL_VERSION];

	*name = kmlops_nl_name(info, KERNMLOPS_A_MODEL_NAME);
	if (!*name)
		return -EINVAL;
	*version = attr ? nla_get_u32(attr) : 0;
	if (attr && !*version) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "versions count from 1");
		return -EINVAL;
	}
	return 0;
}

/* Replies with the version that @find returns of the names in the request. */
static int reply_found(struct genl_info *info,
		       struct kmlops_model *(*find)(const char *name,
						    u32 version,
						    struct kmlops_refusal *),
		       bool needs_version)
{
	struct kmlops_refusal refusal;
	struct sk_buff *reply;
	const char *name;
	u32 version;
	int err;

	err = get_names(info, &name, &version);
	if (err)
		return err;
	if (needs_version && !version) {
		NL_SET_ERR_MSG(info->extack, "the request names no version");
		return -EINVAL;
	}
	/* Before, as what was found cannot be undone without memory to reply. */
	reply = new_reply();
	if (!reply)
		return -ENOMEM;
	return reply_model(info, reply, find(name, version, &refusal),
			   &refusal);
}

int kernmlops_nl_model_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply_found(info, kmlops_model_get, false);
}

int kernmlops_nl_model_activate_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	return reply_found(info, kmlops_model_activate, true);
}

int kernmlops_nl_model_rollback_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	return reply_found(info, kmlops_model_rollback, false);
}

int kernmlops_nl_model_remove_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kmlops_refusal refusal;
	const char *name;
	u32 version;
	int err;

	err = get_names(info, &name, &version);
	if (err)
		return err;
	err = kmlops_model_remove(name, version, &refusal);
	return err ? kmlops_nl_refuse(info->extack, err, &refusal) : 0;
}

/* Times runs of the vectors by turns. */
static void time_runs(const struct kmlops_model *model, const s64 *in,
		      u32 vectors, s64 *out, u32 *times, u32 repeat)
{
	u32 in_size = 8 * model->engine->nr_inputs;
	u32 out_size = 8 * model->engine->nr_outputs;
	u64 begin, end;
	u32 i;

	for (i = 0; i < repeat; i++) {
		u32 at = i % vectors;

		begin = kmlops_time_ns();
		rcu_read_lock();
		kmlops_model_infer(model, (void *)in + at * in_size, in_size,
				   (void *)out + at * out_size, out_size);
		rcu_read_unlock();
		end = kmlops_time_ns();
		times[i] = min_t(u64, end - begin, U32_MAX);
		cond_resched();
	}
}

/* Runs the model on each vector and replies with all the outputs. */
static int reply_infer(struct genl_info *info, const struct kmlops_model *model,
		       const s64 *in, u32 vectors, u32 repeat)
{
	u32 in_size = 8 * model->engine->nr_inputs;
	u32 out_size = 8 * model->engine->nr_outputs;
	struct nlattr *output, *times = NULL;
	struct sk_buff *reply;
	void *head;
	u32 i;

	reply = genlmsg_new(MODEL_SPACE + vectors * out_size + 4 * repeat,
			    GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_iput(reply, info);
	if (!head ||
	    nla_put_string(reply, KERNMLOPS_A_MODEL_NAME, model->name) ||
	    nla_put_u32(reply, KERNMLOPS_A_MODEL_VERSION, model->version))
		goto err_size;
	output = nla_reserve(reply, KERNMLOPS_A_MODEL_OUTPUT,
			     vectors * out_size);
	if (!output)
		goto err_size;
	if (repeat) {
		times = nla_reserve(reply, KERNMLOPS_A_MODEL_TIMES, 4 * repeat);
		if (!times)
			goto err_size;
	}
	for (i = 0; i < vectors; i++) {
		rcu_read_lock();
		kmlops_model_infer(model, (void *)in + i * in_size, in_size,
				   nla_data(output) + i * out_size, out_size);
		rcu_read_unlock();
		cond_resched();
	}
	if (repeat)
		time_runs(model, in, vectors, nla_data(output),
			  nla_data(times), repeat);
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);

err_size:
	nlmsg_free(reply);
	return -EMSGSIZE;
}

int kernmlops_nl_model_infer_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *input = info->attrs[KERNMLOPS_A_MODEL_INPUT];
	struct nlattr *times = info->attrs[KERNMLOPS_A_MODEL_REPEAT];
	u32 in_size, out_size, vectors, version, repeat;
	struct kmlops_refusal refusal;
	struct kmlops_model *model;
	const char *name;
	int err;

	err = get_names(info, &name, &version);
	if (err)
		return err;
	repeat = times ? nla_get_u32(times) : 0;
	if (repeat > OUTPUT_BYTES_MAX / 4) {
		NL_SET_ERR_MSG_FMT(info->extack, "at most %u runs, not %u",
				   OUTPUT_BYTES_MAX / 4, repeat);
		return -EINVAL;
	}
	model = kmlops_model_get(name, version, &refusal);
	if (IS_ERR(model))
		return kmlops_nl_refuse(info->extack, PTR_ERR(model), &refusal);
	in_size = 8 * model->engine->nr_inputs;
	out_size = 8 * model->engine->nr_outputs;

	err = -EINVAL;
	if (!input || !nla_len(input) || nla_len(input) % in_size) {
		NL_SET_ERR_MSG_FMT(info->extack,
				   "input is not a number of vectors of %u 8-byte words: %d bytes",
				   model->engine->nr_inputs,
				   input ? nla_len(input) : 0);
		goto out;
	}
	vectors = nla_len(input) / in_size;
	if (vectors * out_size > OUTPUT_BYTES_MAX) {
		NL_SET_ERR_MSG_FMT(info->extack,
				   "at most %u vectors at once, not %u",
				   OUTPUT_BYTES_MAX / out_size, vectors);
		goto out;
	}
	err = reply_infer(info, model, nla_data(input), vectors, repeat);
out:
	kmlops_model_put(model);
	return err;
}

struct model_dump {
	unsigned long id;		/* of the name whose turn it is */
	u32 before;			/* versions from this one on were sent */
};

int kernmlops_nl_model_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct model_dump *dump = (void *)cb->ctx;
	struct kmlops_model *model;
	unsigned long id;
	void *head;
	u32 before;
	int err;

	cb->seq = kmlops_models_changes();
	for (;;) {
		id = dump->id;
		before = dump->before;
		model = kmlops_model_get_next(&dump->id, &dump->before);
		if (!model)
			return skb->len;
		head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &kernmlops_nl_family,
				   NLM_F_MULTI, KERNMLOPS_CMD_MODEL_GET);
		err = head ? put_model(skb, model) : -EMSGSIZE;
		kmlops_model_put(model);
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			/* That one again in the next message. */
			dump->id = id;
			dump->before = before;
			return skb->len ? skb->len : err;
		}
		genl_dump_check_consistent(cb, head);
		genlmsg_end(skb, head);
	}
}
