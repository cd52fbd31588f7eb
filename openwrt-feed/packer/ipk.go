package packer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// IPK packs p as opkg wants it.
func (p Package) IPK() ([]byte, error) {
	data, err := archive(p.sorted(), p.Made)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	control, err := archive(p.controlFiles(), p.Made)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return archive([]File{
		{Path: "/debian-binary", Mode: 0o644, Content: []byte("2.0\n")},
		{Path: "/data.tar.gz", Mode: 0o644, Content: data},
		{Path: "/control.tar.gz", Mode: 0o644, Content: control},
	}, p.Made)
}

// Control is the package's description as the index of a feed repeats it.
// Installed-Size counts bytes: opkg compares it with the free space.
func (p Package) Control() string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	field("Package", p.Name)
	field("Version", p.Version)
	field("Depends", strings.Join(p.Depends, ", "))
	field("Source", source)
	field("SourceName", p.Name)
	field("License", license)
	field("Section", p.Section)
	field("SourceDateEpoch", fmt.Sprint(p.Made.Unix()))
	field("URL", source)
	field("Maintainer", maintainer)
	field("Architecture", p.Arch)
	field("Installed-Size", fmt.Sprint(size(p.Files)))
	field("Description", p.Description)
	return b.String()
}

// controlFiles are what opkg keeps beside the package's name. The functions
// default_postinst and default_prerm enable, start and stop services, run
// uci-defaults, and then the -pkg scripts (OpenWrt, base-files).
func (p Package) controlFiles() []File {
	files := []File{
		{Path: "/control", Mode: 0o644, Content: []byte(p.Control())},
		script("/postinst", `[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0`, functions, "default_postinst $0 $@"),
		script("/prerm", functions, "default_prerm $0 $@"),
	}
	if c := p.conffiles(); c != "" {
		files = append(files, File{Path: "/conffiles", Mode: 0o644, Content: []byte(c)})
	}
	if p.PostInstall != "" {
		files = append(files, script("/postinst-pkg", p.PostInstall))
	}
	if p.PreRemove != "" {
		files = append(files, script("/prerm-pkg", p.PreRemove))
	}
	return files
}

// functions loads OpenWrt's shell functions, where there are any.
const functions = `[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh`

func script(path string, lines ...string) File {
	return File{Path: path, Mode: 0o755, Content: []byte("#!/bin/sh\n" + strings.Join(lines, "\n") + "\n")}
}

// archive is a gzipped tar file of root's, in the given order, names beginning
// with "./" and directories before what is in them.
func archive(files []File, made time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	add := func(h tar.Header, content []byte) {
		h.Name, h.ModTime, h.Format, h.Size = "."+h.Name, made, tar.FormatGNU, int64(len(content))
		if err == nil {
			err = w.WriteHeader(&h)
		}
		if err == nil {
			_, err = w.Write(content)
		}
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "/", Mode: 0o755}, nil)
	for _, d := range directories(files) {
		add(tar.Header{Typeflag: tar.TypeDir, Name: d + "/", Mode: 0o755}, nil)
	}
	for _, f := range files {
		if f.Link != "" {
			add(tar.Header{Typeflag: tar.TypeSymlink, Name: f.Path, Linkname: f.Link, Mode: 0o777}, nil)
			continue
		}
		add(tar.Header{Typeflag: tar.TypeReg, Name: f.Path, Mode: int64(f.Mode & fs.ModePerm)}, f.Content)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = z.Close()
	}
	return b.Bytes(), err
}
