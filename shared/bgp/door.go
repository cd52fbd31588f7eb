package bgp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	headerLen  = bgp.BGP_HEADER_LENGTH
	maxMessage = bgp.BGP_MAX_MESSAGE_LENGTH
	// readBuffer holds the messages that one read of the socket brings and
	// that one Update event may sum up.
	readBuffer = 16 << 10
	// maxExtended is the length of the longest message where both ends can
	// have such (RFC 8654).
	maxExtended = 65535
)

// minLength of each message type, header included (RFC 4271 §4, RFC 2918).
var minLength = map[byte]int{
	bgp.BGP_MSG_OPEN:          29,
	bgp.BGP_MSG_UPDATE:        23,
	bgp.BGP_MSG_NOTIFICATION:  21,
	bgp.BGP_MSG_KEEPALIVE:     headerLen,
	bgp.BGP_MSG_ROUTE_REFRESH: headerLen + 4,
}

// fixedLength says which types have no other length than the least.
func fixedLength(kind byte) bool {
	return kind == bgp.BGP_MSG_KEEPALIVE || kind == bgp.BGP_MSG_ROUTE_REFRESH
}

// door is the one way in for bytes from a peer. What it lets through has a
// sound header (RFC 4271 §6.1); only the body is still to be doubted.
type door struct {
	src     io.Reader
	r       *bufio.Reader
	longest int // message
}

func newDoor(r io.Reader) *door {
	return &door{src: r, r: bufio.NewReaderSize(r, readBuffer), longest: maxMessage}
}

// grow takes memory for the longest messages in the place of the old buffer;
// what that holds goes first.
func (d *door) grow() {
	had, _ := d.r.Peek(d.r.Buffered())
	d.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(had)), d.src), maxExtended)
}

// ready reports whether next will answer without reading from the connection.
func (d *door) ready() bool {
	have := d.r.Buffered()
	if have < headerLen {
		return false
	}
	head, _ := d.r.Peek(headerLen)
	length, err := checkHeader(head, d.longest)
	return err != nil || have >= length
}

// next returns the type and the body of the next message. The body is valid
// until the call after.
func (d *door) next() (kind byte, body []byte, err error) {
	head, err := d.r.Peek(headerLen)
	if err != nil {
		return 0, nil, err
	}
	length, err := checkHeader(head, d.longest)
	if err != nil {
		return 0, nil, err
	}
	if length > d.r.Size() {
		d.grow()
	}
	msg, err := d.r.Peek(length)
	if err != nil {
		return 0, nil, err
	}
	kind, body = msg[headerLen-1], msg[headerLen:]
	_, err = d.r.Discard(length)
	return kind, body, err
}

// checkHeader returns the length of the whole message.
func checkHeader(head []byte, longest int) (int, error) {
	for _, b := range head[:16] {
		if b != 0xff {
			return 0, faultf(codeHeader, headerNotSynchronized, nil, "the marker is not all ones: is this BGP?")
		}
	}
	length, kind := int(binary.BigEndian.Uint16(head[16:])), head[18]
	if kind == bgp.BGP_MSG_OPEN || kind == bgp.BGP_MSG_KEEPALIVE { // RFC 8654 §4
		longest = maxMessage
	}
	if length < headerLen || length > longest {
		return 0, badLength(head, "length %d is not within 19 to %d", length, longest)
	}
	least, known := minLength[kind]
	switch {
	case !known:
		return 0, faultf(codeHeader, headerBadType, []byte{kind}, "message type %d is unknown", kind)
	case length < least, length > least && fixedLength(kind):
		return 0, badLength(head, "length %d is wrong for message type %d", length, kind)
	}
	return length, nil
}

func badLength(head []byte, format string, args ...any) error {
	data := append([]byte(nil), head[16:18]...)
	return faultf(codeHeader, headerBadLength, data, format, args...)
}

// frame puts the header in front of a body.
func frame(kind byte, body []byte) []byte {
	msg := make([]byte, headerLen, headerLen+len(body))
	putHeader(msg, kind, headerLen+len(body))
	return append(msg, body...)
}

func putHeader(msg []byte, kind byte, length int) {
	for i := range 16 {
		msg[i] = 0xff
	}
	binary.BigEndian.PutUint16(msg[16:], uint16(length))
	msg[18] = kind
}

var keepaliveMessage = frame(bgp.BGP_MSG_KEEPALIVE, nil)
