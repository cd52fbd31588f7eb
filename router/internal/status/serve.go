package status

import (
	"bufio"
	"context"
	"io"
	"net"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
)

// reply is what to say to a request that makes sense.
func (s *Server) reply(r Request) Answer {
	switch {
	case r.Do == "clear":
		return s.clear(r)
	case r.Get == "snapshot":
		snapshot := s.snapshot(r.Routes)
		return Answer{Snapshot: snapshot}
	case r.Get == "overview":
		return Answer{Overview: &Overview{
			Status: digest(s.snapshot(false)), Routes: s.page(r.Pick), Events: s.events(r.After, r.Events), History: s.source.History(),
		}}
	case r.Get == "routes":
		p := s.page(r.Pick)
		return Answer{Routes: &p}
	case r.Get == "events":
		e := s.events(r.After, r.Events)
		return Answer{Events: &e}
	case r.Get == "history":
		h := s.source.History()
		return Answer{History: &h}
	}
	return Answer{Error: unknownGet(r.Get)}
}

func (s *Server) snapshot(routes bool) *Snapshot {
	snapshot := s.source.Snapshot(routes)
	snapshot.complete()
	return &snapshot
}

func (s *Server) page(p Pick) Page {
	page := s.source.Routes(p)
	list(&page.Routes)
	for i := range page.Routes {
		list(&page.Routes[i].Paths)
		list(&page.Routes[i].Installed)
	}
	return page
}

func (s *Server) events(after uint64, most int) Events {
	events, last := s.source.Journal().Since(after, most)
	return Events{Events: events, Last: last}
}

func (s *Server) clear(r Request) Answer {
	cleared, err := s.source.Clear(r.Peer, r.Soft)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	list(&cleared.Peers)
	list(&cleared.Unable)
	return Answer{Cleared: &cleared}
}

// follow tells the client every event from now on, until it leaves or does not
// keep up.
func (s *Server) follow(ctx context.Context, c net.Conn, lines *bufio.Scanner) {
	select {
	case s.follows <- struct{}{}:
		defer func() { <-s.follows }()
	default:
		send(c, Answer{Error: "too many follow already: try again"})
		return
	}
	f := s.source.Journal().Follow()
	defer f.Stop()
	e := s.events(0, 0)
	if err := send(c, Answer{Events: &e}); err != nil {
		return
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	defer func() {
		cancel()
		c.Close()
		<-gone
	}()
	go func() {
		defer close(gone)
		defer cancel()
		io.Copy(io.Discard, c) // whoever follows has nothing more to say
	}()
	s.tellOn(ctx, c, f)
}

func (s *Server) tellOn(ctx context.Context, c net.Conn, f *journal.Follower) {
	for {
		select {
		case e, open := <-f.Events():
			if !open {
				send(c, Answer{Error: "you did not read as fast as things happen: ask again"})
				return
			}
			if err := send(c, Answer{Event: &e}); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
