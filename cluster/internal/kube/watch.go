package kube

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// source is one kind of object to be watched.
type source struct {
	client    *rest.RESTClient
	resource  string
	namespace string          // empty for all
	only      fields.Selector // nil for all
	example   object
	into      cache.ReflectorStore
	ready     func() bool
}

// patience between two attempts to reach the API server.
var patience = wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 1 << 30, Cap: 2 * time.Second}

// run keeps the mirror true until ctx ends.
func (s source) run(ctx context.Context, log *slog.Logger) {
	selector := fields.Everything()
	if s.only != nil {
		selector = s.only
	}
	lw := &attempts{
		ListWatch: cache.NewListWatchFromClient(s.client, s.resource, s.namespace, selector),
		log:       log.With("resource", s.resource),
	}
	inside := patience
	r := cache.NewReflectorWithOptions(lw, s.example, s.into, cache.ReflectorOptions{Name: s.resource, Backoff: &inside})
	outside := patience
	for {
		began := time.Now()
		// What goes wrong is told by attempts.
		if err := r.ListAndWatchWithContext(ctx); err == nil || time.Since(began) > patience.Cap {
			outside = patience
		}
		if !pause(ctx, outside.Step()) {
			return
		}
	}
}

// attempts tells of the first failure of a row, and of its end.
type attempts struct {
	*cache.ListWatch
	log     *slog.Logger
	failing atomic.Bool
}

func (a *attempts) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	out, err := a.ListWatch.ListWithContext(ctx, o)
	a.tell(ctx, err)
	return out, err
}

func (a *attempts) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	out, err := a.ListWatch.WatchWithContext(ctx, o)
	a.tell(ctx, err)
	return out, err
}

func (a *attempts) tell(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil, apierrors.IsResourceExpired(err), apierrors.IsGone(err), errors.Is(err, io.EOF):
	case err == nil && a.failing.Swap(false):
		a.log.Info("watching again")
	case err != nil && !a.failing.Swap(true):
		a.log.Warn("watch interrupted, it is tried again; what is known stays in force", "reason", err)
	}
}
