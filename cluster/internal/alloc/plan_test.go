package alloc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

type story struct {
	name  string
	scene *scene
	want  string
}

// tell checks each story: the plan, and after "then" the plan that follows
// from it when it is carried out, until one changes nothing.
func tell(t *testing.T, stories []story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			p := New(s.scene.Snapshot)
			got := told(p)
			for snapshot := carriedOut(s.scene.Snapshot, p); ; snapshot = carriedOut(snapshot, p) {
				if p = New(snapshot); !moves(p) {
					break
				}
				got += "then\n" + told(p)
			}
			if d := cmp.Diff(strings.TrimPrefix(s.want, "\n"), got); d != "" {
				t.Error("want - got +\n" + d)
			}
		})
	}
}

func TestAServiceGetsAnAddress(t *testing.T) {
	tell(t, []story{
		{"the lowest free one", cluster(
			pool("a 192.0.2.0/24"),
			service("x", holds("192.0.2.0")), service("y", holds("192.0.2.2")), service("z")), `
d/x kept 192.0.2.0@a
d/y kept 192.0.2.2@a
d/z assigned 192.0.2.1@a | 192.0.2.1 from pool a
`},
		{"the lowest of all ranges, in whatever order they are written", cluster(
			pool("a 198.51.100.0/30 192.0.2.0/31"), service("x"), service("y"), service("z")), `
d/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/y assigned 192.0.2.1@a | 192.0.2.1 from pool a
d/z assigned 198.51.100.0@a | 198.51.100.0 from pool a
`},
		{"the older Service first, and of one age the first name", cluster(
			pool("a 192.0.2.0/31"),
			service("young"), service("old", func(s *model.Service) { s.Created = epoch }),
			service("aged", func(s *model.Service) { s.Created = epoch })), `
d/aged assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/old assigned 192.0.2.1@a | 192.0.2.1 from pool a
d/young failed | no IPv4 address: pool a: all 2 IPv4 addresses are in use
`},
		{"those holding before those waiting, however old", cluster(
			pool("a 192.0.2.0/31"),
			service("waiting"), service("other"), service("holding", holds("192.0.2.0"))), `
d/holding kept 192.0.2.0@a
d/other failed | no IPv4 address: pool a: all 2 IPv4 addresses are in use
d/waiting assigned 192.0.2.1@a | 192.0.2.1 from pool a
`},
		{"not one that ends in .0 or .255 where that is avoided", cluster(
			pool("a 192.0.2.255-192.0.3.1", avoidBuggy), service("x"), service("y")), `
d/x assigned 192.0.3.1@a | 192.0.3.1 from pool a
d/y failed | no IPv4 address: pool a: all 1 IPv4 addresses are in use
`},
		{"but IPv6 knows no such addresses", cluster(
			pool("a 2001:db8::/120", avoidBuggy), service("x", stack(model.SingleStack, model.IPv6))), `
d/x assigned 2001:db8::@a | 2001:db8:: from pool a
`},
		{"and it keeps such an address when the pool begins to avoid it", cluster(
			pool("a 192.0.2.0/24", avoidBuggy), service("x", holds("192.0.2.0"))), `
d/x kept 192.0.2.0@a
`},
		{"none before its families are known", cluster(
			pool("a 192.0.2.0/24"), service("x", stack("")), service("y", stack(""), holds("192.0.2.7"))), `
d/x failed | the Service has no cluster IP yet, so its families are unknown
d/y failed 192.0.2.7@a | the Service has no cluster IP yet, so its families are unknown; 192.0.2.7 stays
`},
		{"none where there is no pool", cluster(service("x")), `
d/x failed | no IPv4 address: there is no pool
`},
	})
}

func TestThePoolIsChosen(t *testing.T) {
	tell(t, []story{
		{"by name, where nothing else decides", cluster(
			pool("b 192.0.2.0/24"), pool("a 198.51.100.0/24"), service("x")), `
d/x assigned 198.51.100.0@a | 198.51.100.0 from pool a
`},
		{"those with a serviceAllocation first, by priority, and 0 last of them", cluster(
			pool("a 192.0.2.0/32"), pool("b 192.0.2.1/32", pinned(0)), pool("c 192.0.2.2/32", pinned(20)), pool("d 192.0.2.3/32", pinned(1)),
			service("1"), service("2"), service("3"), service("4")), `
d/1 assigned 192.0.2.3@d | 192.0.2.3 from pool d
d/2 assigned 192.0.2.2@c | 192.0.2.2 from pool c
d/3 assigned 192.0.2.1@b | 192.0.2.1 from pool b
d/4 assigned 192.0.2.0@a | 192.0.2.0 from pool a
`},
		{"for the namespace, by name or by label", cluster(
			namespace("team", "tier=gold"), namespace("lab", "tier=tin"),
			pool("named 192.0.2.0/28", forNamespace("d")), pool("gold 192.0.2.16/28", forNamespacesWith("tier", "gold")),
			service("d/x"), service("team/x"), service("lab/x")), `
d/x assigned 192.0.2.0@named | 192.0.2.0 from pool named
lab/x failed | no IPv4 address: pool gold: not for namespace lab; pool named: not for namespace lab
team/x assigned 192.0.2.16@gold | 192.0.2.16 from pool gold
`},
		{"for the namespace and the labels both", cluster(
			pool("a 192.0.2.0/28", forNamespace("d"), forServicesWith("app", "web"), forServicesWith("app", "dns")),
			service("d/web", labelled("app", "web")), service("d/dns", labelled("app", "dns")), service("d/db", labelled("app", "db")), service("e/web", labelled("app", "web"))), `
d/db failed | no IPv4 address: pool a: not for a Service with these labels
d/dns assigned 192.0.2.1@a | 192.0.2.1 from pool a
d/web assigned 192.0.2.0@a | 192.0.2.0 from pool a
e/web failed | no IPv4 address: pool a: not for namespace e
`},
		{"not where it must be asked for, even when all else is full", cluster(
			pool("a 192.0.2.0/32"), pool("b 198.51.100.0/24", notAuto), pool("c 2001:db8::/64"), service("x"), service("y")), `
d/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/y failed | no IPv4 address: pool a: all 1 IPv4 addresses are in use; pool b: gives only to those who ask for it; pool c: has no IPv4 addresses
`},
		{"and a long list of refusals is cut short", cluster(
			pool("a 2001:db8:a::/64"), pool("b 2001:db8:b::/64"), pool("c 2001:db8:c::/64"), pool("d 2001:db8:d::/64"), pool("e 2001:db8:e::/64"),
			pool("f 2001:db8:f::/64"), pool("g 2001:db8:1::/64"), pool("h 2001:db8:2::/64"), pool("i 2001:db8:3::/64"), pool("j 2001:db8:4::/64"), service("x")), `
d/x failed | no IPv4 address: pool a: has no IPv4 addresses; pool b: has no IPv4 addresses; pool c: has no IPv4 addresses; pool d: has no IPv4 addresses; pool e: has no IPv4 addresses; pool f: has no IPv4 addresses; pool g: has no IPv4 addresses; pool h: has no IPv4 addresses; and 2 pools more
`},
	})
}

func TestAWishIsFollowed(t *testing.T) {
	tell(t, []story{
		{"an address, also from a pool that must be asked", cluster(
			pool("a 192.0.2.0/24", notAuto), service("x", asks("192.0.2.77"))), `
d/x assigned 192.0.2.77@a | 192.0.2.77 from pool a
`},
		{"a pool, also one that must be asked", cluster(
			pool("a 192.0.2.0/24"), pool("b 198.51.100.0/24", notAuto), service("x", asksPool("b"))), `
d/x assigned 198.51.100.0@b | 198.51.100.0 from pool b
`},
		{"but not past the pool's selectors", cluster(
			pool("a 192.0.2.0/24", forNamespace("team")), service("x", asksPool("a")), service("y", asks("192.0.2.1"))), `
d/x failed | no IPv4 address: pool a is asked for: not for namespace d
d/y failed | no IPv4 address: 192.0.2.1 is asked for: pool a is not for namespace d
`},
		{"the old address goes when the new one is there", cluster(
			pool("a 192.0.2.0/24"), pool("b 198.51.100.0/24"),
			service("x", holds("192.0.2.0"), asks("192.0.2.9")), service("y", holds("192.0.2.1"), asksPool("b")), service("z")), `
d/x changed 192.0.2.9@a | 192.0.2.9 from pool a instead of 192.0.2.0
d/y changed 198.51.100.0@b | 198.51.100.0 from pool b instead of 192.0.2.1
d/z kept
then
d/x kept 192.0.2.9@a
d/y kept 198.51.100.0@b
d/z assigned 192.0.2.0@a | 192.0.2.0 from pool a
`},
		{"the old address stays when the wish cannot be had", cluster(
			pool("a 192.0.2.0/29"), pool("b 198.51.100.0/32"),
			service("r", holds("192.0.2.1"), asks("203.0.113.1")),
			service("s", holds("192.0.2.2"), asks("192.0.2.1")),
			service("t", holds("198.51.100.0")),
			service("u", holds("192.0.2.3"), asksPool("b")),
			service("v", holds("192.0.2.4"), asksPool("c")),
			service("w", holds("192.0.2.5"), asks("192.0.2.6"), asksPool("b")),
			service("x", holds("192.0.2.6"), asks("2001:db8::1")),
			service("y", holds("192.0.2.7"), asks("192.0.2.2", "192.0.2.1")),
			service("z", holds("192.0.2.0"), garbled(`annotation hawser.dev/addresses: "x" is no address`))), `
d/r failed 192.0.2.1@a | 203.0.113.1 is asked for: no pool has it; 192.0.2.1 stays
d/s failed 192.0.2.2@a | 192.0.2.1 is asked for: held by d/r: neither has a sharing key; 192.0.2.2 stays
d/t kept 198.51.100.0@b
d/u failed 192.0.2.3@a | pool b is asked for: all 1 IPv4 addresses are in use; 192.0.2.3 stays
d/v failed 192.0.2.4@a | pool c is asked for: there is no such pool; 192.0.2.4 stays
d/w failed 192.0.2.5@a | 192.0.2.6 is asked for: it is in pool a, and pool b is asked for too; 192.0.2.5 stays
d/x failed 192.0.2.6@a | 2001:db8::1 is asked for, but the Service has no IPv6 cluster IP; 192.0.2.6 stays
d/y failed 192.0.2.7@a | 192.0.2.1 and 192.0.2.2 are asked for, but a Service has one address of each family; 192.0.2.7 stays
d/z failed 192.0.2.0@a | annotation hawser.dev/addresses: "x" is no address; 192.0.2.0 stays
`},
		{"a chain of moves ends well, whichever comes first: each waits until the next has let go", cluster(
			pool("a 192.0.2.0/30"),
			service("x", holds("192.0.2.0"), asks("192.0.2.1")), service("y", holds("192.0.2.1"), asks("192.0.2.2")), service("z", holds("192.0.2.2"), asks("192.0.2.3"))), `
d/x kept 192.0.2.0@a
d/y kept 192.0.2.1@a
d/z changed 192.0.2.3@a | 192.0.2.3 from pool a instead of 192.0.2.2
then
d/x kept 192.0.2.0@a
d/y changed 192.0.2.2@a | 192.0.2.2 from pool a instead of 192.0.2.1
d/z kept 192.0.2.3@a
then
d/x changed 192.0.2.1@a | 192.0.2.1 from pool a instead of 192.0.2.0
d/y kept 192.0.2.2@a
d/z kept 192.0.2.3@a
`},
		{"an address that the pool avoids is not given", cluster(
			pool("a 192.0.2.0/24", avoidBuggy), service("x", asks("192.0.2.255"))), `
d/x failed | no IPv4 address: 192.0.2.255 is asked for: pool a avoids addresses that end in .0 or .255
`},
		{"nobody is driven out for a wish", cluster(
			pool("a 192.0.2.0/24"), service("old", asks("192.0.2.5")), service("young", holds("192.0.2.5"))), `
d/old failed | no IPv4 address: 192.0.2.5 is asked for: held by d/young: neither has a sharing key
d/young kept 192.0.2.5@a
`},
	})
}

func TestAnAddressIsShared(t *testing.T) {
	tell(t, []story{
		{"by equal keys on different ports, also of one number and two protocols", cluster(
			pool("a 192.0.2.0/24"),
			service("x", shares("k")), service("y", shares("k"), port("UDP", 80)), service("z", shares("k"), port("TCP", 443))), `
d/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/y assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/z assigned 192.0.2.0@a | 192.0.2.0 from pool a
`},
		{"not with other keys, or no key, or the same port", cluster(
			pool("a 192.0.2.0/24"),
			service("w", shares("k"), asks("192.0.2.0")), service("x", shares("l"), port("TCP", 1), asks("192.0.2.0")),
			service("y", port("TCP", 2), asks("192.0.2.0")), service("z", shares("k"), asks("192.0.2.0"))), `
d/w assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/x failed | no IPv4 address: 192.0.2.0 is asked for: held by d/w: the sharing keys differ
d/y failed | no IPv4 address: 192.0.2.0 is asked for: held by d/w: only one of the two has a sharing key
d/z failed | no IPv4 address: 192.0.2.0 is asked for: held by d/w: both use TCP port 80
`},
		{"not across namespaces", cluster(
			pool("a 192.0.2.0/24"), service("d/x", shares("k")), service("e/x", shares("k"), port("TCP", 1), asks("192.0.2.0"))), `
d/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
e/x failed | no IPv4 address: 192.0.2.0 is asked for: held by d/x: it is in another namespace, and the pool does not set crossNamespaceSharing
`},
		{"across namespaces where the pool says so, but not with Local", cluster(
			pool("a 192.0.2.0/24", crossing),
			service("d/x", shares("k")), service("e/x", shares("k"), port("TCP", 1)),
			service("d/y", shares("l"), local("app=y")), service("e/y", shares("l"), local("app=y"), port("TCP", 1), asks("192.0.2.1"))), `
d/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/y assigned 192.0.2.1@a | 192.0.2.1 from pool a
e/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
e/y failed | no IPv4 address: 192.0.2.1 is asked for: held by d/y: externalTrafficPolicy is Local, and the pods of another namespace are others
`},
		{"with Local by equal pod selectors only", cluster(
			pool("a 192.0.2.0/24"),
			service("w", shares("k"), local("app=w")), service("x", shares("k"), local("app=w"), port("TCP", 1)),
			service("y", shares("k"), local("app=y"), port("TCP", 2), asks("192.0.2.0")), service("z", shares("k"), port("TCP", 3), asks("192.0.2.0"))), `
d/w assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/x assigned 192.0.2.0@a | 192.0.2.0 from pool a
d/y failed | no IPv4 address: 192.0.2.0 is asked for: held by d/w: externalTrafficPolicy is Local, and the pod selectors are not the same
d/z failed | no IPv4 address: 192.0.2.0 is asked for: held by d/w: only one of the two has externalTrafficPolicy Local
`},
		{"and when two become incompatible the younger moves, not both", cluster(
			pool("a 192.0.2.0/24"),
			service("x", shares("k"), holds("192.0.2.7")), service("y", shares("l"), port("TCP", 1), holds("192.0.2.7")), service("z", shares("k"), port("TCP", 2), holds("192.0.2.7"))), `
d/x kept 192.0.2.7@a
d/y changed 192.0.2.0@a | 192.0.2.0 from pool a instead of 192.0.2.7 (held by d/x: the sharing keys differ)
d/z kept 192.0.2.7@a
`},
		{"its sole user may change the key", cluster(
			pool("a 192.0.2.0/24"), service("x", shares("new"), holds("192.0.2.7")), service("y", shares("new"), port("TCP", 1))), `
d/x kept 192.0.2.7@a
d/y assigned 192.0.2.7@a | 192.0.2.7 from pool a
`},
	})
}

func TestTwoFamilies(t *testing.T) {
	const v4, v6, both = "v4 192.0.2.0/32", "v6 2001:db8::/128", "both 198.51.100.0/32 2001:db8:1::/128"
	tell(t, []story{
		{"come from two pools", cluster(pool(v4), pool(v6), service("x", requiresBoth)), `
d/x assigned 192.0.2.0@v4 2001:db8::@v6 | 192.0.2.0 from pool v4 and 2001:db8:: from pool v6
`},
		{"come in the order of the Service's families", cluster(
			pool(both), service("x", stack(model.PreferDualStack, model.IPv6, model.IPv4))), `
d/x assigned 2001:db8:1::@both 198.51.100.0@both | 2001:db8:1:: from pool both and 198.51.100.0 from pool both
`},
		{"required: none where only one can be had, and the other is not wasted", cluster(
			pool(v4), service("x", requiresBoth), service("y")), `
d/x failed | no IPv6 address: pool v4: has no IPv6 addresses
d/y assigned 192.0.2.0@v4 | 192.0.2.0 from pool v4
`},
		{"required: what it has stays while the other is missing", cluster(
			pool(v4), service("x", requiresBoth, holds("192.0.2.0"))), `
d/x failed 192.0.2.0@v4 | no IPv6 address: pool v4: has no IPv6 addresses
`},
		{"preferred: one will do", cluster(pool(v4), service("x", prefersBoth)), `
d/x assigned 192.0.2.0@v4 | 192.0.2.0 from pool v4; no IPv6 address: pool v4: has no IPv6 addresses
`},
		{"preferred: one will do for good", cluster(pool(v4), service("x", prefersBoth, holds("192.0.2.0"))), `
d/x kept 192.0.2.0@v4
`},
		{"preferred: the second comes when a pool for it does", cluster(
			pool(v4), pool(v6), service("x", prefersBoth, holds("192.0.2.0"))), `
d/x assigned 192.0.2.0@v4 2001:db8::@v6 | 2001:db8:: from pool v6
`},
		{"preferred: none at all is a failure", cluster(pool(v4, notAuto), service("x", prefersBoth)), `
d/x failed | no IPv4 address: pool v4: gives only to those who ask for it; no IPv6 address: pool v4: gives only to those who ask for it
`},
		{"an address asked for in one of them leaves the other to the pools", cluster(
			pool("a 192.0.2.0/24"), pool(v6), service("x", prefersBoth, asks("192.0.2.9"))), `
d/x assigned 192.0.2.9@a 2001:db8::@v6 | 192.0.2.9 from pool a and 2001:db8:: from pool v6
`},
		{"an address asked for must come even where one would do", cluster(
			pool("a 192.0.2.0/24"), service("x", prefersBoth, asks("2001:db8::9", "192.0.2.9"))), `
d/x assigned 192.0.2.9@a | 192.0.2.9 from pool a; no IPv6 address: 2001:db8::9 is asked for: no pool has it
`},
		{"become one: the other address is let go", cluster(
			pool(both), service("x", holds("198.51.100.0", "2001:db8:1::"))), `
d/x released 198.51.100.0@both | released 2001:db8:1:: (the Service has no IPv6 cluster IP)
`},
		{"the pool loses one family: that address alone is replaced", cluster(
			pool(v4), pool("more 2001:db8:2::/64"), service("x", requiresBoth, holds("192.0.2.0", "2001:db8::"))), `
d/x changed 192.0.2.0@v4 2001:db8:2::@more | 2001:db8:2:: from pool more instead of 2001:db8:: (no pool has it)
`},
	})
}

func TestPoolsChange(t *testing.T) {
	tell(t, []story{
		{"renamed or split: the Services stay and the annotation follows", cluster(
			pool("left 192.0.2.0/25"), pool("right 192.0.2.128/25"),
			service("x", holds("192.0.2.1"), from("a")), service("y", holds("192.0.2.129"), from("a"))), `
d/x kept 192.0.2.1@left
d/y kept 192.0.2.129@right
`},
		{"shrunk: those outside move", cluster(
			pool("a 192.0.2.0/30"), service("x", holds("192.0.2.9")), service("y", holds("192.0.2.1"))), `
d/x changed 192.0.2.0@a | 192.0.2.0 from pool a instead of 192.0.2.9 (no pool has it)
d/y kept 192.0.2.1@a
`},
		{"deleted: the address goes, and the event says what else was tried", cluster(
			pool("b 198.51.100.0/24", notAuto), service("x", holds("192.0.2.9"))), `
d/x released | released 192.0.2.9 (no pool has it); no IPv4 address: pool b: gives only to those who ask for it
`},
		{"closed to the namespace: those who may not stay move", cluster(
			pool("a 192.0.2.0/24", forNamespace("e")), pool("b 198.51.100.0/24"), service("x", holds("192.0.2.9"))), `
d/x changed 198.51.100.0@b | 198.51.100.0 from pool b instead of 192.0.2.9 (pool a is not for namespace d)
`},
		{"two pools that change their namespaces over: neither Service waits for the other", cluster(
			pool("a 192.0.2.0/32", forNamespace("e")), pool("b 198.51.100.0/32", forNamespace("d")),
			service("d/x", holds("192.0.2.0")), service("e/y", holds("198.51.100.0"))), `
d/x released | released 192.0.2.0 (pool a is not for namespace d)
e/y released | released 198.51.100.0 (pool b is not for namespace e)
then
d/x assigned 198.51.100.0@b | 198.51.100.0 from pool b
e/y assigned 192.0.2.0@a | 192.0.2.0 from pool a
`},
		{"no longer automatic: those who have an address keep it", cluster(
			pool("a 192.0.2.0/24", notAuto), service("x", holds("192.0.2.9"))), `
d/x kept 192.0.2.9@a
`},
		{"closed: it gives nothing, but takes nothing away either", cluster(
			pool("a 192.0.2.0/24", func(p *model.Pool) { p.Closed = true }, forNamespace("other")),
			service("w", holds("192.0.2.7")), service("x"), service("y", asks("192.0.2.8")), service("z", asksPool("a"))), `
d/w kept 192.0.2.7@a
d/x failed | no IPv4 address: pool a: cannot be read and gives nothing
d/y failed | no IPv4 address: 192.0.2.8 is asked for: pool a cannot be read and gives nothing
d/z failed | no IPv4 address: pool a is asked for: cannot be read and gives nothing
`},
		{"overlapping: the younger gives nothing, but takes nothing away either", cluster(
			pool("old 192.0.2.0/25"), pool("young 192.0.2.64-192.0.2.200"),
			service("x", holds("192.0.2.190")), service("y", asks("192.0.2.191")), service("z", asksPool("young"))), `
d/x kept 192.0.2.190@young
d/y failed | no IPv4 address: 192.0.2.191 is asked for: pool young overlaps an older one and gives nothing
d/z failed | no IPv4 address: pool young is asked for: overlaps an older pool and gives nothing
pool young Overlaps | 192.0.2.64-192.0.2.200 overlaps 192.0.2.0/25 of pool old, which is older; no new address comes out of pool young until one of the two is changed
`},
		{"a Service that lost its address is served before those that wait", cluster(
			pool("a 192.0.2.0/32"), service("waiting"), service("lost", holds("198.51.100.1"))), `
d/lost changed 192.0.2.0@a | 192.0.2.0 from pool a instead of 198.51.100.1 (no pool has it)
d/waiting failed | no IPv4 address: pool a: all 1 IPv4 addresses are in use
`},
	})
}

func TestAServiceThatIsNoLongerOursGivesItsAddressBack(t *testing.T) {
	tell(t, []story{
		{"and one that waits gets it as soon as it is let go", cluster(
			pool("a 192.0.2.0/32"), service("gone", holds("192.0.2.0"), notWanted), service("never", notWanted), service("waiting")), `
d/gone released | released 192.0.2.0: the Service is no longer a load balancer of ours
d/waiting kept
then
d/waiting assigned 192.0.2.0@a | 192.0.2.0 from pool a
`},
		{"and a forgotten annotation is removed", cluster(service("x", notWanted, from("a"))), `
d/x kept
`},
	})
}

func from(pools string) func(*model.Service) {
	return func(s *model.Service) { s.HoldsFrom = pools }
}

func TestUseCountsWhatThePlanHolds(t *testing.T) {
	p := New(cluster(
		pool("a 192.0.2.0/24 198.51.100.0/25", avoidBuggy), pool("b 192.0.2.255-192.0.3.0", func(p *model.Pool) { p.Name = "b" }, notAuto), pool("v6 2001:db8::/56"),
		service("x", prefersBoth), service("y", shares("k")), service("z", shares("k"), port("TCP", 1)), service("w", holds("192.0.2.0"))).Snapshot)
	var got []string
	for _, u := range p.Use {
		got = append(got, u.Pool+" "+u.IPv4.Assigned.String()+"/"+u.IPv4.Total.String()+" "+u.IPv6.Assigned.String()+"/"+u.IPv6.Total.String())
	}
	want := []string{"a 3/382 0/0", "b 0/2 0/0", "v6 0/0 1/4722366482869645213696"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error("want - got +\n" + d)
	}
}

func TestTheAnnotationNamesEachPoolOnce(t *testing.T) {
	for want, pools := range map[string][]string{"": nil, "a": {"a", "a"}, "b,a": {"b", "a"}} {
		if got := (Assignment{Pools: pools}).From(); got != want {
			t.Errorf("%v: %q", pools, got)
		}
	}
}

func TestAMessageFitsIntoAnEvent(t *testing.T) {
	s := cluster(service("x"))
	for _, letter := range "abcdefgh" {
		pool(strings.Repeat(string(letter), 250)+" 192.0.2.0/24", notAuto)(s)
	}
	for _, a := range New(s.Snapshot).Assignments {
		if len(a.Message) > 1024 || !strings.HasSuffix(a.Message, "…") {
			t.Errorf("%d bytes: %s", len(a.Message), a.Message)
		}
	}
}
