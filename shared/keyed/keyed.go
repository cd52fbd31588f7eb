// Package keyed compares two collections by key: what appeared, what changed,
// what went. Every "set the whole" call in Hawser finds its difference here.
package keyed

import (
	"cmp"
	"maps"
	"slices"
)

// Change is one difference between two collections. Exactly one of Created,
// Changed and Gone is true.
type Change[K comparable, V any] struct {
	Key     K
	Old     V // zero when Created
	New     V // zero when Gone
	Created bool
	Changed bool
	Gone    bool
}

// Diff lists the differences that turn old into new, sorted by key. Values for
// which same answers true are left out.
func Diff[K cmp.Ordered, V any](old, new map[K]V, same func(a, b V) bool) []Change[K, V] {
	return DiffFunc(old, new, same, cmp.Compare[K])
}

// DiffFunc is Diff for keys that have an order of their own, such as
// netip.Addr with netip.Addr.Compare.
func DiffFunc[K comparable, V any](old, new map[K]V, same func(a, b V) bool, order func(a, b K) int) []Change[K, V] {
	var out []Change[K, V]
	for k, n := range new {
		o, ok := old[k]
		switch {
		case !ok:
			out = append(out, Change[K, V]{Key: k, New: n, Created: true})
		case !same(o, n):
			out = append(out, Change[K, V]{Key: k, Old: o, New: n, Changed: true})
		}
	}
	for k, o := range old {
		if _, ok := new[k]; !ok {
			out = append(out, Change[K, V]{Key: k, Old: o, Gone: true})
		}
	}
	slices.SortFunc(out, func(a, b Change[K, V]) int { return order(a.Key, b.Key) })
	return out
}

// By indexes a slice by the key of each element; of two elements with one key
// the later wins.
func By[K comparable, V any](all []V, key func(V) K) map[K]V {
	m := make(map[K]V, len(all))
	for _, v := range all {
		m[key(v)] = v
	}
	return m
}

// Sorted returns the keys of m in order.
func Sorted[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
