// Package rpcd answers OpenWrt's rpcd, and through it `ubus call hawser …` and
// LuCI, in the protocol of its plugins: `list` prints the methods with their
// arguments, `call METHOD` reads the arguments as one JSON object and prints
// another.
//
//	rpcd -> list | call METHOD -> status (the socket) | uciconf (check) -> JSON
//
// Whatever can be said is said in the answer: rpcd has no way to tell why a
// plugin failed. A daemon that is down is {"running": false} with the reason.
// The daemon's JSON passes through as it is. docs/status.md lists everything.
package rpcd
