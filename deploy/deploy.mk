# Install, uninstall, and the documents that the tables of settings and options make.

MAN8_DIR = $(DESTDIR)$(PREFIX)/share/man/man8
MAN1_DIR = $(DESTDIR)$(PREFIX)/share/man/man1
COMP_DIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
UNIT_DIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
DOC_DIR  = $(DESTDIR)$(PREFIX)/share/doc/provlog
MAN1 := $(sort $(wildcard deploy/man/*.1))

# docs: write them anew after a change of server/config_table.c or client/commands.c; tests compare.
.PHONY: docs man install uninstall
docs man: $(B)/provlogd $(B)/provlog
	$(Q)mkdir -p deploy/man deploy/completion schema
	$(Q)$(B)/provlogd --man >deploy/man/provlogd.8
	$(Q)$(B)/provlog help --man >deploy/man/provlog.1
	$(Q)$(B)/provlogd --completion >deploy/completion/provlogd.bash
	$(Q)$(B)/provlogd --schema >schema/config.schema.json

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(MAN8_DIR) $(COMP_DIR) $(UNIT_DIR) $(DOC_DIR)
	install -m 755 $(BINS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 deploy/man/provlogd.8 $(MAN8_DIR)
	$(if $(MAN1),install -d $(MAN1_DIR) && install -m 644 $(MAN1) $(MAN1_DIR))
	install -m 644 deploy/completion/provlogd.bash $(COMP_DIR)/provlogd
	sed 's|/usr/local/bin/|$(PREFIX)/bin/|' deploy/systemd/provlogd.service >$(UNIT_DIR)/provlogd.service
	chmod 644 $(UNIT_DIR)/provlogd.service
	install -m 644 deploy/systemd/provlogd.socket $(UNIT_DIR)
	install -m 644 README.md LICENSE schema/config.schema.json $(DOC_DIR)

uninstall:
	rm -f $(patsubst $(B)/%,$(DESTDIR)$(PREFIX)/bin/%,$(BINS)) $(MAN8_DIR)/provlogd.8 \
	  $(patsubst deploy/man/%,$(MAN1_DIR)/%,$(MAN1)) $(COMP_DIR)/provlogd \
	  $(UNIT_DIR)/provlogd.service $(UNIT_DIR)/provlogd.socket
	rm -rf $(DOC_DIR)
