# Fuzzing: clang and libFuzzer, objects of their own under build-fuzz. T=WORD takes some targets.
# Seeds are tests/fuzz/corpus/TARGET; what the fuzzer adds stays in build-fuzz/corpus/TARGET, what it
# breaks in build-fuzz/TARGET-crash-*: minimise it and put it into tests/fuzz/regression/TARGET.
FB := build-fuzz
FUZZ_CC ?= clang
FUZZ_FLAGS = -std=c17 -D_GNU_SOURCE -I. -I$(B)/gen -O1 -g -fno-omit-frame-pointer -pthread -Wall -Wextra \
             -fsanitize=address,undefined -fno-sanitize-recover=all -DPL_VERSION='"$(VERSION)"' \
             $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
FUZZ_LIB_SRC := $(CORE_SRC) $(STORE_SRC) $(SERVER_SRC) $(CLIENT_SRC)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(FB)/%,$(if $(T),$(foreach s,$(FUZZ_SRC),$(if $(findstring $(T),$(s)),$(s))),$(FUZZ_SRC)))

.PHONY: fuzz fuzz-build fuzz-run
fuzz:
	@tests/tools/need.sh fuzz
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) fuzz-build
	$(Q)$(MAKE) --no-print-directory fuzz-run
fuzz-build: $(FUZZ_BIN)
fuzz-run:
	@for bin in $(FUZZ_BIN); do \
	    name=$${bin##*/fuzz_}; dict=tests/fuzz/$$name.dict; \
	    echo "# $$name: $(FUZZ_SECONDS) s"; \
	    mkdir -p $(FB)/corpus/$$name; \
	    $$bin -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=$(FB)/$$name- $$([ ! -f $$dict ] || echo -dict=$$dict) \
	        $(FB)/corpus/$$name tests/fuzz/corpus/$$name $$(ls -d tests/fuzz/regression/$$name 2>/dev/null) || exit 1; \
	done

$(FB)/obj/%.o: %.c | $(B)/gen/schema_sql.h
	$(call say,FUZZCC)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(FB)/libprovlog.a: $(patsubst %.c,$(FB)/obj/%.o,$(FUZZ_LIB_SRC))
	$(call archive,$^)
$(FB)/fuzz_%: $(FB)/obj/tests/fuzz/fuzz_%.o $(FB)/libprovlog.a
	$(call say,LINK)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_ALL)
-include $(shell find $(FB)/obj -name '*.d' 2>/dev/null)
