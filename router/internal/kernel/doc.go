// Package kernel is the only room that speaks netlink. It reads back what the
// kernel holds of ours, applies steps, and tells when something changed behind
// our back.
//
//	fib.Step -> Apply -> RTM_NEWROUTE / RTM_DELROUTE
//	fib.Step -> Apply -> RTM_NEWNEXTHOP / RTM_DELNEXTHOP
//	RTM_GETNEXTHOP, RTM_GETROUTE (our protocol number) -> Have -> fib.Have
//	RTM_GETLINK, RTM_GETADDR -> Facts
//	RTM_GETNEIGH, RTM_NEWNEIGH -> Gone -> "that host gives no answer"
//	RTNLGRP_LINK, _IFADDR, _ROUTE, _NEXTHOP -> Watch -> "links changed", "routes changed"
//
// A route or next-hop object is ours when it carries our protocol number, in
// whatever table; no other is ever changed. The kernel's own rules make that less simple than it sounds:
//
//   - IPv4 "replace" looks at destination, TOS and metric, never at the protocol,
//     so a route of ours is made with NLM_F_EXCL, which fails where another one
//     stands, and only what was read back as ours is replaced, after a look at
//     whether anybody put a route of his in front of it.
//   - IPv6 makes one multipath route out of routes with one metric. NLM_F_EXCL
//     holds there too, and a replacement exchanges all legs at once.
//   - A deletion names the protocol, which the kernel compares.
//   - One gateway that is refused fails a whole multipath route. It is left out,
//     as it is out of groups, and named; the other legs stand.
//   - Deleting a next-hop object takes it out of every group, and deleting a group
//     takes its routes along, whosever they are; nothing is deleted in a plan of
//     which a replacement failed.
//   - A group can change its members, but neither its kind nor its protocol number.
//   - What the kernel can do is found out by asking it for objects that cannot be:
//     one that has never heard of them says so in another way.
//   - A link that goes down takes its IPv4 routes with it without a word, so a
//     change of a link always means that the routes are to be read again.
//   - A dump during which the table changes is inconsistent (NLM_F_DUMP_INTR) and
//     is read again.
//
// Messages go out many at a time and only the last asks for an answer: the
// kernel works in order and reports each failure with its sequence number.
package kernel
