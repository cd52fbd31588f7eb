# htdocs goes to /www, root to /, and each translation to a package of its own,
# of which only the file with the words counts here.
LC_ALIAS.zh_Hans := zh-cn
install:
	for d in htdocs:/www root:; do \
	  test ! -d $${d%:*} || { mkdir -p $(DESTDIR)$${d#*:}; cp -pR $${d%:*}/* $(DESTDIR)$${d#*:}/; }; \
	done
	$(foreach po,$(wildcard po/*/*.po),$(foreach lang,$(notdir $(patsubst %/,%,$(dir $(po)))), \
	  install -D -m0644 /dev/null $(DESTDIR)/usr/lib/lua/luci/i18n/$(basename $(notdir $(po))).$(firstword $(LC_ALIAS.$(lang)) $(lang)).lmo;))
