// Package alloc decides which Service gets which address, and says why the
// others got none. It stands between the snapshot of the cluster and the
// writing of status: New looks at a model.Snapshot, touches nothing, asks no
// clock, and answers with a Plan that the elected speaker then carries out.
// The same snapshot, in whatever order its lists come, gives the same plan.
//
// There is no memory but the snapshot: who holds what is read from the
// Services themselves, every time. So a plan is made in four rounds, and no
// round takes away what an earlier one gave:
//
//  1. Every Service keeps what it holds as long as that is legal: a pool has
//     the address and admits the Service, it is of one of the Service's
//     families, and those who share it may. Where two hold what only one can,
//     the older Service stays. A pool that cannot be read admits those who
//     are in it and nobody else.
//  2. Services that hold one address and wish for another move. The wish is
//     taken before the old address is let go; when it cannot be had the old
//     one stays and the plan says why. The round is repeated while moves set
//     addresses free that others wish for.
//  3. Services that lost an address, or lack one of their two families, get
//     one.
//  4. Services that wait get one, oldest first.
//
// Nothing passes from hand to hand within one plan: who is given what another
// has yet to let go of stays as he is, and the next plan goes on from there.
// So a plan may be carried out in any order, or in part, and no address is
// ever held by two. A plan that was carried out is the beginning of the next,
// until one changes nothing.
//
// Cost: addresses in use are a map, addresses free in a pool a sorted list of
// gaps, so the work grows with the number of Services and never with the size
// of a pool. A Ledger keeps the first round's result and makes the other three
// on top of it for those who are not content, so that one Service more costs
// the same beside five thousand as beside none. New is a Ledger used once:
// there is one set of rules.
package alloc
