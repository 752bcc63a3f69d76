# Load test: our own generator against the real server. `make loadtest LOADTEST="--repeat 5"`.
.PHONY: loadtest loadtest-build
LOADTEST ?=
$(B)/loadtest/load: $(call obj,$(LOADTEST_SRC)) $(LIB_CORE)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -o $@ $^ $(LIBS_CORE)
loadtest-build: all $(B)/loadtest/load
loadtest:
	@tests/tools/need.sh check
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) loadtest-build
	$(Q)PROVLOG_BUILD=$(abspath $(B)) python3 loadtest/report.py $(LOADTEST)
# A tiny run is an end-to-end test, so that this does not rot.
CHECK_EXTRA += $(B)/loadtest/load
