package kube

import (
	"context"
	"log/slog"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// LeaseName is the Lease that the leader holds.
const LeaseName = "hawser-allocator"

const (
	// leaseLength after its last renewal a Lease may be taken by another.
	leaseLength = 10 * time.Second
	// leaseCertain after its last renewal the holder stops writing, well before
	// another can begin.
	leaseCertain = 7 * time.Second
	leaseRenewal = 2 * time.Second
)

// lease elects the leader. Everyone watches the Lease; whoever sees it free,
// or unchanged for its whole length, tries to take the very version that he
// saw, so that one of several succeeds. Clocks of different machines are never
// compared.
type lease struct {
	client   *rest.RESTClient
	options  Options
	log      *slog.Logger
	mark     func()
	mirror   *mirror[*coordinationv1.Lease, *coordinationv1.Lease]
	touched  chan struct{}
	observed time.Time // when version was first seen; of run alone
	version  string

	mu     sync.Mutex
	term   context.Context // of our time as the leader, nil when we are not
	end    context.CancelFunc
	expiry *time.Timer
}

func newLease(client *rest.RESTClient, o Options, mark func()) *lease {
	l := &lease{client: client, options: o, log: o.Log, mark: mark, touched: make(chan struct{}, 1)}
	var first sync.Once
	l.mirror = newMirror(func(x *coordinationv1.Lease) (*coordinationv1.Lease, bool) { return x, true }, func() {
		if l.mirror.ready() {
			first.Do(mark) // Synced has changed; that the Lease was renewed is nobody else's business
		}
		select {
		case l.touched <- struct{}{}:
		default:
		}
	})
	return l
}

func (l *lease) source() source {
	return source{l.client, "leases", l.options.Namespace, ofName(LeaseName), &coordinationv1.Lease{}, l.mirror, l.mirror.ready}
}

func (l *lease) leading() (context.Context, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term, l.term != nil
}

// run takes the Lease when it is free and renews it while it is ours.
func (l *lease) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.release()
			return
		case <-l.touched:
		case <-timer.C:
		}
		if l.mirror.ready() {
			timer.Reset(l.turn(ctx))
		}
	}
}

// turn does what is due now and says when to look again.
func (l *lease) turn(ctx context.Context) time.Duration {
	e, ok := l.mirror.get(name{l.options.Namespace, LeaseName})
	if !ok {
		l.resign()
		l.create(ctx)
		return leaseRenewal
	}
	if e.version != l.version {
		l.version, l.observed = e.version, time.Now()
	}
	holder := holderOf(e.value)
	age := time.Since(l.observed)
	switch {
	case holder == l.options.Identity:
		if _, leading := l.leading(); leading && age < leaseRenewal {
			return leaseRenewal - age
		}
		l.take(ctx, e.value)
		return leaseRenewal / 4
	case holder == "" || age >= leaseLength:
		l.resign()
		l.take(ctx, e.value)
		return leaseRenewal
	}
	l.resign()
	return leaseLength - age
}

func holderOf(x *coordinationv1.Lease) string {
	if x.Spec.HolderIdentity == nil {
		return ""
	}
	return *x.Spec.HolderIdentity
}

// create makes the Lease where there is none.
func (l *lease) create(ctx context.Context) {
	x := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: l.options.Namespace, Name: LeaseName}}
	l.fill(x)
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, leaseRenewal)
	defer cancel()
	var out coordinationv1.Lease
	err := l.client.Post().Namespace(x.Namespace).Resource("leases").Body(x).Do(ctx).Into(&out)
	l.took(&out, asked, err)
}

// take writes our name into the version that was seen.
func (l *lease) take(ctx context.Context, seen *coordinationv1.Lease) {
	x := seen.DeepCopy()
	if holderOf(x) != l.options.Identity {
		n := int32(1)
		if x.Spec.LeaseTransitions != nil {
			n += *x.Spec.LeaseTransitions
		}
		x.Spec.LeaseTransitions, x.Spec.AcquireTime = &n, nil
	}
	l.fill(x)
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, leaseRenewal)
	defer cancel()
	var out coordinationv1.Lease
	err := l.client.Put().Namespace(x.Namespace).Resource("leases").Name(x.Name).Body(x).Do(ctx).Into(&out)
	l.took(&out, asked, err)
}

func (l *lease) fill(x *coordinationv1.Lease) {
	now, length := metav1.NewMicroTime(time.Now()), int32(leaseLength/time.Second)
	x.Spec.HolderIdentity, x.Spec.RenewTime, x.Spec.LeaseDurationSeconds = &l.options.Identity, &now, &length
	if x.Spec.AcquireTime == nil {
		x.Spec.AcquireTime = &now
	}
}

// took begins or prolongs our term. It is counted from when the API server was
// asked, not from when it answered.
func (l *lease) took(out *coordinationv1.Lease, asked time.Time, err error) {
	if err != nil {
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			l.log.Warn("the lease cannot be written, it is tried again", "lease", LeaseName, "reason", err)
		}
		return
	}
	_ = l.mirror.Update(out) // the type is right
	l.version, l.observed = out.ResourceVersion, asked
	l.mu.Lock()
	defer l.mu.Unlock()
	left := leaseCertain - time.Since(asked)
	if l.term != nil {
		l.expiry.Reset(left)
		return
	}
	l.term, l.end = context.WithCancel(context.Background())
	l.expiry = time.AfterFunc(left, l.resign)
	l.log.Info("leading", "lease", LeaseName)
	l.mark()
}

// resign ends our term, if there is one.
func (l *lease) resign() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == nil {
		return
	}
	l.expiry.Stop()
	l.end()
	l.term = nil
	l.log.Info("leading no longer", "lease", LeaseName)
	l.mark()
}

// release gives the Lease back, so that another need not wait for its end.
func (l *lease) release() {
	if _, leading := l.leading(); !leading {
		return
	}
	l.resign()
	e, ok := l.mirror.get(name{l.options.Namespace, LeaseName})
	if !ok || holderOf(e.value) != l.options.Identity {
		return
	}
	x, nobody := e.value.DeepCopy(), ""
	x.Spec.HolderIdentity = &nobody
	ctx, cancel := context.WithTimeout(context.Background(), leaseRenewal)
	defer cancel()
	if err := l.client.Put().Namespace(x.Namespace).Resource("leases").Name(x.Name).Body(x).Do(ctx).Error(); err != nil {
		l.log.Debug("the lease is not given back, it ends by itself", "lease", LeaseName, "reason", err)
	}
}
