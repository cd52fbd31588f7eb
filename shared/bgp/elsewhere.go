package bgp

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Network is another way to reach others than this machine's sockets, for
// rehearsals of many machines in one process. Nothing is protected on it: a
// peer whose settings ask for a password or for TTL security has no session.
//
// Connections have *net.TCPAddr at both ends. Their errors are read as those of
// sockets are: io.EOF is a peer that has closed, syscall.EHOSTUNREACH a host
// that is not there.
type Network interface {
	// Dial connects from local, or from wherever it likes when that is zero.
	Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	Listen(at netip.AddrPort) (net.Listener, error)
	// Sibling is an address of family f on the interface that has local.
	Sibling(local netip.Addr, f Family) (netip.Addr, error)
}

// errBare is the answer of a Network to whom it cannot protect.
var errBare = errors.New("this network protects nothing, and a password or TTL security is set")

// elsewhere makes a Network do as a network.
type elsewhere struct{ Network }

// bareListener has nothing to ask of those who come.
type bareListener struct{ net.Listener }

func (bareListener) guard(ward) map[netip.Prefix]error { return nil }

func (e elsewhere) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, p protection) (net.Conn, error) {
	if err := e.secure(nil, p); err != nil {
		return nil, err
	}
	return e.Dial(ctx, local, remote)
}

func (e elsewhere) listen(_ context.Context, at netip.AddrPort, _ ward) (listener, error) {
	l, err := e.Listen(at)
	if err != nil {
		return nil, err
	}
	return bareListener{l}, nil
}

func (elsewhere) secure(_ net.Conn, p protection) error {
	if p.password.IsSet() || p.least > 0 {
		return errBare
	}
	return nil
}

func (elsewhere) signing() error          { return errBare }
func (elsewhere) dropped() (drops, error) { return drops{}, nil }

func (e elsewhere) sibling(local netip.Addr, f Family) (netip.Addr, error) {
	return e.Sibling(local, f)
}
