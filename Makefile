# provlog. Targets:
#   all (default)    build/provlogd, build/provlog, libprovlog-core.a, libprovlog-client.a
#   demo             a tour on a fresh server; ONCE=1 ends at once instead of serving on
#   check            every test: unit, corpus replay, faults, end-to-end; SAN=address|thread builds so
#   check-unit, check-e2e   a part; T=WORD only tests whose name contains WORD
#   lint             format, headers alone, banned functions, clang-tidy, cppcheck, gcc -fanalyzer, shellcheck
#   fuzz             each fuzz target for FUZZ_SECONDS=60 with clang
#   loadtest         load and measure a real server; ends with build/loadtest/report.json
#   install, uninstall   PREFIX=/usr/local DESTDIR=
#   check-thread     what runs threads, under the thread sanitizer
#   clean
# V=1 shows commands; WERROR=1 makes warnings errors; CC, PKG_CONFIG as usual.

CC ?= gcc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
SAN ?=
WERROR ?=
V ?=
FUZZ_SECONDS ?= 60
VERSION := 0.1.0

B := build$(if $(SAN),-$(SAN))
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(B)/%,%,$@)')

PKGS := libevent_core libevent_pthreads libevent_openssl sqlite3 jansson libcurl libcrypto libssl libsodium zlib
DEPS_OK := $(shell $(PKG_CONFIG) --exists $(PKGS) 2>/dev/null && echo yes)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wformat=2 \
       -Wundef -Wvla -Wwrite-strings -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
       -Wold-style-definition -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion \
       -Wswitch-enum
ifneq ($(findstring clang,$(CC)),clang)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches
endif
ifdef WERROR
WARN += -Werror
endif
HARDEN = -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
LDHARDEN = -pie -Wl,-z,relro,-z,now
ifeq ($(SAN),)
OPT = -O2 -g -D_FORTIFY_SOURCE=2
else ifeq ($(SAN),address)
OPT = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDHARDEN += -fsanitize=address,undefined
else ifeq ($(SAN),thread)
OPT = -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LDHARDEN += -fsanitize=thread
# gcc's TSan does not know atomic_thread_fence; none is used here.
else
$(error SAN must be empty, address or thread)
endif
CFLAGS ?=
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. -I$(B)/gen $(OPT) $(WARN) $(HARDEN) -pthread \
             -DPL_VERSION='"$(VERSION)"' $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
LIBS_CORE = $(shell $(PKG_CONFIG) --libs jansson libcrypto libsodium 2>/dev/null) -lm
LIBS_ALL = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lhttp_parser -lm -pthread

CORE_SRC   := $(sort $(wildcard core/*/*.c))
STORE_SRC  := $(sort $(wildcard store/*.c))
SERVER_SRC := $(sort $(filter-out server/main.c,$(wildcard server/*.c)))
CLIENT_SRC := $(sort $(filter-out client/main.c,$(wildcard client/*.c)))
SCHEMA_SQL := $(sort $(wildcard schema/[0-9]*.sql))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

LIB_CORE   := $(B)/libprovlog-core.a
LIB_STORE  := $(B)/libprovlog-store.a
LIB_SERVER := $(B)/libprovlog-server.a
LIB_CLIENT := $(B)/libprovlog-client.a
LIBS_OURS  := $(LIB_SERVER) $(LIB_CLIENT) $(LIB_STORE) $(LIB_CORE)

UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN  := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))
FAULT_SRC := $(sort $(wildcard tests/fault/test_*.c))
FAULT_BIN := $(patsubst tests/fault/%.c,$(B)/tests/fault/%,$(FAULT_SRC))
# Helpers that tests link: everything in tests/lib and the VFS shims of tests/fault.
TESTLIB_SRC := $(sort $(wildcard tests/lib/*.c) $(filter-out tests/fault/test_%.c tests/fault/main_%.c,$(wildcard tests/fault/*.c)))
LIB_TEST  := $(B)/libprovlog-test.a
FUZZ_SRC  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
REPLAY_BIN := $(patsubst tests/fuzz/fuzz_%.c,$(B)/tests/fuzz/replay_%,$(FUZZ_SRC))
LOADTEST_SRC := $(sort $(wildcard loadtest/*.c))

BINS := $(if $(wildcard server/main.c),$(B)/provlogd) $(if $(wildcard client/main.c),$(B)/provlog)

.PHONY: all check check-unit check-e2e check-thread check-build clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:
all: deps-build $(BINS) $(LIBS_OURS)

# ---- what must be installed: named in one line, installed where that is possible ----
.PHONY: deps-build deps-check
deps-build:
	@tests/tools/need.sh build
deps-check:
	@tests/tools/need.sh check

# ---- generated: the schema's SQL, embedded ----
$(B)/gen/schema_sql.h: $(SCHEMA_SQL) tests/tools/embed_sql.sh | $(B)/gen
	$(call say,GEN)
	$(Q)sh tests/tools/embed_sql.sh $(SCHEMA_SQL) >$@
$(B)/gen:
	$(Q)mkdir -p $@
$(call obj,$(STORE_SRC)): | $(B)/gen/schema_sql.h

# ---- objects, archives, binaries ----
$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
# Objects are built again when the flags change.
$(B)/flags: FORCE
	@mkdir -p $(B); printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS))' | cmp -s - $@ || printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS))' >$@
FORCE:
define archive
	$(call say,AR)
	$(Q)mkdir -p $(@D); rm -f $@; ar rcs $@ $(1)
endef
$(LIB_CORE): $(call obj,$(CORE_SRC))
	$(call archive,$^)
$(LIB_STORE): $(call obj,$(STORE_SRC))
	$(call archive,$^)
$(LIB_SERVER): $(call obj,$(SERVER_SRC))
	$(call archive,$^)
$(LIB_CLIENT): $(call obj,$(CLIENT_SRC))
	$(call archive,$^)
$(LIB_TEST): $(call obj,$(TESTLIB_SRC))
	$(call archive,$^)
$(B)/provlogd: $(call obj,server/main.c) $(LIBS_OURS)
	$(call say,LINK)
	$(Q)$(CC) $(LDHARDEN) -o $@ $^ $(LIBS_ALL)
$(B)/provlog: $(call obj,client/main.c) $(LIB_CLIENT) $(LIB_CORE)
	$(call say,LINK)
	$(Q)$(CC) $(LDHARDEN) -o $@ $^ $(shell $(PKG_CONFIG) --libs libcurl) $(LIBS_CORE)

# ---- tests ----
$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(LIB_TEST) $(LIBS_OURS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -o $@ $< $(LIB_TEST) $(LIBS_OURS) $(LIBS_ALL) -lcmocka
$(B)/tests/fault/test_%: $(B)/obj/tests/fault/test_%.o $(LIB_TEST) $(LIBS_OURS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -o $@ $< $(LIB_TEST) $(LIBS_OURS) $(LIBS_ALL) -lcmocka
$(B)/tests/fuzz/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(LIBS_OURS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -o $@ $^ $(LIBS_OURS) $(LIBS_ALL)
-include tests/tests.mk tests/fault/fault.mk tests/lint.mk deploy/deploy.mk deploy/demo/demo.mk loadtest/loadtest.mk

TESTENV = PROVLOG_BUILD=$(abspath $(B)) CMOCKA_MESSAGE_OUTPUT=TAP SAN=$(SAN) \
          ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
          TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
E2E := $(sort $(wildcard tests/e2e/*.t))
TOOLS_T := $(sort $(wildcard tests/tools/*.t))
only = $(if $(T),$(foreach t,$(1),$(if $(findstring $(T),$(t)),$(t))),$(1))
check-build: all $(UNIT_BIN) $(FAULT_BIN) $(REPLAY_BIN) $(CHECK_EXTRA)
check: deps-check
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) check-build
	$(TESTENV) prove -j$(shell nproc) $(if $(V),-v) $(call only,$(TOOLS_T) $(UNIT_BIN) $(FAULT_BIN) $(E2E))
check-unit: deps-check
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) check-build
	$(TESTENV) prove -j$(shell nproc) $(if $(V),-v) $(call only,$(TOOLS_T) $(UNIT_BIN) $(FAULT_BIN))
check-e2e: deps-check
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) check-build
	$(TESTENV) prove -j$(shell nproc) $(if $(V),-v) $(call only,$(E2E))

# Unit tests, and of the end-to-end tests those in which the threads work hardest.
check-thread:
	$(Q)$(MAKE) --no-print-directory SAN=thread check-unit
	$(Q)$(MAKE) --no-print-directory SAN=thread check-e2e T=21_concurrency

clean:
	rm -rf build build-address build-thread build-fuzz build-lint build-coverage

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
