package packer

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

// adb writes the typed values of apk's files: each is a word, four bits of type
// and 28 of value, or of the place where the value stands. What stands there
// once is not written a second time.
type adb struct {
	body   []byte
	placed map[string]uint32
}

// value is such a word; 0 is nothing.
type value uint32

const (
	typeInt    value = 0x10000000
	typeInt32  value = 0x20000000
	typeInt64  value = 0x30000000
	typeBlob8  value = 0x80000000
	typeBlob16 value = 0x90000000
	typeBlob32 value = 0xa0000000
	typeArray  value = 0xd0000000
	typeObject value = 0xe0000000
)

// header is the version of the form, 0, and the word of the root.
const header = 8

func newADB() *adb {
	return &adb{body: make([]byte, header), placed: map[string]uint32{}}
}

// put places data at a multiple of align.
func (a *adb) put(data []byte, align int) value {
	if at, ok := a.placed[string(data)]; ok && int(at)%align == 0 {
		return value(at)
	}
	for len(a.body)%align != 0 {
		a.body = append(a.body, 0)
	}
	at := uint32(len(a.body))
	a.placed[string(data)] = at
	a.body = append(a.body, data...)
	return value(at)
}

func (a *adb) blob(data []byte) value {
	switch n := len(data); {
	case n == 0:
		return 0
	case n <= 0xff:
		return typeBlob8 | a.put(append([]byte{byte(n)}, data...), 1)
	case n <= 0xffff:
		return typeBlob16 | a.put(append(binary.LittleEndian.AppendUint16(nil, uint16(n)), data...), 2)
	default:
		return typeBlob32 | a.put(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), data...), 4)
	}
}

func (a *adb) text(s string) value { return a.blob([]byte(s)) }

func (a *adb) int(n uint64) value {
	switch {
	case n < 1<<28:
		return typeInt | value(n)
	case n < 1<<32:
		return typeInt32 | a.put(binary.LittleEndian.AppendUint32(nil, uint32(n)), 4)
	default:
		return typeInt64 | a.put(binary.LittleEndian.AppendUint64(nil, n), 4)
	}
}

// object has its fields by number, from 1; map entries of 0 are left out.
func (a *adb) object(fields map[int]value) value {
	last := 0
	for i, v := range fields {
		if v != 0 {
			last = max(last, i)
		}
	}
	slots := make([]value, last)
	for i, v := range fields {
		if v != 0 {
			slots[i-1] = v
		}
	}
	return a.slots(typeObject, slots)
}

func (a *adb) array(items []value) value { return a.slots(typeArray, items) }

// slots is an object's or array's body: their number, itself counted, and they.
func (a *adb) slots(typ value, slots []value) value {
	if len(slots) == 0 {
		return 0
	}
	data := binary.LittleEndian.AppendUint32(nil, uint32(len(slots)+1))
	for _, v := range slots {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	return typ | a.put(data, 4)
}

func (a *adb) root(v value) { binary.LittleEndian.PutUint32(a.body[4:], uint32(v)) }

// identity is what an index names a package by.
func (a *adb) identity() []byte {
	sum := sha256.Sum256(a.body)
	return sum[:]
}

// What a file holds, by its schema.
const (
	schemaPackage = "pckg"
	schemaIndex   = "indx"
)

// Kinds of blocks.
const (
	blockADB  = 0
	blockSig  = 1
	blockData = 2
)

func appendBlock(to []byte, kind uint32, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	to = binary.LittleEndian.AppendUint32(to, kind<<30|uint32(4+len(content)))
	to = append(to, content...)
	for len(to)%8 != 0 {
		to = append(to, 0)
	}
	return to
}

// file is a whole file but for its data blocks, signed when key is not nil.
func (a *adb) file(schema string, key *Key) ([]byte, error) {
	out := appendBlock([]byte("ADB."+schema), blockADB, a.body)
	if key == nil {
		return out, nil
	}
	sum := sha512.Sum512(a.body)
	// Version 0 of signatures, digest 4: SHA-512.
	const sha512Digest = 4
	head := append([]byte{0, sha512Digest}, key.apkID()...)
	sig, err := key.signAPK(bytes.Join([][]byte{[]byte(schema), head, sum[:]}, nil))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return appendBlock(out, blockSig, head, sig), nil
}

// compress is the file as it is stored: OpenWrt's apk knows deflate only.
func compress(file []byte) ([]byte, error) {
	b := bytes.NewBufferString("ADBd")
	z, err := flate.NewWriter(b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(file); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
