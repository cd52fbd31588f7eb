package bfd

import "time"

// agenda is a heap of sessions by their next deadline: the one timer of all.
type agenda []entry

type entry struct {
	due time.Time
	w   *watched
}

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].w.at, a[j].w.at = i, j
}

// Push and Pop are for container/heap.
func (a *agenda) Push(x any) {
	e := x.(entry)
	e.w.at = len(*a)
	*a = append(*a, e)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = entry{}
	*a = (*a)[:last]
	e.w.at = -1
	return e
}
