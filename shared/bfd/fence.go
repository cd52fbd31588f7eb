package bfd

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// A fence is a filter in the kernel (BPF) that keeps a flood from the socket, so
// that it costs us no time and takes no room from packets that matter. What
// passes is looked at as ever: the fence is never the one who decides.

// Where a socket's filter sees what: a datagram begins with UDP's header.
const (
	udpHeader      = 8
	networkHeader  = 0xfff00000      // SKF_NET_OFF
	randomNumber   = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM
	wholePacket    = 1<<18 - 1       // bytes that are let in
	sampleStrays   = 256             // of which one is let in, to be counted by reason
	sampleUnjoined = 64              // of packets that may begin a session one is let in
	loadWord       = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	loadByte       = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
	jumpEqual      = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpMore       = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_X
	jumpAtLeast    = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
)

// filter is a program under construction. Each step either goes on or skips.
type filter []unix.SockFilter

func (f *filter) add(code uint16, k uint32) {
	*f = append(*f, unix.SockFilter{Code: code, K: k})
}

// unless goes on behind the next n instructions if the test holds.
func (f *filter) unless(test uint16, k uint32, n uint8) {
	*f = append(*f, unix.SockFilter{Code: test, Jt: n, K: k})
}

// only goes on, or behind the next n instructions if the test does not hold.
func (f *filter) only(test uint16, k uint32, n uint8) {
	*f = append(*f, unix.SockFilter{Code: test, Jf: n, K: k})
}

func (f *filter) accept() { f.add(unix.BPF_RET|unix.BPF_K, wholePacket) }

// sample accepts one packet of n, a power of two: three instructions and one.
func (f *filter) sample(n uint32) {
	f.add(loadWord, randomNumber)
	f.add(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, n-1)
	f.only(jumpEqual, 0, 1)
	f.accept()
}

const sampleLength = 4

// stray ends the program for a packet that is nobody's.
func (f *filter) stray() {
	f.sample(sampleStrays)
	f.add(unix.BPF_RET|unix.BPF_K, 0)
}

const strayLength = sampleLength + 1

// from goes on if the packet is from an address, else behind the next n
// instructions, too.
func (f *filter) from(a netip.Addr, n int) {
	words := words(a)
	at := uint32(networkHeader + 12)
	if a.Is6() {
		at = networkHeader + 8
	}
	for i, w := range words {
		left := 2 * (len(words) - 1 - i)
		f.add(loadWord, at+uint32(4*i))
		f.only(jumpEqual, w, uint8(left+n))
	}
}

// words of an address, as the network sends them.
func words(a netip.Addr) (all []uint32) {
	for b := a.AsSlice(); len(b) > 0; b = b[4:] {
		all = append(all, binary.BigEndian.Uint32(b))
	}
	return all
}

// fenceOf is the program for one of the sockets, and that which stops only what
// cannot be a neighbour's, for when the kernel has no room for all sessions.
func fenceOf(rules []rule, multihop, v6 bool) (whole, general filter) {
	general.shape(multihop, v6)
	whole = slices.Clone(general)
	general.accept()
	whole.add(loadWord, udpHeader+8) // your discriminator
	for _, r := range rules {
		var own filter
		own.from(r.remote, 1)
		own.accept()
		own.stray()
		whole.only(jumpEqual, r.mine, uint8(len(own)))
		whole = append(whole, own...)
	}
	whole.unless(jumpEqual, 0, strayLength)
	whole.stray()
	whole.add(loadByte, udpHeader+1)
	whole.only(jumpAtLeast, uint32(Init)<<6, strayLength)
	whole.stray()
	for _, r := range rules {
		whole.begins(r)
	}
	whole.stray()
	return whole, general
}

// shape stops what is no control packet, and what was routed.
func (f *filter) shape(multihop, v6 bool) {
	f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_LEN, 0)
	f.unless(jumpAtLeast, udpHeader+packetLength, strayLength)
	f.stray()
	f.add(loadByte, udpHeader)
	f.add(unix.BPF_ALU|unix.BPF_RSH|unix.BPF_K, 5)
	f.unless(jumpEqual, version, strayLength)
	f.stray()
	f.add(loadByte, udpHeader+1)
	f.add(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, flagAuth|flagMulti)
	f.unless(jumpEqual, 0, strayLength)
	f.stray()
	f.add(loadByte, udpHeader+2) // multiplier
	f.unless(jumpAtLeast, 1, strayLength)
	f.stray()
	f.add(loadWord, udpHeader+4) // its own discriminator
	f.unless(jumpAtLeast, 1, strayLength)
	f.stray()
	f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_LEN, 0)
	f.add(unix.BPF_MISC|unix.BPF_TAX, 0)
	f.add(loadByte, udpHeader+3) // length
	f.add(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_K, udpHeader)
	f.only(jumpMore, 0, strayLength)
	f.stray()
	if multihop {
		return
	}
	ttl := uint32(networkHeader + 8)
	if v6 {
		ttl = networkHeader + 7
	}
	f.add(loadByte, ttl)
	f.unless(jumpEqual, hops, strayLength)
	f.stray()
}

// begins lets in a packet that knows no discriminator of ours: some of those
// that may begin a session, and of a session that is up those of its neighbour.
func (f *filter) begins(r rule) {
	var then filter
	if r.up {
		then.add(loadWord, udpHeader+4) // my discriminator
		then.only(jumpEqual, r.theirs, 1)
		then.accept()
	} else {
		then.sample(sampleUnjoined)
	}
	f.from(r.remote, len(then))
	*f = append(*f, then...)
}
