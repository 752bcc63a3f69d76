# Lint: each part is a target, so that one can be run alone. Findings are errors everywhere.
LINT_C   := $(sort $(wildcard core/*/*.c store/*.c server/*.c client/*.c loadtest/*.c))
LINT_H   := $(sort $(wildcard core/*/*.h store/*.h server/*.h client/*.h tests/*/*.h loadtest/*.h))
LINT_ALL := $(LINT_C) $(LINT_H) $(sort $(wildcard tests/*/*.c))
LINT_SH  := $(sort $(wildcard tests/tools/*.sh deploy/*.sh deploy/*/*.sh tests/*/*.sh) $(wildcard .ci/run))
BANNED := strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|strtol|strtoul|sscanf|gmtime|localtime|alloca|system|popen

.PHONY: lint lint-format lint-headers lint-banned lint-tidy lint-cppcheck lint-analyzer lint-shell
lint:
	@tests/tools/need.sh lint
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) -Otarget lint-format lint-headers lint-banned \
	    lint-shell lint-cppcheck lint-tidy lint-analyzer
	@echo 'lint: clean'
lint-format:
	$(Q)clang-format --dry-run --Werror $(LINT_ALL)
# Every header compiles alone, under gcc and clang.
lint-headers: $(B)/gen/schema_sql.h
	$(Q)for h in $(LINT_H); do \
	    printf '#include "%s"\n' "$$h" | $(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -Werror -fsyntax-only -x c - || exit 1; \
	done
lint-banned:
	$(Q)! grep -nE '(^|[^A-Za-z0-9_"])($(BANNED)) *\(' $(LINT_C) $(LINT_H) /dev/null | grep -vE ':[0-9]+: *(/?\*)'
lint-shell:
	$(Q)shellcheck $(LINT_SH)
lint-cppcheck: $(B)/gen/schema_sql.h
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppressions-list=tests/tools/cppcheck.suppress -I. -I$(B)/gen $(LINT_C)
B_LINT := build-lint
TIDY_OK := $(patsubst %.c,$(B_LINT)/%.tidy,$(LINT_C))
ANALYZER_OK := $(patsubst %.c,$(B_LINT)/%.analyzer,$(LINT_C))
lint-tidy: $(TIDY_OK)
lint-analyzer: $(ANALYZER_OK)
$(B_LINT)/%.tidy: %.c .clang-tidy | $(B)/gen/schema_sql.h
	$(call say,TIDY)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=c17 -D_GNU_SOURCE -DPL_VERSION='""' -I. -I$(B)/gen 2>$@.err || { cat $@.err; exit 1; }
	$(Q)touch $@
$(B_LINT)/%.analyzer: %.c | $(B)/gen/schema_sql.h
	$(call say,ANALYZE)
	$(Q)mkdir -p $(@D)
	$(Q)gcc $(filter-out -fsanitize%,$(ALL_CFLAGS)) -Werror -fanalyzer -c -o /dev/null $<
	$(Q)touch $@
