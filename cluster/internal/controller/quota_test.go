package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

func TestAServiceThatComesAndGoesForAnHourDoesNotFloodTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := harbour()
		c, _ := worker(f)
		look := func(endpoints []model.Endpoint) {
			f.snapshot.Services[0].Endpoints = endpoints
			c.pass(t.Context())
			for range 3 {
				c.tell()
				time.Sleep(tellEvery)
			}
		}
		there := f.snapshot.Services[0].Endpoints
		for range 600 {
			look(there)
			look(nil)
		}
		if n := len(f.events); n < 60 || n > 60+burst+1 {
			t.Errorf("%d events in an hour", n)
		}
		look(there)
		for range 120 {
			c.tell()
			time.Sleep(tellEvery)
		}
		expect(t, "the last word", f.events[len(f.events)-1:], "Service web Announced: from 2 of 2 nodes")
		n := len(f.events)
		time.Sleep(burst * eventEvery)
		c.tell()
		if len(f.events) != n || len(c.quota) != 0 {
			t.Errorf("it has said %q since, and remembers %v", f.events[n:], c.quota)
		}
	})
}

func TestOfASessionThatFlapsTheLastWordIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := harbour()
		c, r := worker(f)
		c.pass(t.Context())
		f.events = nil
		r.status = []bgp.PeerStatus{{PeerID: bgp.PeerID{Name: "router", Address: f.snapshot.Peers[0].Address}}}
		for range 200 {
			r.status[0].State = bgp.Idle
			for range 7 {
				c.tellSessions(time.Now())
				time.Sleep(tellEvery)
			}
			r.status[0].State = bgp.StateEstablished
			c.tellSessions(time.Now())
		}
		if n := len(f.events); n < burst || n > burst+24 {
			t.Errorf("%d events in 24 minutes", n)
		}
		for range 120 {
			c.tellSessions(time.Now())
			time.Sleep(tellEvery)
		}
		expect(t, "the last word", f.events[len(f.events)-1:], "BGPPeer router SessionUp: session with node node1 is up")
	})
}
