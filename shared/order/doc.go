// Package order sorts what is sorted seldom, in little flash.
//
// slices.SortFunc is compiled anew for each type that it sorts, which is 16 kB
// of the router's program each time; order sorts all types with one copy and
// takes some times as long. What the table's way to the kernel and a peer's
// changes need is sorted by package slices; what is made to be shown, read from
// a file or done once, by this one.
package order

import "sort"

// Slice sorts s by compare, as slices.SortFunc does.
func Slice[E any](s []E, compare func(a, b E) int) {
	sort.Slice(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
}

// Stable is Slice that leaves equals in their order.
func Stable[E any](s []E, compare func(a, b E) int) {
	sort.SliceStable(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
}
