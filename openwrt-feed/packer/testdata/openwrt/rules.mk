# A stand-in for OpenWrt's build system: what its macros mean for a file's
# place and mode. `make install DESTDIR=…` installs as a build would.
INCLUDE_DIR := $(TOPDIR)/include
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
INSTALL_CONF := install -m0600
CP := cp -fpR
LN := ln -sf
GO_ARCH_DEPENDS := @(mipsel||x86_64)
PKG_BUILD_DIR := $(DESTDIR)
