# gradd: `make run` builds and serves, `make test` runs every test, `make help` lists the rest.
# Sources are found by their place: adding a file needs no line here.
#
# BUILD=dir      where everything that is made goes (default: build)
# WERROR=        lets warnings pass
# V=1            prints the commands
# OPT=, OPT_CORE=, SAN=, CC=, CXX=   optimisation, sanitizers, compilers

VERSION   := 0.1.0
GD_COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

BUILD  ?= build
PREFIX ?= /usr/local
WERROR ?= -Werror
OPT    ?= -O2
# Kernels are loops over arrays: let the compiler vectorise them.
OPT_CORE ?= -O3
SAN    ?=
FUZZ_SECONDS ?= 60
JOBS   ?= $(shell nproc)

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif

# --- flags -----------------------------------------------------------------------------------

WARN   := -Wall -Wextra -Wshadow -Wvla $(WERROR)
WARN_C := -Wstrict-prototypes -Wmissing-prototypes
# No contraction to fma behind the source's back; errno and floating traps are never read.
MATH   := -ffp-contract=off -fno-math-errno -fno-trapping-math
ifeq ($(SAN),)
HARDEN := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
HARDEN := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

COMMON = -g -I. -DGD_VERSION='"$(VERSION)"' $(WARN) $(MATH) $(HARDEN) -fPIE -pthread -MMD -MP
C_FLAGS   = -std=gnu17 $(COMMON) $(WARN_C) $(CPPFLAGS) $(CFLAGS)
CXX_FLAGS = -std=c++17 $(COMMON) -fno-exceptions -fno-rtti $(DRAGONBOX) \
	$(CPPFLAGS) $(CXXFLAGS)

# OpenBLAS keeps its headers and library in a folder of their own.
BLAS_CFLAGS := $(shell pkg-config --cflags openblas 2>/dev/null)
BLAS_LIBS   := $(shell pkg-config --libs openblas 2>/dev/null || echo -lopenblas)
# Debian keeps the headers of dragonbox in a folder named after its version.
DRAGONBOX  := $(addprefix -isystem ,$(wildcard /usr/include/dragonbox-*))

LD_FLAGS  = -pie -Wl,-z,relro,-z,now -Wl,--as-needed -static-libstdc++ -static-libgcc -pthread \
	$(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS_CORE   = $(BLAS_LIBS) -lm
LIBS_API    = -lcjson $(LIBS_CORE)
LIBS_SERVER = -lmicrohttpd $(LIBS_API)

# --- sources ---------------------------------------------------------------------------------

obj = $(patsubst %,$(BUILD)/obj/%.o,$(1))

LAYERS     := core api server
SRC_core   := $(sort $(wildcard core/*.c core/ops/*.c core/layers/*.c))
SRC_api    := $(sort $(wildcard api/*.c api/*.cc))
SRC_server := $(sort $(wildcard server/*.c))

# tests/<layer>/test_*.c is one program each; the other files there and in tests/support are
# shared by those programs.
TEST_SRC  := $(foreach l,$(LAYERS),$(sort $(wildcard tests/$l/test_*.c)))
SUPPORT   := $(filter-out tests/support/torture%,$(sort $(wildcard tests/support/*.c)))
HELP_core   := $(filter-out tests/core/test_% tests/core/torture_%,$(wildcard tests/core/*.c))
HELP_api    := $(filter-out tests/api/test_% tests/api/torture_%,$(wildcard tests/api/*.c))
HELP_server := $(filter-out tests/server/test_% tests/server/torture_%,$(wildcard tests/server/*.c))

CORE_LIB := $(BUILD)/libgd_core.a
API_LIB  := $(BUILD)/libgd_api.a
SUPPORT_LIB := $(BUILD)/tests/libsupport.a
GRADD    := $(BUILD)/gradd
tests_of  = $(patsubst %.c,$(BUILD)/%,$(filter tests/$(1)/%,$(TEST_SRC)))
scripts_of = $(sort $(wildcard tests/$(1)/test_*.sh))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules --no-print-directory
# $(call do,WORD,COMMAND): the command, or just "WORD target".
do = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$@' &&) $(2)

# --- building --------------------------------------------------------------------------------

.PHONY: all
all: $(GRADD) ## build the server (the default)

$(GRADD): $(call obj,$(SRC_server)) $(API_LIB) $(CORE_LIB)
	$(call do,LINK,$(CXX) $(LD_FLAGS) -o $@ $(filter %.o,$^) $(API_LIB) $(CORE_LIB) $(LIBS_SERVER))

$(CORE_LIB): $(call obj,$(SRC_core)) $(BUILD)/stamp/core
$(API_LIB): $(call obj,$(SRC_api)) $(BUILD)/stamp/api
$(SUPPORT_LIB): $(call obj,$(SUPPORT)) $(BUILD)/stamp/support
$(CORE_LIB) $(API_LIB) $(SUPPORT_LIB):
	@mkdir -p $(@D); rm -f $@
	$(call do,AR,ar rcs $@ $(filter %.o,$^))

OPT_OF = $(if $(filter core/%,$<),$(OPT_CORE),$(OPT))

$(BUILD)/obj/%.c.o: %.c $(BUILD)/stamp/flags
	@mkdir -p $(@D)
	$(call do,CC,$(CC) $(OPT_OF) $(C_FLAGS) $(EXTRA) -c -o $@ $<)

# Conversions of numbers are the inner loop of most requests.
$(BUILD)/obj/%.cc.o: %.cc $(BUILD)/stamp/flags
	@mkdir -p $(@D)
	$(call do,CXX,$(CXX) $(OPT_CORE) $(CXX_FLAGS) $(EXTRA) -c -o $@ $<)

# …_avx2.c: kernels that are chosen at run time, on CPUs that have what they are compiled for.
AVX2 := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),-mavx2 -mfma)
# What only some files are given. Those that name GD_COMMIT are rebuilt when the commit changes.
USES_COMMIT := $(shell grep -ls GD_COMMIT $(filter %.c,$(SRC_api) $(SRC_server)) /dev/null)
EXTRA = $(if $(filter core/blas.c tests/bench/%,$<),$(BLAS_CFLAGS)) \
	$(if $(filter %_avx2.c,$<),$(AVX2)) \
	$(if $(filter $(USES_COMMIT),$<),-DGD_COMMIT='"$(GD_COMMIT)"')
$(call obj,$(USES_COMMIT)): $(BUILD)/stamp/commit

# A stamp is touched only when its text changes: flags, the list of files, the commit.
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || \
	printf '%s\n' '$(subst ','\'',$(1))' > $@
.PHONY: force
force:
$(BUILD)/stamp/flags: force
	$(call stamp,$(CC) $(CXX) $(OPT) $(OPT_CORE) $(C_FLAGS) $(CXX_FLAGS) $(BLAS_CFLAGS))
$(BUILD)/stamp/core: force
	$(call stamp,$(SRC_core))
$(BUILD)/stamp/api: force
	$(call stamp,$(SRC_api))
$(BUILD)/stamp/support: force
	$(call stamp,$(SUPPORT))
$(BUILD)/stamp/commit: force
	$(call stamp,$(GD_COMMIT))

# --- test programs ---------------------------------------------------------------------------

define test_layer
$(BUILD)/tests/$(1)/test_%: $(BUILD)/obj/tests/$(1)/test_%.c.o $(call obj,$(HELP_$(1))) \
		$(SUPPORT_LIB) $(2)
	@mkdir -p $$(@D)
	$$(call do,LINK,$(CXX) $$(LD_FLAGS) -o $$@ $$(filter %.o,$$^) $(SUPPORT_LIB) $(2) \
		$$(LIBS_TEST_$(1)) -lcheck_pic -lsubunit -lrt -lm)
endef
LIBS_TEST_core   = $(LIBS_CORE)
LIBS_TEST_api    = $(LIBS_API)
LIBS_TEST_server = -lcurl $(LIBS_API)
$(eval $(call test_layer,core,$(CORE_LIB)))
$(eval $(call test_layer,api,$(API_LIB) $(CORE_LIB)))
$(eval $(call test_layer,server,$(API_LIB) $(CORE_LIB)))

RUN_TESTS = GRADD=$(abspath $(GRADD)) tests/support/run-tests.sh -j $(JOBS) -l $(BUILD)/log

.PHONY: test check check-core check-api check-server
test: setup-test ## install what is missing, build, run every test
	@$(MAKE) $(PARALLEL) check

# Those of server look at the clock, so they run one at a time and after the others.
check: $(GRADD) $(foreach l,$(LAYERS),$(call tests_of,$l)) ## the same without installing anything
	@$(RUN_TESTS) $(foreach l,core api,$(call tests_of,$l) $(call scripts_of,$l)) \
		-s $(call tests_of,server) $(call scripts_of,server)
check-core: $(call tests_of,core) ## the tests of core
	@$(RUN_TESTS) $^ $(call scripts_of,core)
check-api: $(call tests_of,api) ## the tests of api
	@$(RUN_TESTS) $^ $(call scripts_of,api)
check-server: $(call tests_of,server) $(GRADD) ## the tests of server
	@$(RUN_TESTS) -s $(call tests_of,server) $(call scripts_of,server)

.PHONY: docs
docs: $(BUILD)/tests/server/test_readme $(GRADD) ## the README's tables, made anew from the program's
	@GRADD=$(abspath $(GRADD)) GRADD_WRITE_DOCS=1 $<

# --- checks that need more than a compiler ---------------------------------------------------

.PHONY: format lint layers asan tsan valgrind torture fuzz bench cover container-test cleanroot-test

FORMATTED := $(sort $(foreach d,core api server tests,$(shell find $d -name '*.[ch]' -o -name '*.cc')))
TIDIED    := $(SRC_core) $(SRC_api) $(SRC_server)

format: ## lay out every source as .clang-format says
	@clang-format -i $(FORMATTED)

lint: $(patsubst %,$(BUILD)/lint/%.ok,$(TIDIED)) ## clang-format and clang-tidy
	@clang-format --dry-run -Werror $(FORMATTED)

# Behind the object file, so that a changed header is looked at again too.
$(BUILD)/lint/%.ok: % $(BUILD)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	$(call do,TIDY,clang-tidy --quiet --warnings-as-errors='*' $< -- \
		$(filter-out -MMD -MP -W%,$(if $(filter %.cc,$<),$(CXX_FLAGS),$(C_FLAGS)) $(EXTRA)) \
		>$@.log 2>&1 || { cat $@.log; false; })
	@touch $@

layers: ## no layer includes what belongs above it
	@tests/support/layers.sh

# The tests once more under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
SANITIZED = $(MAKE) $(PARALLEL) OPT=-O1 OPT_CORE=-O1 WERROR=
asan: ## every test with address, leak and undefined-behaviour checks
	@tests/support/sanitized.sh $(BUILD)-asan/reports \
		$(SANITIZED) BUILD=$(BUILD)-asan SAN=address,undefined,float-cast-overflow check

# OpenBLAS and libmicrohttpd are not instrumented: one BLAS thread, and tsan.supp for the rest.
tsan: ## the tests of server and the evaluator with data-race checks
	@tests/support/sanitized.sh $(BUILD)-tsan/reports \
		$(SANITIZED) BUILD=$(BUILD)-tsan SAN=thread check-threads
.PHONY: check-threads
THREADED := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/core/test_eval*.c tests/core/test_blas*.c \
	tests/core/test_fuse.c tests/core/test_conv_threads.c))
check-threads: $(THREADED) $(call tests_of,server) $(GRADD)
	@$(RUN_TESTS) -s $(THREADED) $(call tests_of,server)

# One process a program, one BLAS thread, and the kernels that valgrind can follow. It does not see
# that mremap(MREMAP_FIXED) adds memory, so how the arena grows is left to asan; and its vector
# instructions lose the sign of tan(-0), so what vectors give is left to asan too.
MEMCHECKED := $(filter-out %/test_arena %/test_vector,$(foreach l,core api,$(call tests_of,$l)))
valgrind: $(MEMCHECKED) ## the tests of core and api under memcheck
	@GD_QUICK=1 CK_FORK=no OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=Haswell \
		RUN_UNDER="valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
			--errors-for-leak-kinds=definite --suppressions=tests/support/valgrind.supp" \
		tests/support/run-tests.sh -j $(JOBS) -l $(BUILD)/log/valgrind $^

# tests/<layer>/torture_*.c: programs in which every allocation fails in turn.
TORTURE := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/*/torture_*.c)))
torture: $(TORTURE) ## every allocation failing in turn
	@GRADD=$(abspath $(GRADD)) tests/support/run-tests.sh -j $(JOBS) -l $(BUILD)/log/torture $^
$(TORTURE): $(BUILD)/%: $(BUILD)/obj/%.c.o $(call obj,$(wildcard tests/support/torture.c)) \
		$(SUPPORT_LIB) $(API_LIB) $(CORE_LIB)
	@mkdir -p $(@D)
	$(call do,LINK,$(CXX) $(LD_FLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_API) \
		-lcheck_pic -lsubunit -lrt -lm)

FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz: ## each fuzz target for FUZZ_SECONDS (60)
	@$(MAKE) $(PARALLEL) BUILD=$(BUILD)-fuzz CC=clang CXX=clang++ WERROR= OPT=-O1 OPT_CORE=-O1 \
		SAN=address,undefined,fuzzer-no-link fuzz-programs
	@tests/support/fuzz.sh -j $(JOBS) -t $(FUZZ_SECONDS) $(BUILD)-fuzz $(FUZZ)
.PHONY: fuzz-programs
fuzz-programs: $(addprefix $(BUILD)/tests/fuzz/,$(FUZZ))
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.c.o $(SUPPORT_LIB) $(API_LIB) $(CORE_LIB)
	@mkdir -p $(@D)
	$(call do,LINK,$(CXX) $(LD_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_API))

# Where a file of tests/bench has a main it is a program, else it is shared by them.
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c tests/bench/*.cc))
BENCH_MAIN := $(if $(BENCH_SRC),$(shell grep -lw '^int main' $(BENCH_SRC)))
BENCH_LIB  := $(BUILD)/bench/libbench.a
bench_program = $(patsubst tests/bench/%,$(BUILD)/bench/%,$(basename $(1)))
BENCH      := $(call bench_program,$(BENCH_MAIN))
bench: setup-bench ## measure against the floor and the alternative, print the ratios
	@$(MAKE) $(PARALLEL) all bench-programs
	@BUILD=$(abspath $(BUILD)) tests/bench/run.sh
.PHONY: bench-programs
bench-programs: $(BENCH)
$(BENCH_LIB): $(call obj,$(filter-out $(BENCH_MAIN),$(BENCH_SRC)))
	@mkdir -p $(@D); rm -f $@
	$(call do,AR,ar rcs $@ $^)
$(foreach s,$(BENCH_MAIN),$(eval $(call bench_program,$s): $(call obj,$s)))
$(BENCH): $(BENCH_LIB) $(API_LIB) $(CORE_LIB)
	@mkdir -p $(@D)
	$(call do,LINK,$(CXX) $(LD_FLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		-ldragonbox_to_chars $(LIBS_SERVER))

cover: ## which lines the tests run
	@$(MAKE) $(PARALLEL) BUILD=$(BUILD)-cover OPT=-O0 OPT_CORE=-O0 WERROR= HARDEN=--coverage \
		LDFLAGS=--coverage check
	@tests/support/cover.sh $(BUILD)-cover

container-test: ## build the image, run it, ask it for a gradient
	@BUILD=$(abspath $(BUILD)) tests/support/container-test.sh

cleanroot-test: ## `make test` and `make run` in a Debian that has only git and make
	@BUILD=$(abspath $(BUILD)) tests/support/cleanroot-test.sh

# --- setting up, running, installing ---------------------------------------------------------

# A make that was not told how many jobs to run gets one a processor.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j $(JOBS))

.PHONY: setup setup-test setup-bench setup-dev run install clean help
setup: ## install the Debian packages that building needs
	@tests/support/setup.sh $(BUILD)/stamp/setup build
setup-test:
	@tests/support/setup.sh $(BUILD)/stamp/setup-test build test
setup-bench:
	@tests/support/setup.sh $(BUILD)/stamp/setup-bench build bench
setup-dev: ## and those of every target here
	@tests/support/setup.sh $(BUILD)/stamp/setup-dev build test dev container

run: setup ## install what is missing, build, serve on 127.0.0.1:8080 (ARGS="--port 9000")
	@$(MAKE) $(PARALLEL) all
	@exec $(GRADD) $(ARGS)

install: all ## copy gradd to $(PREFIX)/bin
	install -D -m 755 $(GRADD) $(DESTDIR)$(PREFIX)/bin/gradd

clean: ## remove everything that was made
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-cover

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		expand -t 18

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
