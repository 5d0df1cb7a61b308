#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the kernel offers; and everything without the module.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

# As a regular expression.
release=$(uname -r | sed 's/[.+]/\\&/g')

shows "the kernel" "^kernel +$release x86_64\$" kmlopsctl feature probe
shows "its release" "\"release\":\"$release\"" kmlopsctl -j feature
for kfunc in kmlops_capture_feature kmlops_get_feature kmlops_infer; do
	shows "kfunc $kfunc" "^kfunc $kfunc +yes\$" kmlopsctl feature probe
done
shows "limits" '"stores_max":[1-9][0-9]*,"models_max":[1-9][0-9]*,"store_bytes_max":[1-9][0-9]*,"model_bytes_max":[1-9]' \
	kmlopsctl -j feature probe
shows "BTF, BPF file system, JIT" '"btf":true,"bpffs":true,"jit":true' kmlopsctl -j feature probe
shows "version" '^\{"kmlopsctl":"[0-9.]+","module":"[0-9.]+","libbpf":"[0-9.]+"\}$' \
	kmlopsctl -j version

# Programs of a test before this one are freed a little late.
tries=50
until rmmod kernmlops 2>"$T/rmmod" || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
if lsmod | grep -q '^kernmlops '; then
	cat "$T/rmmod"
	echo "Bail out! the module cannot be unloaded"
	exit 1
fi

sentence="kernmlops.ko is not loaded; as root, load it with: modprobe kernmlops (or insmod kernmlops.ko)"
make_model "$T/tree"
refused "store list without the module" 3 "$sentence" kmlopsctl store list
refused "store show" 3 "$sentence" kmlopsctl store show x
refused "store dump" 3 "$sentence" kmlopsctl store dump x
refused "store export" 3 "$sentence" kmlopsctl store export x file "$T/x.npy"
refused "store unregister" 3 "$sentence" kmlopsctl store unregister x
refused "model list" 3 "$sentence" kmlopsctl model
refused "model load" 3 "$sentence" kmlopsctl model load x file "$T/tree"
refused "model infer" 3 "$sentence" kmlopsctl model infer x input 1
refused "model remove" 3 "$sentence" kmlopsctl model remove x
works "model verify works without it" kmlopsctl model verify file "$T/tree"
shows "feature probe works without it" '"module":\{"loaded":false\}' kmlopsctl -j feature probe
shows "kfuncs are gone" '^kfunc kmlops_infer +no$' kmlopsctl feature probe
shows "version works without it" '"module":null' kmlopsctl -j version

what="the error as JSON"
run kmlopsctl -j store list
want_code 3
echo "{\"error\":\"$sentence\",\"errno\":\"ENOPKG\"}" >"$T/expected"
cmp -s "$T/expected" "$T/err" || trouble "stderr should be: $(cat "$T/expected")"
judge

insmod /lib/modules/kernmlops.ko
prints "with it again" "[]" kmlopsctl -j store list

finish
