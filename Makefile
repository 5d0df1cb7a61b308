# SPDX-License-Identifier: GPL-2.0-only
#
# Everything built goes below build/. 'make help' lists the targets: it prints
# the lines of this file that have two hashes in them.

# sbin: bpftool and modinfo, on the path of root only.
export PATH := $(PATH):/usr/sbin:/sbin
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $1 $2

CC := gcc
CLANG := clang
BPFTOOL := bpftool
PYTHON := /usr/bin/python3
PREFIX := /usr/local

## Variables:
## KVER=RELEASE     kernel to build for (default: newest installed headers >= 6.12)
## KDIR=DIR         its headers, if not where Debian puts them
## V=1              show the commands
## DESTDIR, PREFIX  where to install (PREFIX is /usr/local)
## CMD, FILES       what vm-run runs, files and directories it gives to it
## NEEDS            programs of this machine to have in the VM: NEEDS='fio stress-ng'
## T=DIR/test_NAME  the one VM test that check-vm runs
## FUZZ_SECONDS=N   how long 'make fuzz' runs each target (600)
## VM_CPUS=2 VM_MEM=1G VM_TIMEOUT=SECONDS VM_ACCEL=tcg|kvm|icount
## FLAVOUR=plain|debug|kcsan|gcov  the kernel that ci-kernel builds and kunit runs on
##

ifdef KDIR
KVER := $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)
# The kernel that was asked for, as against the one that is found here.
KERNEL_WANTED := $(KVER)
else
KERNEL_WANTED := $(KVER)
KDIR := $(shell tools/kernel-headers $(KVER))
KVER := $(or $(KVER),$(if $(KDIR),$(shell cat $(KDIR)/include/config/kernel.release)))
endif

KMOD := build/kmod/$(KVER)/kernmlops.ko
LIB := build/lib/libkmlops.a
LIB_SHARED := build/lib/libkmlops.so.0
TOOL := build/bin/kmlopsctl

## Targets:
all: kmod bpf lib tool ## build the module, BPF objects, library and kmlopsctl
.PHONY: all

# ---- module

# Sources are copied, so that builds for several kernels do not mix and the
# source tree stays clean.
KMOD_SOURCES := Kbuild kmod/compat.mk $(wildcard kmod/*.[ch] uapi/linux/*.h)
KERNEL_MAKE := $(abspath tools/kernel-make)

kmod: $(KMOD) ## build the module only
.PHONY: kmod

$(KMOD): $(KMOD_SOURCES) | need-kmod
	$(call say,KBUILD,$@)
	$(Q)mkdir -p $(@D) && cp -p --parents -t $(@D) $^
	+$(Q)$(KERNEL_MAKE) -C $(KDIR) -s M=$(abspath $(@D)) modules
	$(Q)readelf -SW $@ | grep -q ' \.BTF ' || \
		{ echo "$@ has no BTF: kfuncs need $(KDIR)/vmlinux and pahole" >&2; rm $@; exit 1; }
	$(Q)touch $@

# The same module with its KUnit suites in it, which run when it is loaded.
KUNIT_KMOD := build/kunit/$(KVER)/kernmlops.ko

kunit-kmod: $(KUNIT_KMOD)
.PHONY: kunit-kmod

KUNIT_SOURCES := $(wildcard kmod/tests/*.[ch]) selftests/user/model_builder.h \
	selftests/user/layer_models.h selftests/user/forest_models.h

$(KUNIT_KMOD): $(KMOD_SOURCES) $(KUNIT_SOURCES) | need-kmod
	$(call say,KBUILD,$@)
	$(Q)rm -rf $(@D)/kmod/tests && mkdir -p $(@D) && cp -p --parents -t $(@D) $^
	+$(Q)$(KERNEL_MAKE) -C $(KDIR) -s M=$(abspath $(@D)) KERNMLOPS_KUNIT=y modules
	$(Q)touch $@

need-kmod:
	@[ -r "$(KDIR)/include/config/kernel.release" ] || { \
		echo "No kernel headers $(or $(KVER),>= 6.12) here: apt-get install linux-headers-$(or $(KVER),6.12-amd64), or 'make kernel' to fetch them" >&2; exit 1; }
	@tools/need readelf=binutils
.PHONY: need-kmod

kernel: ## fetch a stock kernel (image and headers) into build/kernel
	@KVER='$(KERNEL_WANTED)' selftests/vm/fetch-kernel
.PHONY: kernel

# ---- BPF

# Later kernels are written with Microsoft's anonymous structures, and so is what
# bpftool makes of their types.
BPF_CFLAGS := -O2 -g -Wall -Werror -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 \
	-fms-extensions -Wno-microsoft-anon-tag \
	-Ibuild/bpf -Ibpf -Iuapi
BPF_OBJECTS := $(patsubst %.bpf.c,build/%.bpf.o,$(wildcard bpf/*.bpf.c))
BPF_SKELETONS := $(BPF_OBJECTS:.bpf.o=.skel.h)

bpf: $(BPF_OBJECTS) $(BPF_SKELETONS) ## build the BPF objects and their skeletons
.PHONY: bpf

build/bpf/vmlinux.h: $(wildcard $(KDIR)/vmlinux) | need-kmod need-bpf
	$(call say,BTF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) btf dump file $(KDIR)/vmlinux format c >$@

build/%.bpf.o: %.bpf.c build/bpf/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

build/%.skel.h: build/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< >$@

# The same programs with the types of KVER, which need not be the kernel that
# build/bpf/vmlinux.h is of.
BPF_TYPES := build/bpf-types/$(KVER)

bpf-types: $(BPF_TYPES)/built
.PHONY: bpf-types

$(BPF_TYPES)/vmlinux.h: $(wildcard $(KDIR)/vmlinux) | need-kmod need-bpf
	$(call say,BTF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) btf dump file $(KDIR)/vmlinux format c >$@

$(BPF_TYPES)/built: $(BPF_TYPES)/vmlinux.h $(wildcard bpf/*.bpf.c bpf/*.h selftests/bpf/*.bpf.c selftests/bpf/*.h)
	$(call say,BPF,$(@D))
	$(Q)for program in $(filter %.bpf.c,$^); do \
		$(CLANG) -I$(@D) $(BPF_CFLAGS) -c $$program \
			-o $(@D)/$$(basename $$program .c).o || exit 1; \
	done
	$(Q)touch $@

need-bpf:
	@tools/need $(CLANG)=clang $(BPFTOOL)=bpftool bpf/libbpf.h=libbpf-dev
.PHONY: need-bpf

# ---- library and tool

CFLAGS := -O2 -g -std=gnu11 -Wall -Werror
CPPFLAGS = -D_GNU_SOURCE -Iuapi -Itools/lib -Ikmod -Ibuild/bpf -Ibpf $(NL_CFLAGS)
NL_CFLAGS = $(shell pkg-config --cflags libnl-genl-3.0)
LIBS := -lbpf -lnl-genl-3 -lnl-3 -ljson-c -lz

# Files of the module that are also built for user space.
PORTABLE := refusal.c schema.c history.c key_index.c cursor.c model_format.c engine.c fixed_point.c \
	mlp.c mlp_proof.c mlp_scalar.c mlp_avx2.c mlp_avx512.c \
	tree_nodes.c tree.c forest.c forest_layout.c forest_scalar.c forest_avx2.c forest_avx512.c

# As in Kbuild and, as to char, in the kernel.
%_avx2.o: private CFLAGS += -funsigned-char -mavx2
%/forest_avx2.o: private CFLAGS += -funsigned-char -mavx2 -ffixed-xmm4
AVX512_CFLAGS := -funsigned-char -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl \
	-mavx512vbmi -mavx512vnni
%_avx512.o: private CFLAGS += $(AVX512_CFLAGS)

LIB_OBJECTS := $(patsubst %.c,build/%.o,$(wildcard tools/lib/*.c)) $(PORTABLE:%.c=build/kmod/user/%.o)
TOOL_OBJECTS := $(patsubst %.c,build/%.o,$(wildcard tools/kmlopsctl/*.c))

$(LIB_OBJECTS): CFLAGS += -fPIC

lib: $(LIB) $(LIB_SHARED) ## build libkmlops only
tool: $(TOOL) ## build kmlopsctl only
.PHONY: lib tool

$(LIB): $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIB_SHARED): $(LIB_OBJECTS) tools/lib/libkmlops.map
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,--no-undefined \
		-Wl,--version-script=tools/lib/libkmlops.map $(LIB_OBJECTS) -o $@ -lz
	$(Q)ln -sf $(@F) build/lib/libkmlops.so

$(TOOL): $(TOOL_OBJECTS) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

build/kmod/user/%.o: kmod/%.c | need-user
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c $< -o $@

build/%.o: %.c | need-user
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c $< -o $@

# Generated headers must be there before the first compile finds its own.
$(TOOL_OBJECTS): | build/bpf/vmlinux.h $(BPF_SKELETONS)

need-user:
	@tools/need $(CC)=gcc pkg-config=pkg-config
	@CC=$(CC) tools/need stdio.h=libc6-dev bpf/libbpf.h=libbpf-dev json-c/json.h=libjson-c-dev zlib.h=zlib1g-dev
	@CC="$(CC) $(NL_CFLAGS)" tools/need netlink/netlink.h=libnl-3-dev netlink/genl/genl.h=libnl-genl-3-dev
.PHONY: need-user

# ---- tests

# test_NAME.c is a test; any other file beside it is linked to all of them.
tests_in = $(patsubst %.c,build/%,$(wildcard selftests/$1/test_*.c))
shared_in = $(patsubst %.c,build/%.o,$(filter-out selftests/$1/test_%.c %.bpf.c,$(wildcard selftests/$1/*.c)))

# The same programs with a vmlinux.h that has the types of the module, and with
# one that has prototypes of its kfuncs as well.
HEADER_TEST_SKELETONS := $(foreach program,reads example_store,\
	build/selftests/bpf/$(program)-types.skel.h build/selftests/bpf/$(program)-prototypes.skel.h)

build/selftests/vmlinux/vmlinux.h: selftests/bpf/vmlinux-with-kfuncs $(KMOD) | need-bpf
	$(call say,BTF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $< $(KDIR)/vmlinux $(KMOD) >$@

build/selftests/bpf/%-types.bpf.o: selftests/bpf/%.bpf.c build/selftests/vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)$(CLANG) -Ibuild/selftests/vmlinux $(BPF_CFLAGS) -DKMLOPS_IN_VMLINUX_H \
		-DBPF_NO_KFUNC_PROTOTYPES -MMD -MP -c $< -o $@
build/selftests/bpf/%-prototypes.bpf.o: selftests/bpf/%.bpf.c build/selftests/vmlinux/vmlinux.h
	$(call say,BPF,$@)
	$(Q)$(CLANG) -Ibuild/selftests/vmlinux $(BPF_CFLAGS) -DKMLOPS_IN_VMLINUX_H \
		-MMD -MP -c $< -o $@

USER_TESTS := $(call tests_in,user)
NL_TESTS := $(call tests_in,nl)
BPF_TESTS := $(call tests_in,bpf)
FUZZERS := $(call tests_in,fuzz_vm)
BPF_TEST_SKELETONS := $(patsubst %.bpf.c,build/%.skel.h,$(wildcard selftests/bpf/*.bpf.c))

$(USER_TESTS): LIBS += -lcmocka -lm
$(USER_TESTS:=.o): | need-cmocka
# Before the library, which then adds nothing of the same names.
build/selftests/user/test_mlp_sanitized build/selftests/user/test_forest_sanitized: $(PORTABLE:%.c=build/kmod/sanitized/%.o)
build/selftests/user/test_libkmlops_shared: $(LIB_SHARED)
build/selftests/user/test_libkmlops_shared: LDFLAGS += -Wl,-rpath,$(abspath build/lib)
$(USER_TESTS): build/selftests/user/%: build/selftests/user/%.o $(call shared_in,user) $(LIB)
$(NL_TESTS): build/selftests/nl/%: build/selftests/nl/%.o $(call shared_in,nl) $(LIB)
$(BPF_TESTS): build/selftests/bpf/%: build/selftests/bpf/%.o $(call shared_in,bpf) $(LIB)
$(BPF_TESTS:=.o) $(call shared_in,bpf): | $(BPF_TEST_SKELETONS) $(HEADER_TEST_SKELETONS)
# Fuzzers of a running kernel, with the client of the netlink tests. The family as
# tables is for who walks all of it.
$(FUZZERS): build/selftests/fuzz_vm/%: build/selftests/fuzz_vm/%.o build/selftests/nl/client.o $(LIB)
build/selftests/fuzz_vm/test_netlink.o build/selftests/nl/test_faults.o: build/selftests/fuzz_vm/netlink_spec.h
build/selftests/fuzz_vm/netlink_spec.h: selftests/fuzz_vm/netlink-spec Documentation/netlink/specs/kernmlops.yaml
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $^ >$@
build/selftests/%: CPPFLAGS += -Iselftests -Ibuild/selftests/bpf -Ibuild/selftests/fuzz_vm
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
build/selftests/user/%_sanitized build/selftests/user/%_sanitized.o: private CFLAGS += $(SANITIZE)

build/kmod/sanitized/%.o: kmod/%.c | need-user
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(CPPFLAGS) -MMD -MP -c $< -o $@

$(USER_TESTS) $(NL_TESTS) $(BPF_TESTS) $(FUZZERS):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

need-cmocka:
	@CC='$(CC) -include stdarg.h -include stddef.h -include setjmp.h -include stdint.h' \
		tools/need cmocka.h=libcmocka-dev
.PHONY: need-cmocka

# What kmlopsctl writes rows with, as far as it needs no kernel.
WRITER_OBJECTS := $(patsubst %.c,build/%.o,$(wildcard tools/kmlopsctl/row_*.c)) \
	$(addprefix build/tools/kmlopsctl/,btf_schema.o bytes.o columns.o element.o flatbuffer.o \
	output.o report.o thrift_compact.o utf8.o words.o)
FORMAT_TEST := build/selftests/formats/write_rows

# What reads them back, made so that reading elsewhere is noticed.
build/tools/sanitized/%.o: tools/kmlopsctl/%.c | need-user
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(CPPFLAGS) -MMD -MP -c $< -o $@
build/selftests/user/test_recorded_sanitized: build/selftests/formats/made_rows.o \
	$(addprefix build/tools/sanitized/,recorded_rows.o recorded_npy.o recorded_arrow.o \
	flatbuffer_read.o) $(WRITER_OBJECTS)
build/selftests/user/test_recorded_sanitized.o: CPPFLAGS += -iquote tools/kmlopsctl \
	-iquote selftests/formats

# Tests of a part of kmlopsctl.
build/selftests/user/test_loss.o build/selftests/user/test_perf_reading.o \
build/selftests/bpf/test_perf_reading.o: CPPFLAGS += -iquote tools/kmlopsctl
build/selftests/user/test_loss: $(addprefix build/tools/kmlopsctl/,loss.o output.o report.o)

$(FORMAT_TEST): %: %.o build/selftests/formats/made_rows.o $(WRITER_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)
build/selftests/formats/%: CPPFLAGS += -iquote tools/kmlopsctl

# ---- coverage

# The tests of the library with objects that count what runs; -O1, as what is
# optimized further cannot be told apart by line.
COVERAGE_OBJECTS := $(patsubst %.c,build/coverage/%.o,$(wildcard tools/lib/*.c)) \
	$(PORTABLE:%.c=build/coverage/kmod/%.o)
COVERAGE_TESTS := $(patsubst build/selftests/user/%,build/coverage/%,\
	$(filter-out %_sanitized %_shared,$(USER_TESTS)))

$(COVERAGE_OBJECTS): build/coverage/%.o: %.c | need-user
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -O1 --coverage -fprofile-update=atomic $(CPPFLAGS) -MMD -MP -c $< -o $@

$(COVERAGE_TESTS): build/coverage/%: build/selftests/user/%.o $(call shared_in,user) $(COVERAGE_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) --coverage $(LDFLAGS) $^ -o $@ $(LIBS) -lcmocka -lm
build/coverage/test_loss: $(addprefix build/tools/kmlopsctl/,loss.o output.o report.o)

coverage: coverage-native coverage-kernel ## which lines tests run: natively, KUnit, in a VM

coverage-native: $(COVERAGE_TESTS)
	@tools/need gcovr=gcovr
	$(Q)selftests/coverage $^
.PHONY: coverage coverage-native

# Fuzz targets, with the runtime of clang; gcc has none.
FUZZ := build/selftests/fuzz/fuzz_parse build/selftests/fuzz/fuzz_infer
FUZZ_CFLAGS := -O1 -g -std=gnu11 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -Wall -Werror
FUZZ_KMOD := $(PORTABLE:%.c=build/kmod/fuzz/%.o)
FUZZ_SECONDS := 600

build/kmod/fuzz/%.o: private CFLAGS := $(FUZZ_CFLAGS)
build/kmod/fuzz/%_avx2.o: private CFLAGS += -mavx2
build/kmod/fuzz/%_avx512.o: private CFLAGS += $(AVX512_CFLAGS)
build/kmod/fuzz/%.o: kmod/%.c | need-fuzz
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c $< -o $@

build/selftests/fuzz/%.o: selftests/fuzz/%.c | need-fuzz
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(CPPFLAGS) -MMD -MP -c $< -o $@

$(FUZZ): build/selftests/fuzz/%: build/selftests/fuzz/%.o build/selftests/fuzz/mutate.o $(FUZZ_KMOD)
	$(call say,LD,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $^ -o $@ -lz -lm

build/selftests/fuzz/seeds: build/selftests/fuzz/seeds.o $(FUZZ_KMOD)
	$(call say,LD,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $^ -o $@ -lz -lm

need-fuzz:
	@tools/need $(CLANG)=clang
	@[ -e "$$($(CLANG) -print-runtime-dir)/libclang_rt.fuzzer-x86_64.a" ] || \
		[ -e "$$($(CLANG) -print-runtime-dir)/libclang_rt.fuzzer.a" ] || { \
		echo "the fuzzer runtime of $(CLANG) is missing: apt-get install libclang-rt-dev" >&2; exit 1; }

fuzz: $(FUZZ) ## fuzz parser, admission and inference for FUZZ_SECONDS each
	$(Q)selftests/fuzz/run $(FUZZ_SECONDS)

fuzz-seeds: build/selftests/fuzz/seeds ## write selftests/fuzz/corpus and malformed anew
	$(Q)rm -f selftests/fuzz/corpus/* selftests/fuzz/malformed/*
	$(Q)$< selftests/fuzz
.PHONY: need-fuzz fuzz fuzz-seeds

# BPF programs that scripts load.
CLI_TEST_OBJECTS := $(patsubst %.bpf.c,build/%.bpf.o,$(wildcard selftests/cli/*.bpf.c))

# Modules that tests load: users of the kernel API, made as others would be.
TEST_KMODS := build/selftests/kmod/$(KVER)

$(TEST_KMODS)/built: $(wildcard selftests/kmod/*) $(KMOD)
	$(call say,KBUILD,$(@D))
	$(Q)mkdir -p $(@D) && cp -p -t $(@D) selftests/kmod/* && rm -f $(@D)/Module.symvers
	+$(Q)$(KERNEL_MAKE) -C $(KDIR) -s M=$(abspath $(@D)) KERNMLOPS=$(abspath $(dir $(KMOD))) \
		KBUILD_EXTRA_SYMBOLS=$(abspath $(dir $(KMOD)))/Module.symvers modules
	$(Q)touch $@

test-kmods: $(TEST_KMODS)/built
.PHONY: test-kmods

# Models as code, made as users make them: one of layers, a tree, boosted trees.
TEST_CODE := build/selftests/code/$(KVER)

$(TEST_CODE)/built: tools/python/tests/random_models.py selftests/cli/patient.py $(TOOL) $(KMOD)
	$(call say,CODE,$(@D))
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tools/python $(PYTHON) $< $(@D) 5 11 >/dev/null
	+$(Q)for model in layers=1 tree=2 boosted=4; do \
		MAKE=$(KERNEL_MAKE) $(TOOL) -j model compile test-$${model%=*} file $(@D)/$${model#*=}.kmml \
			output $(@D)/$${model%=*} kernel $(abspath $(KDIR)) \
			devel $(dir $(KMOD)) >$(@D)/$${model%=*}.json || exit 1; \
		cp $(@D)/$${model%=*}/*.ko $(@D)/$${model%=*}.ko; \
		mv $(@D)/$${model#*=}.kmml $(@D)/$${model%=*}.kmml; \
	done
	$(Q)PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tools/python $(PYTHON) selftests/cli/patient.py \
		$(@D)/tree.kmml $(@D)/patient.kmml
	$(Q)touch $@

test-code: $(TEST_CODE)/built
.PHONY: test-code

tests: $(FORMAT_TEST) $(USER_TESTS) $(FUZZ) $(NL_TESTS) $(BPF_TESTS) $(FUZZERS) $(CLI_TEST_OBJECTS) $(TEST_KMODS)/built $(TEST_CODE)/built ## build the tests
.PHONY: tests

# The tests of programs and verifier, the programs compiled by each of these.
VERIFIER_CLANGS := clang-14 clang-16 clang-19
VERIFIER_TESTS := test_refused test_kfuncs test_reads
VERIFIER_PROGRAMS := refused kfuncs reads example_store

define verifier-tests
build/verifier/$1/%.bpf.o: selftests/bpf/%.bpf.c build/bpf/vmlinux.h
	$$(call say,BPF,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$1 $$(BPF_CFLAGS) -MMD -MP -c $$< -o $$@
build/verifier/$1/%.o: selftests/bpf/%.c
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) -Ibuild/verifier/$1 -Iselftests $$(CPPFLAGS) -MMD -MP -c $$< -o $$@
build/verifier/$1/test_%: build/verifier/$1/test_%.o \
		build/verifier/$1/support.o build/verifier/$1/modules.o $$(LIB)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) $$^ -o $$@ $$(LIBS)
$(VERIFIER_TESTS:%=build/verifier/$1/%.o): | $(VERIFIER_PROGRAMS:%=build/verifier/$1/%.skel.h)
verifier-$1: $(VERIFIER_TESTS:%=build/verifier/$1/%)
.PHONY: verifier-$1
endef
$(foreach clang,$(VERIFIER_CLANGS),$(eval $(call verifier-tests,$(clang))))

# ---- benchmarks

# bench_kernel, bench_infer and bench_collect count instructions in a VM, the
# others take time here: the portable files with the flags of the kernel.
BENCH := $(addprefix build/selftests/bench/bench_,kernel infer collect native mlp forest export)
BENCH_KMOD := build/bench/history.o build/bench/key_index.o

build/selftests/bench/bench_kernel: build/selftests/bench/bench_kernel.o \
	$(call shared_in,bpf) $(LIB)
build/selftests/bench/bench_infer: build/selftests/bench/bench_infer.o \
	build/selftests/nl/client.o
build/selftests/bench/bench_infer: LIBS += -lm
build/selftests/bench/bench_infer.o: | build/selftests/bench/infer.skel.h
build/selftests/bench/bench_collect: build/selftests/bench/bench_collect.o \
	build/selftests/bench/collect_events.o $(call shared_in,bpf) $(LIB)
build/selftests/bench/bench_native: build/selftests/bench/bench_native.o \
	build/selftests/bench/captures.o $(BENCH_KMOD)
build/selftests/bench/bench_mlp: $(patsubst %,build/selftests/bench/%.o,bench_mlp naive_mlp \
	xnnpack_mlp streaming_avx2 streaming_avx512) $(PORTABLE:%.c=build/bench/%.o)
build/selftests/bench/bench_mlp: LIBS := -lXNNPACK -lz -lm
# Later versions set an operator up in two steps.
build/selftests/bench/xnnpack_mlp.o: CPPFLAGS += \
	$(if $(shell grep -s xnn_reshape_fully_connected_nc_qs8 /usr/include/xnnpack.h),-DXNNPACK_RESHAPES)
build/selftests/bench/xnnpack_mlp.o: | need-xnnpack
build/selftests/bench/bench_forest: $(patsubst %,build/selftests/bench/%.o,bench_forest ifelse \
	xgboost_forest) $(PORTABLE:%.c=build/bench/%.o)
build/selftests/bench/bench_forest: LIBS := -lxgboost -lz
build/selftests/bench/xgboost_forest.o: | need-xgboost
build/selftests/bench/bench_export: build/selftests/bench/bench_export.o \
	build/selftests/formats/made_rows.o $(WRITER_OBJECTS)
build/selftests/bench/bench_export.o: CPPFLAGS += -iquote tools/kmlopsctl -iquote selftests/formats
build/selftests/bench/bench_kernel.o: | build/selftests/bench/ops.skel.h

# Collectors that write into a BPF ring buffer instead of a store.
RINGBUF_SKELETONS := $(BPF_SKELETONS:build/bpf/%.skel.h=build/bench/%_ringbuf.skel.h)

build/selftests/bench/bench_collect.o: | $(BPF_SKELETONS) $(RINGBUF_SKELETONS)
build/selftests/bench/bench_collect.o: CPPFLAGS += -Ibuild/bench
build/bench/%_ringbuf.bpf.o: bpf/%.bpf.c build/bpf/vmlinux.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DKMLOPS_RINGBUF -MMD -MP -c $< -o $@
build/selftests/bench/%: CPPFLAGS += -Iselftests -Ibuild/selftests/bench
build/selftests/bench/bench_native: LIBS += -lpthread
build/selftests/bench/captures.o build/selftests/bench/naive_mlp.o: CFLAGS += $(KERNEL_FLAGS)

build/selftests/bench/gen_ifelse: build/selftests/bench/gen_ifelse.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ -lz
build/selftests/bench/ifelse.c: build/selftests/bench/gen_ifelse
	$(call say,GEN,$@)
	$(Q)$< >$@
build/selftests/bench/ifelse.o: build/selftests/bench/ifelse.c
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) $(KERNEL_FLAGS) -Iselftests/bench $(CPPFLAGS) -c $< -o $@

# As arch/x86/Makefile and the top Makefile of the kernel have them.
KERNEL_FLAGS := -mgeneral-regs-only -fno-strict-aliasing -fno-strict-overflow
build/bench/%_avx2.o build/bench/%_avx512.o: private KERNEL_FLAGS := \
	$(filter-out -mgeneral-regs-only,$(KERNEL_FLAGS))

build/bench/%.o: kmod/%.c | need-user
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(KERNEL_FLAGS) $(CPPFLAGS) -MMD -MP -c $< -o $@

$(BENCH):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

need-xnnpack:
	@CC=$(CC) tools/need pthreadpool.h=libpthreadpool-dev xnnpack.h=libxnnpack-dev
.PHONY: need-xnnpack
need-xgboost:
	@CC=$(CC) tools/need xgboost/c_api.h=libxgboost-dev
.PHONY: need-xgboost

bench-programs: $(BENCH)
.PHONY: bench-programs

# ---- the evaluation

EVAL := build/tools/eval/decide build/tools/eval/float_layers

build/tools/eval/decide: build/tools/eval/decide.o $(LIB)
build/tools/eval/float_layers: build/tools/eval/float_layers.o
build/tools/eval/float_layers.o: CFLAGS += -O3 -march=native -ffast-math
$(EVAL):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS) -lpthread
build/tools/eval/decide.o: | build/tools/eval/decide.skel.h
build/tools/eval/%: CPPFLAGS += -Iselftests -Itools/eval -Ibuild/tools/eval
build/tools/eval/%.bpf.o: BPF_CFLAGS += -Itools/eval

eval-programs: $(EVAL)
.PHONY: eval-programs

# ---- what needs a virtual machine: install packages, fetch a kernel, build for it

export VM_CPUS VM_MEM VM_TIMEOUT VM_ACCEL VM_DIR NEEDS FILES T
# As typed: make must not expand a $ that is meant for the shell in the VM.
export VM_CMD := $(value CMD)
unexport CMD

demo: deps ## the whole loop in a VM: capture, export, train, deploy, predict
	$(call for-vm,all)
	$(Q)KVER=$$(cat build/vm/release) tools/demo/in-vm

check: deps ## run all tests; the last line counts them
	$(call for-vm,all tests)
	$(Q)KVER=$$(cat build/vm/release) selftests/check

check-vm: deps ## run the tests that need a kernel (T=DIR/test_NAME for one)
	$(call for-vm,all tests)
	$(Q)KVER=$$(cat build/vm/release) selftests/vm/run-shares $(T)

check-verifier: deps ## load the test programs as several versions of clang compile them
	@tools/deps selftests/verifier.packages
	$(call for-vm,kmod test-kmods $$(for clang in $(VERIFIER_CLANGS); do \
		command -v $$clang >/dev/null && echo verifier-$$clang; done))
	$(Q)KVER=$$(cat build/vm/release) selftests/check-verifier $(VERIFIER_CLANGS)

bench: deps ## measure against peers, natively and in a VM: build/bench.json
	$(call for-vm,all bench-programs)
	$(Q)KVER=$$(cat build/vm/release) selftests/bench/run

eval: deps ## measure user space against kernel, and float against integers: build/eval/report.html
	$(call for-vm,all eval-programs)
	$(Q)KVER=$$(cat build/vm/release) tools/eval/eval

vm-shell: vm-shell-job ## a shell in a VM, the module loaded
vm-run: vm-run-job ## run CMD='...' in a VM, in a directory with FILES='...'
vm-shell vm-run:
	$(call exit-with,$(shell cat build/vm/exit))
	@exit $$(cat build/vm/exit)

vm-shell-job vm-run-job: vm-%-job: deps
	$(call for-vm,all)
	$(Q)KVER=$$(cat build/vm/release) selftests/vm/vm-$* $(if $(filter run,$*),"$$VM_CMD"); \
		echo $$? >build/vm/exit

ifneq ($(and $(filter load,$(.FEATURES)),$(filter vm-shell vm-run,$(MAKECMDGOALS))),)
-load build/make-exit.so(make_exit_gmk_setup)
build/make-exit.so: tools/make-exit.c | deps
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -fPIC -shared $< -o $@
endif

.PHONY: demo check check-vm check-verifier bench eval vm-shell vm-run vm-shell-job vm-run-job

# All CPUs, unless -j was given.
jobs = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

define for-vm
	@mkdir -p build/vm
	@KVER='$(KERNEL_WANTED)' selftests/vm/fetch-kernel >build/vm/release
	+@$(MAKE) $(jobs) KVER=$$(cat build/vm/release) $1 >&2
endef

# ---- kernels of our own, for what a stock kernel cannot run

# Programs are built for the stock kernel, as they are run there, whose types stay
# (-o); modules for each.
define on-ci-kernel
	$(call for-vm,all tests)
	@selftests/vm/ci-kernel $1 >build/vm/release-$1
	+@$(MAKE) $(jobs) -o build/bpf/vmlinux.h KVER=$$(cat build/vm/release-$1) \
		kmod test-kmods test-code kunit-kmod >&2
endef

ci-kernel: deps ## build the kernel FLAVOUR from Debian's source, or find it in the cache
	@selftests/vm/ci-kernel $(FLAVOUR)

check-debug: deps ## run the VM tests and KUnit under KASAN, lockdep, kmemleak
	$(call on-ci-kernel,debug)
	$(Q)KVER=$$(cat build/vm/release-debug) selftests/check-kernel $(T)

check-kcsan: deps ## run the VM tests under KCSAN, which finds data races
	$(call on-ci-kernel,kcsan)
	$(Q)KVER=$$(cat build/vm/release-kcsan) selftests/check-kernel $(T)

check-matrix: deps ## run the VM tests on 6.12 and the newest backport, amd64 and cloud
	$(call for-vm,all tests)
	+$(Q)KVER=$$(cat build/vm/release) selftests/check-matrix $(T)

coverage-kernel: deps
	$(call on-ci-kernel,gcov)
	$(Q)KVER=$$(cat build/vm/release-gcov) selftests/coverage-kernel
.PHONY: coverage-kernel

# Of the seed SEED; the debug kernel last, as it takes longest.
fuzz-netlink: deps ## fuzz the netlink family: 10 million messages, and 1 on the debug kernel
	$(call on-ci-kernel,debug)
	$(call fuzz-netlink-on,build/vm/release,10000000)
	$(call fuzz-netlink-on,build/vm/release-debug,1000000)

define fuzz-netlink-on
	$(Q)KVER=$$(cat $1) VM_MEM=2G VM_BOOT_TIMEOUT=300 VM_TEST_TIMEOUT=36000 VM_TIMEOUT=40000 \
		KMLOPS_FUZZ_MESSAGES=$2 KMLOPS_FUZZ_SEED=$(SEED) selftests/vm/run-tests fuzz_vm/test_netlink
	$(Q)grep '^#' build/vm/output/fuzz_vm_test_netlink | tail -n 2
endef

# Ten times what 'make check' does: a thousand loads and unloads.
stress: deps ## run the stress tests ten times longer, on FLAVOUR=debug if given
	$(if $(FLAVOUR),$(call on-ci-kernel,$(FLAVOUR)),$(call for-vm,all tests))
	$(Q)KVER=$$(cat build/vm/release$(FLAVOUR:%=-%)) VM_MEM=2G VM_BOOT_TIMEOUT=300 \
		VM_TEST_TIMEOUT=7200 VM_TIMEOUT=14400 KMLOPS_TEST_EFFORT=1000 \
		selftests/vm/run-tests bpf/test_cycles bpf/test_stress

kunit: FLAVOUR := $(or $(FLAVOUR),plain)
kunit: deps ## run the KUnit suites on the kernel FLAVOUR (plain)
	@mkdir -p build/vm
	@selftests/vm/ci-kernel $(FLAVOUR) >build/vm/release-$(FLAVOUR)
	+@$(MAKE) $(jobs) KVER=$$(cat build/vm/release-$(FLAVOUR)) kunit-kmod >&2
	$(Q)KVER=$$(cat build/vm/release-$(FLAVOUR)) selftests/vm/run-kunit
.PHONY: ci-kernel check-debug check-kcsan check-matrix fuzz-netlink stress kunit

# ---- generated files

generated: ## regenerate the netlink code from its specification
	@tools/need $(PYTHON)=python3
	@tools/gen-netlink

check-generated: ## compare the netlink code with its specification
	@tools/gen-netlink --check
.PHONY: generated check-generated

# ---- the rest

lint: CFLAGS := -std=gnu11
lint: need-kmod need-user bpf build/tools/eval/decide.skel.h ## static checks of everything: prints nothing when clean
	@tools/need perl=perl sparse=sparse spatch=coccinelle clang-tidy=clang-tidy \
		shellcheck=shellcheck flake8=flake8 mypy=mypy
	@KDIR='$(KDIR)' TIDY_FLAGS='$(CFLAGS) $(CPPFLAGS) -Iselftests -Itools/eval -Ibuild/tools/eval' tools/lint
.PHONY: lint

install: all ## install module, tool, headers, manual and Python package
	@KVER='$(KVER)' PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' PYTHON='$(PYTHON)' tools/install
.PHONY: install

deps: ## install the packages of packages.list that are missing
	@tools/deps
.PHONY: deps

clean: ## remove what was built; keep fetched kernels
	$(Q)rm -rf $(filter-out build/kernel build/linux-source,$(wildcard build/*))
distclean: ## remove build/
	$(Q)rm -rf build
.PHONY: clean distclean

help: ## this list
	@sed -nE -e 's/^## ?(.*)/\1/p' -e 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' Makefile | \
		awk -F'|' 'NF > 1 { printf "  %-16s %s\n", $$1, $$2; next } /=|,/ { print "  " $$0; next } { print }'
.PHONY: help

-include $(shell find build -name '*.d' -not -path 'build/kernel/*' -not -path 'build/kmod/*+*' 2>/dev/null)
