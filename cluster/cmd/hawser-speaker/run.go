package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/cluster/internal/controller"
	"github.com/hawser-lb/hawser/cluster/internal/gateway"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/serviceproxy"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/logging"
	"github.com/hawser-lb/hawser/shared/version"
)

// run works until ctx ends.
func run(ctx context.Context, args []string, errs io.Writer) error {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	level, err := logging.Level(o.logLevel)
	if err != nil {
		return misuse{err}
	}
	var dial slog.LevelVar
	dial.Set(level)
	log, err := logging.New(errs, o.logFormat, &dial)
	if err != nil {
		return misuse{err}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // every node pays for the memory, and little is thrown away
	}
	log.Info("starting", "version", version.String(), "node", o.nodeName, "namespace", o.namespace)

	cluster, err := kube.New(kube.Options{
		Kubeconfig: o.kubeconfig, Namespace: o.namespace, Node: o.nodeName, Identity: o.nodeName + "_" + serial(),
		Class: o.loadBalancerClass, Log: log,
	})
	if err != nil {
		return err
	}
	// kube-proxy forwards, whatever becomes of us: hence Restarting.
	speaker := bgp.New(bgp.Config{Listen: listen(o.listenPort), Log: log, Restarting: true})
	watcher := bfd.New(bfd.Config{Log: log})
	worker := controller.New(controller.Options{
		Source: cluster, Leadership: cluster, Writer: cluster, Router: speaker, Watcher: watcher, Gateways: gateway.Read,
		Node: o.nodeName, Namespace: o.namespace, IgnoreExcludeLB: o.ignoreExcludeLB, DrainTime: o.drainTime,
		Proxy: serviceproxy.Ready, ProxyWait: o.proxyWait, Log: log,
	})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return cluster.Run(ctx) })
	// The sessions stay until the worker has said goodbye.
	sessions, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	g.Go(func() error { return speaker.Run(sessions) })
	g.Go(func() error { return watcher.Run(sessions) })
	g.Go(func() error { defer hangUp(); return worker.Run(ctx) })
	g.Go(func() error { return serve(ctx, log, "health", o.healthAddress, worker.Health().Handler()) })
	g.Go(func() error { return serve(ctx, log, "metrics", o.metricsAddress, worker.Metrics().Handler()) })
	err = g.Wait()
	log.Info("ended")
	return err
}

// serial tells two processes of one node apart, as during an upgrade.
func serial() string {
	var b [4]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func listen(port uint16) []netip.AddrPort {
	if port == 0 {
		return nil
	}
	return []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), port), netip.AddrPortFrom(netip.IPv6Unspecified(), port)}
}

// slowest is how long a client may take for a request, for reading the answer,
// and for the next request.
const slowest = 10 * time.Second

// serve answers HTTP until ctx ends.
func serve(ctx context.Context, log *slog.Logger, what, address string, h http.Handler) error {
	if address == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s address: %w", what, err)
	}
	log.Info("serving", "what", what, "address", l.Addr())
	server := &http.Server{Handler: h, ReadTimeout: slowest, WriteTimeout: slowest, IdleTimeout: slowest, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s address: %w", what, err)
	}
	return nil
}
