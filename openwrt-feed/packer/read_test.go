package packer

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
)

// untar reads a gzipped tar file. All in it must be root's.
func untar(t *testing.T, packed []byte) (headers []tar.Header, contents map[string][]byte) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	contents = map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || !strings.HasPrefix(h.Name, "./") {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers, contents[h.Name[1:]] = append(headers, *h), content
	}
}

// ipk are the parts of such a package.
type ipk struct {
	data    []tar.Header
	content map[string][]byte // by path
	control map[string][]byte // by name
}

func readIPK(t *testing.T, packed []byte) ipk {
	t.Helper()
	_, outer := untar(t, packed)
	if string(outer["/debian-binary"]) != "2.0\n" {
		t.Errorf("debian-binary: %q", outer["/debian-binary"])
	}
	var p ipk
	p.data, p.content = untar(t, outer["/data.tar.gz"])
	_, control := untar(t, outer["/control.tar.gz"])
	p.control = map[string][]byte{}
	for name, text := range control {
		p.control[strings.TrimPrefix(name, "/")] = text
	}
	return p
}

// tree reads the values that adb wrote; it is written from the description of
// the form, not from adb.go.
type tree []byte

func (b tree) word(at uint32) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

// slots are an object's fields or an array's items, from 1.
func (b tree) slots(v uint32) []uint32 {
	if v == 0 {
		return make([]uint32, 32)
	}
	at := v & 0x0fffffff
	n := b.word(at)
	all := make([]uint32, max(n, 32))
	for i := uint32(1); i < n; i++ {
		all[i] = b.word(at + 4*i)
	}
	return all
}

func (b tree) items(v uint32) []uint32 {
	if v == 0 {
		return nil
	}
	return b.slots(v)[1:b.word(v&0x0fffffff)]
}

func (b tree) blob(v uint32) []byte {
	at := v & 0x0fffffff
	switch v >> 28 {
	case 0x8:
		return b[at+1:][:b[at]]
	case 0x9:
		return b[at+2:][:binary.LittleEndian.Uint16(b[at:])]
	case 0xa:
		return b[at+4:][:b.word(at)]
	}
	return nil
}

func (b tree) number(v uint32) uint64 {
	at := v & 0x0fffffff
	switch v >> 28 {
	case 0x1:
		return uint64(at)
	case 0x2:
		return uint64(b.word(at))
	}
	return 0
}

// apk are the parts of such a file.
type apk struct {
	schema string
	tree   tree
	sig    []byte
	data   [][]byte
}

func readAPK(t *testing.T, packed []byte) apk {
	t.Helper()
	rest, ok := bytes.CutPrefix(packed, []byte("ADBd"))
	if !ok {
		t.Fatalf("begins with %q", packed[:4])
	}
	file, err := io.ReadAll(flate.NewReader(bytes.NewReader(rest)))
	if err != nil {
		t.Fatal(err)
	}
	if string(file[:4]) != "ADB." {
		t.Fatalf("holds %q", file[:4])
	}
	p := apk{schema: string(file[4:8])}
	for at := 8; at < len(file); at = (at + 7) &^ 7 {
		head := binary.LittleEndian.Uint32(file[at:])
		block := file[at+4 : at+int(head&0x3fffffff)]
		switch head >> 30 {
		case 0:
			p.tree = block
		case 1:
			p.sig = block
		case 2:
			p.data = append(p.data, block)
		}
		at += int(head & 0x3fffffff)
	}
	return p
}

// files are those of an apk, with what the data blocks hold.
func (p apk) files(t *testing.T) []File {
	t.Helper()
	blocks := map[[2]uint32][]byte{}
	for _, d := range p.data {
		blocks[[2]uint32{binary.LittleEndian.Uint32(d), binary.LittleEndian.Uint32(d[4:])}] = d[8:]
	}
	var all []File
	root := p.tree.slots(p.tree.word(4))
	for i, dir := range p.tree.items(root[2]) {
		d := p.tree.slots(dir)
		for j, file := range p.tree.items(d[3]) {
			f := p.tree.slots(file)
			one := File{
				Path:    path.Join("/", string(p.tree.blob(d[1])), string(p.tree.blob(f[1]))),
				Mode:    fs.FileMode(p.tree.number(p.tree.slots(f[2])[1])),
				Content: blocks[[2]uint32{uint32(i + 1), uint32(j + 1)}],
			}
			if target := p.tree.blob(f[6]); target != nil {
				one.Link = string(target[2:])
			}
			if uint64(len(one.Content)) != p.tree.number(f[3]) && one.Link == "" {
				t.Errorf("%s: %d bytes, not %d", one.Path, len(one.Content), p.tree.number(f[3]))
			}
			all = append(all, one)
		}
	}
	return all
}
