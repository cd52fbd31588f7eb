package packer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Fields of apk's objects by number (apk-tools, src/apk_adb.h).
const (
	pkgInfo, pkgPaths, pkgScripts = 1, 2, 3

	infoName, infoVersion, infoHashes, infoDescription, infoArch = 1, 2, 3, 4, 5
	infoLicense, infoOrigin, infoMaintainer, infoURL             = 6, 7, 8, 9
	infoBuildTime, infoInstalledSize, infoFileSize, infoDepends  = 11, 12, 13, 15

	dirName, dirACL, dirFiles                                             = 1, 2, 3
	fileName, fileACL, fileSize, fileMTime, fileHashes, fileTarget        = 1, 2, 3, 4, 5, 6
	aclMode, aclUser, aclGroup                                            = 1, 2, 3
	scriptPostInstall, scriptPreDeinstall, scriptPostUpgrade              = 3, 4, 7
	depName                                                               = 1
	indexDescription, indexPackages                                       = 1, 2
	uniqueID                                                              = 20 // bytes of an identity that a package holds itself
	symlink                                                        uint16 = 0o120000
)

// APK packs p as apk 3 wants it, together with its entry for an index.
func (p Package) APK() ([]byte, Entry, error) {
	files := p.withSidecars()
	a := newADB()
	info := p.info(a, size(files))
	// The package's own name for itself is the digest of the whole with
	// zeros in that place.
	id := make([]byte, uniqueID)
	info[infoHashes] = a.blob(id)
	at := int(info[infoHashes]&^typeBlob8) + 1
	paths, content := p.paths(a, files)
	a.root(a.object(map[int]value{
		pkgInfo: a.object(info), pkgPaths: paths, pkgScripts: p.scripts(a),
	}))
	copy(a.body[at:at+uniqueID], a.identity())
	out, err := a.file(schemaPackage, nil)
	if err != nil {
		return nil, Entry{}, fmt.Errorf("%s: %w", p.Name, err)
	}
	packed, err := compress(append(out, content...))
	return packed, Entry{p, a.identity(), size(files), len(packed)}, err
}

// info are the fields that a package and its entry in an index share.
func (p Package) info(a *adb, installed int) map[int]value {
	arch := p.Arch
	if arch == All {
		arch = "noarch"
	}
	var depends []value
	for _, d := range slices.Sorted(slices.Values(p.Depends)) {
		depends = append(depends, a.object(map[int]value{depName: a.text(d)}))
	}
	return map[int]value{
		infoName: a.text(p.Name), infoVersion: a.text(p.Version), infoDescription: a.text(p.Description),
		infoArch: a.text(arch), infoLicense: a.text(license), infoOrigin: a.text(p.Name), infoMaintainer: a.text(maintainer),
		infoURL: a.text(source), infoBuildTime: a.int(uint64(p.Made.Unix())), infoInstalledSize: a.int(uint64(installed)),
		infoDepends: a.array(depends),
	}
}

// scripts call the functions of OpenWrt that every package calls, which read
// the sidecars.
func (p Package) scripts(a *adb) value {
	own := []string{`export root="${IPKG_INSTROOT}"`, `export pkgname="` + p.Name + `"`}
	post := slices.Concat([]string{`[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0`, functions}, own, []string{"add_group_and_user", "default_postinst"})
	pre := slices.Concat([]string{functions}, own)
	if p.PostInstall != "" {
		post = append(post, p.PostInstall)
	}
	// As default_prerm itself does with prerm-pkg: before the service stops.
	if p.PreRemove != "" {
		pre = append(pre, p.PreRemove)
	}
	pre = append(pre, "default_prerm")
	return a.object(map[int]value{
		scriptPostInstall:  a.blob(script("", post...).Content),
		scriptPreDeinstall: a.blob(script("", pre...).Content),
		scriptPostUpgrade:  a.blob(script("", append([]string{"export PKG_UPGRADE=1"}, post...)...).Content),
	})
}

// paths are the directories with their files, and the blocks of their content.
func (p Package) paths(a *adb, files []File) (value, []byte) {
	var dirs []value
	var content []byte
	for _, dir := range append([]string{"/"}, directories(files)...) {
		var inside []value
		for _, f := range files {
			if path.Dir(f.Path) != dir {
				continue
			}
			inside = append(inside, p.file(a, f))
			if len(f.Content) > 0 {
				where := binary.LittleEndian.AppendUint32(nil, uint32(len(dirs)+1))
				where = binary.LittleEndian.AppendUint32(where, uint32(len(inside)))
				content = appendBlock(content, blockData, where, f.Content)
			}
		}
		dirs = append(dirs, a.object(map[int]value{
			dirName: a.text(strings.Trim(dir, "/")), dirACL: acl(a, 0o755), dirFiles: a.array(inside),
		}))
	}
	return a.array(dirs), content
}

func (p Package) file(a *adb, f File) value {
	fields := map[int]value{fileName: a.text(path.Base(f.Path)), fileMTime: a.int(uint64(p.Made.Unix()))}
	if f.Link != "" {
		fields[fileACL] = acl(a, 0o777)
		fields[fileSize] = a.int(uint64(len(f.Link)))
		fields[fileTarget] = a.blob(append(binary.LittleEndian.AppendUint16(nil, symlink), f.Link...))
		return a.object(fields)
	}
	sum := sha256.Sum256(f.Content)
	fields[fileACL] = acl(a, uint64(f.Mode.Perm()))
	fields[fileSize] = a.int(uint64(len(f.Content)))
	fields[fileHashes] = a.blob(sum[:])
	return a.object(fields)
}

func acl(a *adb, mode uint64) value {
	return a.object(map[int]value{aclMode: a.int(mode), aclUser: a.text("root"), aclGroup: a.text("root")})
}

// withSidecars adds the files by which OpenWrt knows what a package holds:
// apk itself has no place for that (OpenWrt, include/package-pack.mk).
func (p Package) withSidecars() []File {
	var list, static bytes.Buffer
	files := p.sorted()
	for _, f := range files {
		fmt.Fprintln(&list, f.Path)
		if f.Conf {
			fmt.Fprintf(&static, "%s %x\n", f.Path, sha256.Sum256(f.Content))
		}
	}
	side := "/lib/apk/packages/" + p.Name
	files = append(files, File{Path: side + ".list", Mode: 0o644, Content: list.Bytes()})
	if c := p.conffiles(); c != "" {
		files = append(files,
			File{Path: side + ".conffiles", Mode: 0o644, Content: []byte(c)},
			File{Path: side + ".conffiles_static", Mode: 0o644, Content: static.Bytes()})
	}
	return Package{Files: files}.sorted()
}
