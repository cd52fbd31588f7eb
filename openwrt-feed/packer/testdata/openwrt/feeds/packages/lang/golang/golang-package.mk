define GoPackage/Package/Install/Bin
	install -d $(1)$(GO_PKG_INSTALL_BIN_PATH)
	touch $(1)$(GO_PKG_INSTALL_BIN_PATH)/$(notdir $(GO_PKG_BUILD_PKG))
	chmod 0755 $(1)$(GO_PKG_INSTALL_BIN_PATH)/$(notdir $(GO_PKG_BUILD_PKG))
endef
define BuildPackage
install:
	$(call Package/$(1)/install,$(DESTDIR))
conffiles:
	@echo $(call Package/$(1)/conffiles)
version:
	@echo $(GO_PKG_LDFLAGS_X)
prepare:
	$(Build/Prepare)
endef
