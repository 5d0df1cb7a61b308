#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Without privilege everything but the description of the module is refused.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

# shellcheck disable=SC2317 # called by name
# The full path: busybox has a setpriv of its own, which can do less.
nobody()
{
	/usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all "$@"
}

sentence="this needs CAP_NET_ADMIN in the initial user namespace"

load_maps
make_model "$T/tree"
chmod 755 "$T"
works "register" kmlopsctl store register all map pinned "$PINS/maps/everything" rows 1000
works "load" kmlopsctl model load tree file "$T/tree"

refused "store list" 1 "$sentence" nobody kmlopsctl store list
refused "store show" 1 "$sentence" nobody kmlopsctl store show all
refused "store unregister" 1 "$sentence" nobody kmlopsctl store unregister all
refused "store get" 1 "$sentence" nobody kmlopsctl store get all key pid=1,cpu=1
refused "store dump" 1 "$sentence" nobody kmlopsctl store dump all
refused "store export" 1 "$sentence" nobody kmlopsctl store export all file /tmp/x.npy
refused "store register, map by name" 1 "opening a map by name needs root (CAP_SYS_ADMIN)" \
	nobody kmlopsctl store register x map name plain rows 10
refused "store register, map by id" 1 "opening a map by id needs root (CAP_SYS_ADMIN)" \
	nobody kmlopsctl store register x map id 1 rows 10
refused "model list" 1 "$sentence" nobody kmlopsctl model list
refused "model load" 1 "$sentence" nobody kmlopsctl model load x file "$T/tree"
refused "model remove" 1 "$sentence" nobody kmlopsctl model remove tree
refused "model infer" 1 "$sentence" nobody kmlopsctl model infer tree input 1,2
works "model verify needs none" nobody kmlopsctl model verify file "$T/tree"
shows "version needs none" '^kernmlops.ko [0-9]' nobody kmlopsctl version
shows "feature probe needs none" '"loaded":true' nobody kmlopsctl -j feature probe

prints "the store is still there" '"name":"all"' \
	sh -c "kmlopsctl -j store show all | grep -o '\"name\":\"all\"'"
prints "and so is the model" '"version":1,"active":true,"kind"' \
	sh -c "kmlopsctl -j model show tree | grep -o '\"version\":1,\"active\":true,\"kind\"'"

finish
