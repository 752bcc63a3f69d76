# The tour of README: a fresh server, one model's life, and what the real Tekton Chains signed.
demo: deps-build
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all
	$(Q)PROVLOG_BUILD=$(abspath $(B)) ONCE=$(ONCE) sh deploy/demo/demo.sh
