package kube

import (
	"fmt"
	"reflect"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/cache"
)

// object is what every Kubernetes object can say of itself.
type object interface {
	metav1.Object
}

// name of an object; the namespace is empty for the cluster-scoped.
type name struct{ namespace, name string }

// mirror holds what read makes of each object of one kind. It is where a
// reflector puts what it hears.
type mirror[T object, V any] struct {
	// read turns an object into what is kept, or says that nothing is.
	read func(T) (V, bool)
	// mend, if not nil, makes of what was kept of an object and of what is read
	// of it now what is kept from now on.
	mend func(before, now V) V
	// mark is called after a change of what is kept, without the lock.
	mark func()
	// moved, if not nil, is told of every change, under the lock.
	moved func(n name, before, after *V)
	// seen, if not nil, is told of every object that is seen, changed or not,
	// or gone, under the lock.
	seen func(n name)
	// note, if not nil, is what is kept of an object beside its value; that it
	// differs is no change.
	note func(T) string

	mu     sync.RWMutex
	all    map[name]entry[V]
	synced bool
}

type entry[V any] struct {
	value   V
	uid     types.UID
	version string
	note    string
}

func newMirror[T object, V any](read func(T) (V, bool), mark func()) *mirror[T, V] {
	return &mirror[T, V]{read: read, mark: mark, all: map[name]entry[V]{}}
}

func nameOf(o object) name { return name{o.GetNamespace(), o.GetName()} }

// Add is told by the reflector of an object that is new or seen again.
func (m *mirror[T, V]) Add(o any) error { return m.Update(o) }

// Update is told by the reflector of an object that changed.
func (m *mirror[T, V]) Update(o any) error {
	t, ok := o.(T)
	if !ok {
		return fmt.Errorf("a watch brings %T", o)
	}
	m.mu.Lock()
	changed := m.put(t)
	m.mu.Unlock()
	if changed {
		m.mark()
	}
	return nil
}

// Delete is told by the reflector of an object that is gone.
func (m *mirror[T, V]) Delete(o any) error {
	t, ok := o.(T)
	if !ok {
		return fmt.Errorf("a watch brings %T", o)
	}
	m.mu.Lock()
	changed := m.drop(nameOf(t))
	m.mu.Unlock()
	if changed {
		m.mark()
	}
	return nil
}

// Replace is told by the reflector of all objects that there are.
func (m *mirror[T, V]) Replace(objects []any, _ string) error {
	m.mu.Lock()
	changed := !m.synced
	here := make(map[name]bool, len(objects))
	for _, o := range objects {
		t, ok := o.(T)
		if !ok {
			m.mu.Unlock()
			return fmt.Errorf("a list brings %T", o)
		}
		here[nameOf(t)] = true
		changed = m.put(t) || changed
	}
	for n := range m.all {
		if !here[n] {
			changed = m.drop(n) || changed
		}
	}
	m.synced = true
	m.mu.Unlock()
	if changed {
		m.mark()
	}
	return nil
}

// Resync has nothing to do.
func (m *mirror[T, V]) Resync() error { return nil }

// Transformer strips what no reader looks at while a first list is gathered.
func (m *mirror[T, V]) Transformer() cache.TransformFunc {
	return func(o any) (any, error) {
		if t, ok := o.(T); ok {
			t.SetManagedFields(nil)
		}
		return o, nil
	}
}

// answer takes in the API server's answer to a write of ours, so that it need
// not come round by the watch before the next decision. Of an object that has
// gone or been replaced meanwhile the watch knows better.
func (m *mirror[T, V]) answer(t T) {
	m.mu.Lock()
	changed := false
	if e, ok := m.all[nameOf(t)]; ok && e.uid == t.GetUID() {
		changed = m.put(t)
	}
	m.mu.Unlock()
	if changed {
		m.mark()
	}
}

func (m *mirror[T, V]) put(t T) (changed bool) {
	n := nameOf(t)
	old, had := m.all[n]
	if had && old.uid == t.GetUID() && older(t.GetResourceVersion(), old.version) {
		return false
	}
	v, keep := m.read(t)
	if !keep {
		return m.drop(n)
	}
	if m.mend != nil && had && old.uid == t.GetUID() {
		v = m.mend(old.value, v)
	}
	now := entry[V]{value: v, uid: t.GetUID(), version: t.GetResourceVersion()}
	if m.note != nil {
		now.note = m.note(t)
	}
	m.all[n] = now
	if m.seen != nil {
		m.seen(n)
	}
	if had && reflect.DeepEqual(old.value, v) {
		return false
	}
	if m.moved != nil {
		var before *V
		if had {
			before = &old.value
		}
		m.moved(n, before, &v)
	}
	return true
}

func (m *mirror[T, V]) drop(n name) (changed bool) {
	old, had := m.all[n]
	if !had {
		return false
	}
	delete(m.all, n)
	if m.seen != nil {
		m.seen(n)
	}
	if m.moved != nil {
		m.moved(n, &old.value, nil)
	}
	return true
}

// older reports whether version a is before b. What cannot be compared is
// taken as newer: the API server is right.
func older(a, b string) bool {
	c, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && c < 0
}

func (m *mirror[T, V]) get(n name) (entry[V], bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e, ok := m.all[n]
	return e, ok
}

func (m *mirror[T, V]) each(f func(name, entry[V])) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for n, e := range m.all {
		f(n, e)
	}
}

// forget makes it as it was before the first list.
func (m *mirror[T, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all, m.synced = map[name]entry[V]{}, false
}

func (m *mirror[T, V]) ready() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.synced
}
