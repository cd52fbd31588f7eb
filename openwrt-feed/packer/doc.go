// Package packer makes OpenWrt packages of Hawser, without OpenWrt's build
// system: the same bytes for the same commit, on any machine with Go.
//
//	tree of the repository, binaries -> Package -> .ipk (OpenWrt up to 24.10)
//	                                            -> .apk (25.12 and later)
//	packages -> Packages, Packages.gz, Packages.sig | packages.adb
//
// A Package is a value: every file with its mode and content, the fields, what
// happens after installation and before removal. Both kinds are written from it.
//
// An .ipk is three tar files in one another (OpenWrt, scripts/ipkg-build). An
// .apk is a tree of typed values, then the files' content (apk-tools,
// doc/apk-v3.5.scd); adb.go writes such trees, for packages and for the index.
// Translations become .lmo files, which LuCI maps into memory and searches by
// hash (lmo.go).
package packer
