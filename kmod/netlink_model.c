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

static size_t model_space(const struct kmlops_model *model)
{
	return MODEL_SPACE + model->engine->nr_inputs *
			     nla_total_size(KMLOPS_MODEL_INPUT_NAME_LEN);
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
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_FRACTION_BITS,
			engine->fraction_bits) ||
	    nla_put_u64_64bit(skb, KERNMLOPS_A_MODEL_FINGERPRINT,
			      engine->fingerprint, 0) ||
	    nla_put_u32(skb, KERNMLOPS_A_MODEL_GOLDEN, engine->nr_golden) ||
	    nla_put_uint(skb, KERNMLOPS_A_MODEL_INFERENCES,
			 kmlops_model_inferences(model)))
		return -EMSGSIZE;
	for (i = 0; i < engine->nr_inputs; i++)
		if (nla_put_string(skb, KERNMLOPS_A_MODEL_INPUT_NAME,
				   engine->input_names[i]))
			return -EMSGSIZE;
	return 0;
}

static int reply_model(struct genl_info *info, const struct kmlops_model *model)
{
	struct sk_buff *reply;
	void *head;

	reply = genlmsg_new(model_space(model), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	head = genlmsg_iput(reply, info);
	if (!head || put_model(reply, model)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

int kernmlops_nl_model_load_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *data = info->attrs[KERNMLOPS_A_MODEL_DATA];
	struct kmlops_upload_part part = {};
	struct kmlops_refusal refusal;
	struct kmlops_model *model;
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

	err = kmlops_name_check(part.name, "model", &refusal);
	if (!err)
		err = kmlops_upload_add(info->snd_portid, &part, &file,
					&refusal);
	if (err)
		return kmlops_nl_refuse(info->extack, err, &refusal);
	if (!file)
		return 0;

	model = kmlops_model_load(part.name, file, part.size, &refusal);
	kvfree(file);
	if (IS_ERR(model))
		return kmlops_nl_refuse(info->extack, PTR_ERR(model),
					&refusal);
	err = reply_model(info, model);
	kmlops_model_put(model);
	return err;
}

static struct kmlops_model *get_model(struct genl_info *info, int *err)
{
	const char *name = kmlops_nl_name(info, KERNMLOPS_A_MODEL_NAME);
	struct kmlops_model *model;

	*err = -EINVAL;
	if (!name)
		return NULL;
	model = kmlops_model_get(name);
	if (!model) {
		NL_SET_ERR_MSG(info->extack, "there is no model of that name");
		*err = -ENOENT;
	}
	return model;
}

int kernmlops_nl_model_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kmlops_model *model;
	int err;

	model = get_model(info, &err);
	if (!model)
		return err;
	err = reply_model(info, model);
	kmlops_model_put(model);
	return err;
}

int kernmlops_nl_model_remove_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = kmlops_nl_name(info, KERNMLOPS_A_MODEL_NAME);
	int err;

	if (!name)
		return -EINVAL;
	err = kmlops_model_remove(name);
	if (err)
		NL_SET_ERR_MSG(info->extack, "there is no model of that name");
	return err;
}

/* Runs the model on each vector and replies with all the outputs. */
static int reply_infer(struct genl_info *info, const struct kmlops_model *model,
		       const s64 *in, u32 vectors)
{
	u32 in_size = 8 * model->engine->nr_inputs;
	u32 out_size = 8 * model->engine->nr_outputs;
	struct sk_buff *reply;
	struct nlattr *output;
	void *head;
	u32 i;

	reply = genlmsg_new(MODEL_SPACE + vectors * out_size, GFP_KERNEL);
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
	for (i = 0; i < vectors; i++)
		kmlops_model_infer(model, (void *)in + i * in_size, in_size,
				   nla_data(output) + i * out_size, out_size);
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);

err_size:
	nlmsg_free(reply);
	return -EMSGSIZE;
}

int kernmlops_nl_model_infer_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *input = info->attrs[KERNMLOPS_A_MODEL_INPUT];
	u32 in_size, out_size, vectors;
	struct kmlops_model *model;
	int err;

	model = get_model(info, &err);
	if (!model)
		return err;
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
	err = reply_infer(info, model, nla_data(input), vectors);
out:
	kmlops_model_put(model);
	return err;
}

struct model_dump {
	unsigned long id;		/* of the next model to send */
};

int kernmlops_nl_model_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct model_dump *dump = (void *)cb->ctx;
	struct kmlops_model *model;
	void *head;
	int err;

	while ((model = kmlops_model_get_next(&dump->id))) {
		head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &kernmlops_nl_family,
				   NLM_F_MULTI, KERNMLOPS_CMD_MODEL_GET);
		err = head ? put_model(skb, model) : -EMSGSIZE;
		kmlops_model_put(model);
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			return skb->len ? skb->len : err;
		}
		genlmsg_end(skb, head);
		dump->id++;
	}
	return skb->len;
}
