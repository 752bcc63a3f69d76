# Test programs with SQLite VFS shims below the store; included by the Makefile.
#   build/tests/provlogd-fault   the server with the shims of tests/fault, told by PROVLOG_FAULT
#   build/tests/crashload        clients that remember what was acknowledged
#   build/tests/powercut         plays a power cut over a folder: powercut DIR SEED
ifneq ($(wildcard server/main.c),)
CHECK_EXTRA += $(B)/tests/provlogd-fault
endif
CHECK_EXTRA += $(B)/tests/powercut

$(B)/tests/provlogd-fault: $(call obj,server/main.c tests/fault/main_provlogd_fault.c) $(LIB_TEST) $(LIBS_OURS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -Wl,--wrap=pl_store_open -o $@ $(call obj,server/main.c tests/fault/main_provlogd_fault.c) $(LIB_TEST) $(LIBS_OURS) $(LIBS_ALL)
$(B)/tests/powercut: $(call obj,tests/fault/main_powercut.c) $(LIB_TEST) $(LIB_CORE)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -o $@ $(call obj,tests/fault/main_powercut.c) $(LIB_TEST) $(LIB_CORE) $(LIBS_ALL)
CHECK_EXTRA += $(B)/tests/crashload
$(B)/tests/crashload: $(call obj,tests/fault/main_crashload.c) $(LIB_TEST) $(LIB_CLIENT) $(LIB_CORE)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) -o $@ $(call obj,tests/fault/main_crashload.c) $(LIB_TEST) $(LIB_CLIENT) $(LIB_CORE) $(LIBS_ALL)
