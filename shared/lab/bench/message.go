package bench

import (
	"encoding/binary"
	"net/netip"
)

// BGP messages as bytes (RFC 4271 §4).
const (
	typeOpen         = 1
	typeUpdate       = 2
	typeNotification = 3
	typeKeepalive    = 4

	headerSize  = 19
	maxMessage  = 4096
	prefix32    = 5 // one NLRI of 32 bits: length and address
	holdSeconds = 90
)

func message(typ byte, body []byte) []byte {
	m := make([]byte, 0, headerSize+len(body))
	for range 16 {
		m = append(m, 0xff)
	}
	m = binary.BigEndian.AppendUint16(m, uint16(headerSize+len(body)))
	return append(append(m, typ), body...)
}

func keepalive() []byte { return message(typeKeepalive, nil) }

// open offers IPv4 unicast and four-octet AS numbers, and no graceful restart:
// a sender that goes is to be forgotten at once.
func open(asn uint32, id netip.Addr) []byte {
	capabilities := []byte{1, 4, 0, 1, 0, 1, 65, 4}
	capabilities = binary.BigEndian.AppendUint32(capabilities, asn)
	b := []byte{4}
	b = binary.BigEndian.AppendUint16(b, uint16(asn))
	b = binary.BigEndian.AppendUint16(b, holdSeconds)
	b = append(b, id.AsSlice()...)
	b = append(b, byte(2+len(capabilities)), 2, byte(len(capabilities)))
	return message(typeOpen, append(b, capabilities...))
}

// announcement is every UPDATE that tells the prefixes, packed as full as
// messages may be, and an End-of-RIB (RFC 4724 §2).
func announcement(asn uint32, nextHop netip.Addr, prefixes []netip.Addr) []byte {
	attributes := []byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1}
	attributes = binary.BigEndian.AppendUint32(attributes, asn)
	attributes = append(append(attributes, 0x40, 3, 4), nextHop.AsSlice()...)
	head := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(attributes)))
	head = append(head, attributes...)
	var all []byte
	for part := range parts(prefixes, maxMessage-headerSize-len(head)) {
		all = append(all, message(typeUpdate, append(head[:len(head):len(head)], part...))...)
	}
	return append(all, endOfRIB()...)
}

func endOfRIB() []byte { return message(typeUpdate, []byte{0, 0, 0, 0}) }

// withdrawal is every UPDATE that takes the prefixes back.
func withdrawal(prefixes []netip.Addr) []byte {
	var all []byte
	for part := range parts(prefixes, maxMessage-headerSize-4) {
		body := binary.BigEndian.AppendUint16(nil, uint16(len(part)))
		all = append(all, message(typeUpdate, append(append(body, part...), 0, 0))...)
	}
	return all
}

// parts yields the prefixes as NLRI in pieces of at most size bytes.
func parts(prefixes []netip.Addr, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		var part []byte
		for _, p := range prefixes {
			if len(part)+prefix32 > size {
				if !yield(part) {
					return
				}
				part = nil
			}
			part = append(append(part, 32), p.AsSlice()...)
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}
