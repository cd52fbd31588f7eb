// Package plan decides what a soak does: which Service is created, which node
// loses its power, whose process is killed, in which order. It touches nothing.
//
// A plan is a list of actions, each a line of text:
//
//	service.create s07 ask=no dual=SingleStack family=IPv4 pods=RRN policy=Local pool=no ports=80 share=no type=LoadBalancer
//	node.off node2 power=off
//	rest
//
// The World is the planner's own idea of what there should be. It grows by the
// same actions, so an action is legal or not before anything runs, and the n-th
// action is a function of the seed and n alone. How long anything takes is no
// part of it: whoever carries the plan out waits for what an action brings
// about.
//
// At a rest everything that was broken is mended: all nodes on, all programs up,
// a good configuration. At a sweep, besides, everything is as in the beginning,
// so that what a process holds can be compared with what it held before. Between
// two sweeps lies a stretch; in every second one hawser is never ended, and the
// speaker of Kept never is.
package plan
