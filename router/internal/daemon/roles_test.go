package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/route"
)

// role makes the test binary play a part in a scene: a namespace belongs to a
// process, so router and nodes are processes of their own.
const role = "HAWSER_DAEMON_TEST_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "router":
		err = playRouter(os.Args[1], os.Args[2], len(os.Args) > 3)
	case "router without MD5":
		if err = lessen(withoutMD5()); err == nil {
			err = playRouter(os.Args[1], os.Args[2], false)
		}
	case "router that loses netlink":
		lost := make(chan os.Signal, 1)
		signal.Notify(lost, syscall.SIGUSR1)
		go func() {
			<-lost
			fmt.Fprintln(os.Stderr, lostNetlink, lessen(withoutNetlink()))
		}()
		err = playRouter(os.Args[1], os.Args[2], false)
	case "node":
		err = playNode(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lostNetlink is what a router says once it can send nothing to the kernel.
const lostNetlink = "netlink is lost:"

// playRouter is `hawser run -c config --socket socket`.
func playRouter(config, socket string, withdraw bool) error {
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	d := New(Options{ConfigFile: config, Socket: socket, Log: log, Level: level, WithdrawOnExit: withdraw})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			d.Reload()
		}
	}()
	return d.Run(ctx)
}

// playNode is a speaker at address own that dials the router and announces what
// the lines of a file say: a prefix, and a next hop if it is not the node.
func playNode(own, router, asn, file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	as, err := strconv.ParseUint(asn, 10, 32)
	if err != nil {
		return err
	}
	s := bgp.New(bgp.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	err = s.SetPeers([]bgp.Peer{{
		Settings: bgp.Settings{
			Name: "router", LocalASN: uint32(as), RouterID: netip.MustParseAddr(own), PeerASN: bgp.ASNRule{Any: true},
			HoldTime: 30 * time.Second, LocalAddress: netip.MustParseAddr(own), ConnectRetry: time.Second,
		},
		Address: netip.MustParseAddr(router),
	}}, nil)
	if err != nil {
		return err
	}
	go func() {
		for range s.Events() {
		}
	}()
	go follow(ctx, file, s)
	return s.Run(ctx)
}

// follow announces what the file says whenever it says something else.
func follow(ctx context.Context, file string, s *bgp.Speaker) {
	said := "nothing yet"
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(file)
		if err == nil && string(text) != said {
			said = string(text)
			s.Announce(announcements(said))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func announcements(text string) []bgp.Announcement {
	var all []bgp.Announcement
	self := &route.Attributes{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		attrs := self
		if len(words) > 1 {
			attrs = &route.Attributes{NextHop: netip.MustParseAddr(words[1])}
		}
		all = append(all, bgp.Announcement{Route: route.Route{Prefix: netip.MustParsePrefix(words[0]), Attributes: attrs}})
	}
	return all
}
