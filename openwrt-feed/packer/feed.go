package packer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Entry is what an index of apk's says of a package.
type Entry struct {
	pkg       Package
	identity  []byte
	installed int
	size      int
}

// APKIndex is packages.adb, the index of one directory, signed. The entries
// are in the order of their names.
func APKIndex(entries []Entry, key *Key) ([]byte, error) {
	a := newADB()
	var all []value
	for _, e := range entries {
		info := e.pkg.info(a, e.installed)
		info[infoHashes] = a.blob(e.identity)
		info[infoFileSize] = a.int(uint64(e.size))
		all = append(all, a.object(info))
	}
	a.root(a.object(map[int]value{indexDescription: a.text("Hawser"), indexPackages: a.array(all)}))
	file, err := a.file(schemaIndex, key)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return compress(file)
}

// OPKGIndex is the text of Packages: of each package its control fields, and
// which file it is.
func OPKGIndex(packages []Package, files [][]byte) []byte {
	var b bytes.Buffer
	for i, p := range packages {
		head, description, _ := strings.Cut(p.Control(), "Description: ")
		fmt.Fprintf(&b, "%sFilename: %s\nSize: %d\nSHA256sum: %x\nDescription: %s\n",
			head, p.FileName("ipk"), len(files[i]), sha256.Sum256(files[i]), description)
	}
	return b.Bytes()
}

// WriteFeed lays the packages of one architecture out below dir, for both
// kinds of package manager:
//
//	dir/opkg/ARCH/*.ipk Packages Packages.gz Packages.sig    dir/opkg/hawser.pub
//	dir/apk/ARCH/*.apk packages.adb                          dir/apk/hawser.pem
func WriteFeed(dir, arch string, packages []Package, key *Key) error {
	var ipks [][]byte
	var entries []Entry
	files := map[string][]byte{}
	for _, p := range packages {
		ipk, err := p.IPK()
		if err != nil {
			return err
		}
		apk, entry, err := p.APK()
		if err != nil {
			return err
		}
		ipks, entries = append(ipks, ipk), append(entries, entry)
		files[filepath.Join("opkg", arch, p.FileName("ipk"))] = ipk
		files[filepath.Join("apk", arch, p.FileName("apk"))] = apk
	}
	index := OPKGIndex(packages, ipks)
	packed, err := zip(index)
	if err != nil {
		return err
	}
	adb, err := APKIndex(entries, key)
	if err != nil {
		return err
	}
	public, err := key.APKPublic()
	if err != nil {
		return err
	}
	files[filepath.Join("opkg", arch, "Packages")] = index
	files[filepath.Join("opkg", arch, "Packages.gz")] = packed
	files[filepath.Join("opkg", arch, "Packages.sig")] = key.signOPKG(index)
	files[filepath.Join("opkg", opkgPublic)] = key.OPKGPublic()
	files[filepath.Join("apk", arch, "packages.adb")] = adb
	files[filepath.Join("apk", apkPublic)] = public
	return write(dir, files)
}

// WritePackages writes the packages in both kinds into dir/ARCH.
func WritePackages(dir string, packages []Package) error {
	files := map[string][]byte{}
	for _, p := range packages {
		ipk, err := p.IPK()
		if err != nil {
			return err
		}
		apk, _, err := p.APK()
		if err != nil {
			return err
		}
		files[filepath.Join(p.Arch, p.FileName("ipk"))] = ipk
		files[filepath.Join(p.Arch, p.FileName("apk"))] = apk
	}
	return write(dir, files)
}

// write puts files below dir, each whole or not at all.
func write(dir string, files map[string][]byte) error {
	var errs []error
	for name, content := range files {
		to := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(to), 0o755)
		if err == nil {
			err = os.WriteFile(to+".new", content, 0o644)
		}
		if err == nil {
			err = os.Rename(to+".new", to)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func zip(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
