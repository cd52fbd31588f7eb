package packer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	treeDir = "../.."
	epoch   = 1764000000
	budget  = 2_000_000
	limit   = 2_400_000
)

func release(version string) Release {
	return Release{Tree: treeDir, Version: version, Made: time.Unix(epoch, 0).UTC()}
}

// packed is the package for one architecture. The program in it is a small
// one: the real one takes seconds to compress.
func packed(t *testing.T, arch, version string) Package {
	t.Helper()
	return with(t, arch, version, bytes.Repeat([]byte("a program\n"), 20_000))
}

func with(t *testing.T, arch, version string, program []byte) Package {
	t.Helper()
	p, err := release(version).Hawser(arch, program, []byte("terms\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func luci(t *testing.T) Package {
	t.Helper()
	p, err := release("1.2.3-r1").LuCI()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func both(t *testing.T, p Package) (ipk, apk []byte, e Entry) {
	t.Helper()
	ipk, err := p.IPK()
	if err != nil {
		t.Fatal(err)
	}
	apk, e, err = p.APK()
	if err != nil {
		t.Fatal(err)
	}
	return ipk, apk, e
}

// listed is what ls would say of a package's files.
func listed(files []File) []string {
	var all []string
	for _, f := range files {
		if f.Link != "" {
			all = append(all, f.Path+" -> "+f.Link)
			continue
		}
		all = append(all, fmt.Sprintf("%s %03o", f.Path, f.Mode.Perm()))
	}
	slices.Sort(all)
	return all
}

var hawserFiles = []string{
	"/etc/capabilities/hawser.json 644",
	"/etc/config/hawser 600",
	"/etc/init.d/hawser 755",
	"/etc/sysctl.d/50-hawser.conf 644",
	"/etc/uci-defaults/50_hawser 755",
	"/lib/upgrade/keep.d/hawser 644",
	"/usr/libexec/rpcd/hawser -> /usr/sbin/hawser",
	"/usr/sbin/hawser 755",
	"/usr/share/hawser/import-quagga 755",
	"/usr/share/hawser/licences.txt 644",
}

func TestAnIPKHoldsTheFilesTheFieldsAndTheScripts(t *testing.T) {
	p := packed(t, "mipsel_24kc", "1.2.3-r1")
	raw, _, _ := both(t, p)
	got := readIPK(t, raw)
	var files []File
	for _, h := range got.data {
		if !h.ModTime.Equal(time.Unix(epoch, 0)) {
			t.Errorf("%s is of %v", h.Name, h.ModTime)
		}
		if h.Typeflag != '5' {
			files = append(files, File{Path: h.Name[1:], Mode: h.FileInfo().Mode(), Link: h.Linkname})
		}
	}
	if all := listed(files); !slices.Equal(all, hawserFiles) {
		t.Errorf("files:\n%s", strings.Join(all, "\n"))
	}
	control := string(got.control["control"])
	for _, want := range []string{
		"Package: hawser\nVersion: 1.2.3-r1\n", "\nLicense: Apache-2.0\n", "\nSourceDateEpoch: 1764000000\n",
		"\nArchitecture: mipsel_24kc\n", fmt.Sprintf("\nInstalled-Size: %d\n", size(p.Files)), "\nDescription: BGP",
	} {
		if !strings.Contains(control, want) {
			t.Errorf("no %q in\n%s", want, control)
		}
	}
	for name, want := range map[string]string{
		"conffiles": "/etc/config/hawser\n", "postinst": "\ndefault_postinst $0 $@\n", "prerm": "\ndefault_prerm $0 $@\n",
		"postinst-pkg": "/etc/init.d/rpcd reload\n", "prerm-pkg": "/etc/init.d/hawser withdraw\n",
	} {
		if text := string(got.control[name]); !strings.HasSuffix(text, want) {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestAnAPKHoldsTheSameAndWhatOpenWrtKeepsBesides(t *testing.T) {
	p := packed(t, "mipsel_24kc", "1.2.3-r1")
	_, raw, entry := both(t, p)
	got := readAPK(t, raw)
	files := got.files(t)
	want := slices.Concat(hawserFiles, []string{
		"/lib/apk/packages/hawser.conffiles 644", "/lib/apk/packages/hawser.conffiles_static 644", "/lib/apk/packages/hawser.list 644",
	})
	slices.Sort(want)
	if all := listed(files); got.schema != "pckg" || !slices.Equal(all, want) {
		t.Errorf("%s, files:\n%s", got.schema, strings.Join(all, "\n"))
	}
	content := map[string][]byte{}
	for _, f := range files {
		content[f.Path] = f.Content
	}
	for _, f := range p.Files {
		if !bytes.Equal(content[f.Path], f.Content) {
			t.Errorf("%s is not what it was", f.Path)
		}
	}
	list := strings.Fields(string(content["/lib/apk/packages/hawser.list"]))
	if len(list) != len(p.Files) || !slices.IsSorted(list) {
		t.Errorf("list: %q", list)
	}
	static := fmt.Sprintf("/etc/config/hawser %x\n", sha256.Sum256(content["/etc/config/hawser"]))
	if s := string(content["/lib/apk/packages/hawser.conffiles_static"]); s != static {
		t.Errorf("conffiles_static: %q, want %q", s, static)
	}
	root := got.tree.slots(got.tree.word(4))
	info, scripts := got.tree.slots(root[1]), got.tree.slots(root[3])
	for field, want := range map[int]string{1: "hawser", 2: "1.2.3-r1", 5: "mipsel_24kc", 6: "Apache-2.0"} {
		if text := string(got.tree.blob(info[field])); text != want {
			t.Errorf("field %d: %q, want %q", field, text, want)
		}
	}
	if post := string(got.tree.blob(scripts[3])); !strings.Contains(post, "pkgname=\"hawser\"") || !strings.Contains(post, "\ndefault_postinst\n") {
		t.Errorf("post-install:\n%s", post)
	}
	if upgrade := string(got.tree.blob(scripts[7])); !strings.Contains(upgrade, "export PKG_UPGRADE=1\n") {
		t.Errorf("post-upgrade:\n%s", upgrade)
	}
	if pre := string(got.tree.blob(scripts[4])); !strings.HasSuffix(pre, "\ndefault_prerm\n") || !strings.Contains(pre, "hawser withdraw\n") {
		t.Errorf("pre-deinstall:\n%s", pre)
	}
	if sum := sha256.Sum256(got.tree); !bytes.Equal(sum[:], entry.identity) {
		t.Error("the index would name it by something else")
	}
}

func TestTheSameCommitIsTheSameBytes(t *testing.T) {
	key := testKey(t)
	for _, p := range []Package{packed(t, "mipsel_24kc", "1.2.3-r1"), luci(t)} {
		i1, a1, e1 := both(t, p)
		slices.Reverse(p.Files)
		i2, a2, e2 := both(t, p)
		if !bytes.Equal(i1, i2) || !bytes.Equal(a1, a2) {
			t.Errorf("%s differs the second time", p.Name)
		}
		n1, err1 := APKIndex([]Entry{e1}, key)
		n2, err2 := APKIndex([]Entry{e2}, key)
		if err1 != nil || err2 != nil || !bytes.Equal(n1, n2) {
			t.Errorf("%s: the index differs the second time: %v, %v", p.Name, err1, err2)
		}
	}
}

func testKey(t *testing.T) *Key {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "key")
	if err := MakeKey(dir); err != nil {
		t.Fatal(err)
	}
	k, err := ReadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAKeyIsSecretAndNeverOverwritten(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadKey(dir); err == nil || !strings.Contains(err.Error(), "make feed-key") {
		t.Errorf("without a key: %v", err)
	}
	if err := MakeKey(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{opkgSecret, apkSecret} {
		if s, err := os.Stat(filepath.Join(dir, name)); err != nil || s.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if err := MakeKey(dir); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("the second time: %v", err)
	}
	if ignored, err := os.ReadFile(filepath.Join(treeDir, ".gitignore")); err != nil || !strings.Contains(string(ignored), "/.feed-key/") {
		t.Errorf("git would take the key: %v", err)
	}
}

func TestAFeedIsIndexedAndSignedForBothManagers(t *testing.T) {
	dir, key := t.TempDir(), testKey(t)
	all := []Package{packed(t, "mipsel_24kc", "1.2.3-r1"), luci(t)}
	if err := WriteFeed(dir, "mipsel_24kc", all, key); err != nil {
		t.Fatal(err)
	}
	opkg := filepath.Join(dir, "opkg/mipsel_24kc")
	index, err := os.ReadFile(filepath.Join(opkg, "Packages"))
	if err != nil {
		t.Fatal(err)
	}
	field := regexp.MustCompile(`(?m)^(Filename|Size|SHA256sum): (.*)$`)
	found := field.FindAllStringSubmatch(string(index), -1)
	if len(found) != 6 {
		t.Fatalf("Packages:\n%s", index)
	}
	for i := 0; i < len(found); i += 3 {
		file, err := os.ReadFile(filepath.Join(opkg, found[i][2]))
		if err != nil || fmt.Sprint(len(file)) != found[i+1][2] || fmt.Sprintf("%x", sha256.Sum256(file)) != found[i+2][2] {
			t.Errorf("%v: %v", found[i:i+3], err)
		}
	}
	// signify is what usign was made after.
	out, err := exec.CommandContext(t.Context(), "signify-openbsd", "-V", "-m", filepath.Join(opkg, "Packages"),
		"-p", filepath.Join(dir, "opkg/hawser.pub"), "-x", filepath.Join(opkg, "Packages.sig")).CombinedOutput()
	if err != nil {
		t.Errorf("signify: %v\n%s", err, out)
	}

	raw, err := os.ReadFile(filepath.Join(dir, "apk/mipsel_24kc/packages.adb"))
	if err != nil {
		t.Fatal(err)
	}
	got := readAPK(t, raw)
	packages := got.tree.items(got.tree.slots(got.tree.word(4))[2])
	if got.schema != "indx" || len(packages) != 2 {
		t.Fatalf("%s of %d packages", got.schema, len(packages))
	}
	for i, v := range packages {
		info := got.tree.slots(v)
		name := string(got.tree.blob(info[1])) + "-" + string(got.tree.blob(info[2])) + ".apk"
		file, err := os.ReadFile(filepath.Join(dir, "apk/mipsel_24kc", name))
		if err != nil || uint64(len(file)) != got.tree.number(info[13]) {
			t.Errorf("%s: %d bytes, %v", name, got.tree.number(info[13]), err)
			continue
		}
		if sum := sha256.Sum256(readAPK(t, file).tree); !bytes.Equal(sum[:], got.tree.blob(info[3])) {
			t.Errorf("package %d: %s is another", i, name)
		}
	}
	sum := sha512.Sum512(got.tree)
	signed := sha512.Sum512(slices.Concat([]byte("indx"), got.sig[:18], sum[:]))
	if !bytes.Equal(got.sig[2:18], key.apkID()) || !ecdsa.VerifyASN1(&key.apk.PublicKey, signed[:], got.sig[18:]) {
		t.Error("packages.adb is not signed by the key")
	}
}

func TestATranslationIsWhatLuCIsOwnToolMakes(t *testing.T) {
	po, err1 := os.ReadFile("testdata/words.po")
	want, err2 := os.ReadFile("testdata/words.lmo") // by LuCI's po2lmo
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	got, err := LMO(string(po))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n%x\nwant\n%x", err, got, want)
	}
	if _, err := LMO("msgid \"a\"\nmsgstr[10] \"b\"\n"); err == nil {
		t.Error("eleven plural forms")
	}
}

func TestEveryArchitectureHasItsProgramAndMakeBuildsIt(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(treeDir, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	built := strings.Fields(string(regexp.MustCompile(`(?m)^TARGETS +:= (.*)$`).FindSubmatch(makefile)[1]) + " " +
		string(regexp.MustCompile(`(?m)^PACKED +:= \$\(TARGETS\) (.*)$`).FindSubmatch(makefile)[1]))
	needed := slices.Compact(slices.Sorted(maps.Values(Targets)))
	slices.Sort(built)
	if !slices.Equal(built, needed) || len(Targets) != 12 {
		t.Errorf("%d architectures run %v, make builds %v", len(Targets), needed, built)
	}
}

func TestTheDocumentNamesEveryArchitectureAndCommand(t *testing.T) {
	text, err1 := os.ReadFile(filepath.Join(treeDir, "docs/install.md"))
	script, err2 := os.ReadFile(filepath.Join(treeDir, "openwrt-feed/hawser/files/hawser.init"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for arch := range Targets {
		if !strings.Contains(string(text), "`"+arch+"`") {
			t.Errorf("docs/install.md does not name %s", arch)
		}
	}
	for _, command := range regexp.MustCompile(`(?m)^extra_command (\w+)`).FindAllSubmatch(script, -1) {
		if !strings.Contains(string(text), "| `/etc/init.d/hawser "+string(command[1])+"` |") {
			t.Errorf("docs/install.md does not name %s", command[1])
		}
	}
}

func TestTheProgramSaysThePackagesVersion(t *testing.T) {
	version, err := os.ReadFile(filepath.Join(treeDir, "build/version"))
	if err != nil {
		t.Fatalf("%v (make cross writes it)", err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(treeDir, "build/hawser-amd64"), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), strings.TrimSpace(string(version))) {
		t.Errorf("%v: %s, the packages are of %s", err, out, version)
	}
	if !regexp.MustCompile(`^\d+(\.\d+)*(_[a-z]+\d+)?-r\d+\n$`).Match(version) {
		t.Errorf("%q is no version that opkg and apk compare", version)
	}
}

func TestPackagesFitIntoFlash(t *testing.T) {
	program, err := os.ReadFile(filepath.Join(treeDir, "build/hawser-mipsle"))
	if err != nil {
		t.Fatalf("%v (make cross builds it)", err)
	}
	p := with(t, "mipsel_24kc", "1.2.3-r1", program)
	ipk, apk, _ := both(t, p)
	t.Logf("hawser for mipsel_24kc: .ipk %d, .apk %d, installed %d bytes; budget %d and 6500000", len(ipk), len(apk), size(p.Files), budget)
	if len(ipk) > limit || len(apk) > limit {
		t.Errorf("more than %d bytes", limit)
	}
	pages := luci(t)
	ipk, apk, _ = both(t, pages)
	t.Logf("luci-app-hawser: .ipk %d, .apk %d bytes of %d; budget 40000", len(ipk), len(apk), size(pages.Files))
	if len(ipk) > 40_000 || len(apk) > 40_000 {
		t.Errorf("luci-app-hawser has more than 40000 bytes: %d, %d", len(ipk), len(apk))
	}
}
