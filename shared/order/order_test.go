package order_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/hawser-lb/hawser/shared/order"
)

type card struct{ suit, rank int }

func byRank(a, b card) int { return cmp.Compare(a.rank, b.rank) }

func TestSliceSorts(t *testing.T) {
	var deck []card
	for i := range 52 {
		deck = append(deck, card{i % 4, i * 31 % 52})
	}
	order.Slice(deck, byRank)
	if !slices.IsSortedFunc(deck, byRank) {
		t.Errorf("not sorted: %v", deck)
	}
}

func TestStableKeepsTheOrderOfEquals(t *testing.T) {
	var deck []card
	for i := range 52 {
		deck = append(deck, card{i, i % 3})
	}
	order.Stable(deck, byRank)
	both := func(a, b card) int { return cmp.Or(byRank(a, b), cmp.Compare(a.suit, b.suit)) }
	if !slices.IsSortedFunc(deck, both) {
		t.Errorf("equals have changed places: %v", deck)
	}
}
