package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

var native = binary.NativeEndian

const (
	headerLen = 16
	// patience with the kernel, which answers before a send returns; only a
	// lost answer lets it run out.
	patience = 10 * time.Second
	// dumpTries is how often an interrupted dump is begun again.
	dumpTries = 20
)

// bigEndian is what a BPF load makes of a number in native order.
func bigEndian(n uint32) uint32 {
	var b [4]byte
	native.PutUint32(b[:], n)
	return binary.BigEndian.Uint32(b[:])
}

// exchange sends the messages in one go and returns the error of each. The
// second result is a failure of the conversation itself, after which nothing is
// known of any message.
func (k *Kernel) exchange(messages []netlink.Message) ([]error, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last := len(messages) - 1
	messages[last].Header.Flags |= netlink.Acknowledge
	sent, err := k.conn.SendMessages(messages)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(sent))
	for done := false; !done; {
		err := k.receive(func(h header, body []byte) {
			i := int32(h.sequence - sent[0].Header.Sequence)
			if h.kind != unix.NLMSG_ERROR || i < 0 || int(i) > last {
				return
			}
			errs[i] = answer(h, body)
			done = done || int(i) == last
		})
		if err != nil {
			return nil, err
		}
	}
	return errs, nil
}

// errInterrupted is a dump during which the table changed.
var errInterrupted = errors.New("the table kept changing while it was read")

// dump calls each for every message of the answer to m. A dump that was
// interrupted by a change is begun again, which reset is told of.
func (k *Kernel) dump(m netlink.Message, reset func(), each func(kind uint16, body []byte) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m.Header.Flags = netlink.Request | netlink.Dump
	return k.dumpWhole(m, reset, each)
}

// ask calls each for the answer to a question about one thing.
func (k *Kernel) ask(m netlink.Message, each func(kind uint16, body []byte) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m.Header.Flags = netlink.Request | netlink.Acknowledge
	return k.dumpOnce(m, each)
}

func (k *Kernel) dumpWhole(m netlink.Message, reset func(), each func(kind uint16, body []byte) error) error {
	for range dumpTries {
		reset()
		err := k.dumpOnce(m, each)
		if !errors.Is(err, errInterrupted) {
			return err
		}
	}
	return errInterrupted
}

func (k *Kernel) dumpOnce(m netlink.Message, each func(kind uint16, body []byte) error) error {
	sent, err := k.conn.Send(m)
	if err != nil {
		return err
	}
	var failure error
	for done := false; !done; {
		err := k.receive(func(h header, body []byte) {
			if h.sequence != sent.Header.Sequence {
				return
			}
			if h.flags&unix.NLM_F_DUMP_INTR != 0 && failure == nil {
				failure = errInterrupted
			}
			switch h.kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				done = true
				if err := answer(h, body); err != nil {
					failure = err
				}
			default:
				if failure == nil {
					failure = each(h.kind, body)
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return failure
}

// header is struct nlmsghdr, as far as it is of use.
type header struct {
	kind, flags uint16
	sequence    uint32
}

// receive reads one datagram and calls each for its messages.
func (k *Kernel) receive(each func(header, []byte)) error {
	if err := k.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var n int
	var failure error
	err := k.raw.Read(func(fd uintptr) bool {
		for {
			n, _, failure = unix.Recvfrom(int(fd), k.buf, 0)
			if !errors.Is(failure, unix.EINTR) {
				return !errors.Is(failure, unix.EAGAIN)
			}
		}
	})
	if err := errors.Join(err, failure); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	for b := k.buf[:n]; len(b) >= headerLen; {
		length := int(native.Uint32(b))
		if length < headerLen || length > len(b) {
			return fmt.Errorf("receive: a message of %d bytes in %d", length, len(b))
		}
		each(header{native.Uint16(b[4:]), native.Uint16(b[6:]), native.Uint32(b[8:])}, b[headerLen:length])
		b = b[min(align(length), len(b)):]
	}
	return nil
}

// Error is a refusal in the kernel's own words, where it has some.
type Error struct {
	Errno unix.Errno
	Text  string // the extended acknowledgement's, such as "Nexthop has invalid gateway."
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Errno.Error()
	}
	return e.Text + " (" + e.Errno.Error() + ")"
}

// Unwrap gives the error number.
func (e *Error) Unwrap() error { return e.Errno }

// answer is the error that a message of kind NLMSG_ERROR or NLMSG_DONE brings:
// nil when it says that all is well. The sockets ask for capped answers, so the
// attributes follow the header of the question.
func answer(h header, body []byte) error {
	if len(body) < 4 {
		return nil
	}
	code := int32(native.Uint32(body))
	if code >= 0 {
		return nil
	}
	e := &Error{Errno: unix.Errno(-code)}
	attributes := body[4:]
	if h.kind == unix.NLMSG_ERROR {
		attributes = attributes[min(headerLen, len(attributes)):]
	}
	if h.flags&unix.NLM_F_ACK_TLVS != 0 {
		for kind, value := range each(attributes) {
			if kind == unix.NLMSGERR_ATTR_MSG {
				e.Text = string(bytes.TrimRight(value, ".\x00"))
			}
		}
	}
	return e
}
