package kube

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// EventType is Normal or Warning.
type EventType string

const (
	Normal  EventType = "Normal"
	Warning EventType = "Warning"
)

// Ref says which object an event is about.
type Ref struct{ APIVersion, Kind, Namespace, Name, UID string }

// ServiceRef is the Ref of a Service.
func ServiceRef(k model.Key, uid string) Ref {
	return Ref{APIVersion: "v1", Kind: "Service", Namespace: k.Namespace, Name: k.Name, UID: uid}
}

// NodeRef is the Ref of a Node of the view.
func (v *View) NodeRef(name string) Ref {
	return Ref{APIVersion: "v1", Kind: "Node", Name: name, UID: v.nodeUIDs[name]}
}

// PeerRef is the Ref of a BGPPeer of the view.
func (v *View) PeerRef(name string) Ref {
	return Ref{APIVersion: v1alpha1.GroupVersion.String(), Kind: "BGPPeer", Name: name, UID: v.peerUIDs[name]}
}

// ConfigRef is the Ref of the ConfigMap in Hawser's namespace.
func (v *View) ConfigRef(namespace string) Ref {
	return Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: ConfigName, UID: v.Config.uid}
}

const (
	component    = "hawser-speaker"
	eventQueue   = 8192
	eventSenders = 2
	messageLimit = 1024 // bytes; the API server takes no more
	droppedEvery = time.Minute
)

// recorder sends events, in the background and after everything that matters
// more. When the API server is away they wait; when too many wait the newest
// are dropped, and the log says from time to time how many.
type recorder struct {
	client  *rest.RESTClient
	node    string
	log     *slog.Logger
	queue   chan *corev1.Event
	serial  atomic.Uint64
	dropped atomic.Uint64 // since the process began
}

func newRecorder(c *rest.RESTClient, node string, log *slog.Logger) *recorder {
	return &recorder{client: c, node: node, log: log, queue: make(chan *corev1.Event, eventQueue)}
}

// Event tells of something that happened to an object. It does not wait.
func (c *Cluster) Event(about Ref, kind EventType, reason, message string) {
	c.events.add(about, kind, reason, message)
}

// EventsDropped counts the events that were not sent since too many waited.
func (c *Cluster) EventsDropped() uint64 { return c.events.dropped.Load() }

func (r *recorder) add(about Ref, kind EventType, reason, message string) {
	namespace := about.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	now := time.Now()
	e := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      fmt.Sprintf("%s.%x.%x", about.Name, now.UnixNano(), r.serial.Add(1)),
		},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: about.APIVersion, Kind: about.Kind, Namespace: about.Namespace, Name: about.Name, UID: types.UID(about.UID),
		},
		Type: string(kind), Reason: reason, Message: clip(message), Count: 1,
		FirstTimestamp: metav1.NewTime(now), LastTimestamp: metav1.NewTime(now),
		Source:              corev1.EventSource{Component: component, Host: r.node},
		ReportingController: component, ReportingInstance: r.node,
	}
	select {
	case r.queue <- e:
	default:
		r.dropped.Add(1)
	}
}

// clip keeps a message within what the API server takes, without half a
// character at its end.
func clip(message string) string {
	if len(message) <= messageLimit {
		return message
	}
	return strings.ToValidUTF8(message[:messageLimit-len("…")], "") + "…"
}

func (r *recorder) run(ctx context.Context) {
	done := make(chan struct{})
	for range eventSenders {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-r.queue:
					r.send(ctx, e)
				}
			}
		}()
	}
	r.confess(ctx)
	for range eventSenders {
		<-done
	}
}

// confess logs how many events have been dropped since it last did.
func (r *recorder) confess(ctx context.Context) {
	for told := uint64(0); pause(ctx, droppedEvery); {
		if n := r.dropped.Load(); n > told {
			r.log.Warn("events dropped, since too many wait for the API server", "dropped", n-told, "waiting", len(r.queue))
			told = n
		}
	}
}

// send tries until the API server has an opinion.
func (r *recorder) send(ctx context.Context, e *corev1.Event) {
	backoff := patience
	for {
		err := r.client.Post().Namespace(e.Namespace).Resource("events").Body(e).Do(ctx).Error()
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			return
		case apierrors.ReasonForError(err) != metav1.StatusReasonUnknown && !apierrors.IsTooManyRequests(err) && !apierrors.IsServiceUnavailable(err) && !apierrors.IsServerTimeout(err) && !apierrors.IsInternalError(err):
			r.log.Log(ctx, refusal(err), "event refused", "object", e.InvolvedObject.Namespace+"/"+e.InvolvedObject.Name, "event", e.Reason, "reason", err)
			return
		}
		if !pause(ctx, backoff.Step()) {
			return
		}
	}
}

// refusal is how loudly to tell that an event was refused. That its namespace
// goes or is gone is the way of the world.
func refusal(err error) slog.Level {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || apierrors.IsNotFound(err) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// pause waits for d and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
