package controller

import (
	"math/big"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hawser-lb/hawser/cluster/internal/alloc"
	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// Metrics are the figures of one speaker, all with the prefix hawser_.
type Metrics struct {
	registry     *prometheus.Registry
	poolTotal    *prometheus.GaugeVec
	poolAssigned *prometheus.GaugeVec
	allocations  *prometheus.CounterVec
	flaps        *prometheus.CounterVec
	routes       prometheus.Gauge
	refused      *prometheus.GaugeVec
	pass         prometheus.Histogram
	service      prometheus.Histogram
	leader       prometheus.Gauge
	configOK     prometheus.Gauge
	configErrors prometheus.Counter
	lastWrong    error
}

var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics(router Router, watcher Watcher, writer Writer) *Metrics {
	gauge := func(name, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts{Name: name, Help: help} }
	m := &Metrics{
		registry:     prometheus.NewRegistry(),
		poolTotal:    prometheus.NewGaugeVec(gauge("hawser_pool_addresses", "Addresses that a pool may give; told by the leader."), []string{"pool", "family"}),
		poolAssigned: prometheus.NewGaugeVec(gauge("hawser_pool_addresses_assigned", "Addresses of a pool that Services hold; told by the leader."), []string{"pool", "family"}),
		allocations:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawser_allocations_total", Help: "Decisions carried out by this speaker as the leader, by result: assigned, changed, released, failed."}, []string{"result"}),
		flaps:        prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawser_bgp_session_downs_total", Help: "Times that an established session ended."}, []string{"peer", "address"}),
		routes:       prometheus.NewGauge(gauge("hawser_routes_announced", "Routes that this node announces.")),
		refused:      prometheus.NewGaugeVec(gauge("hawser_services_not_announced", "Services, or single addresses of them, that this node does not announce, by reason."), []string{"reason"}),
		pass:         prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawser_reconcile_seconds", Help: "One pass from the cluster to the routes, with what is written on the way.", Buckets: seconds}),
		service:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawser_service_to_route_seconds", Help: "From the first sight of a Service without an address to its route being sent by this node.", Buckets: seconds}),
		leader:       prometheus.NewGauge(gauge("hawser_leader", "1 when this speaker is the leader, which gives out addresses.")),
		configOK:     prometheus.NewGauge(gauge("hawser_config_ok", "0 while a ConfigMap is there whose text cannot be read.")),
		configErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawser_config_errors_total", Help: "Texts of the ConfigMap that could not be read."}),
	}
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hawser_events_dropped_total", Help: "Events that were not sent, since too many waited for the API server."},
		func() float64 { return float64(writer.EventsDropped()) })
	m.configOK.Set(1)
	m.registry.MustRegister(dropped, m.poolTotal, m.poolAssigned, m.allocations, m.flaps, m.routes, m.refused, m.pass, m.service,
		m.leader, m.configOK, m.configErrors, sessions{router}, heartbeats{watcher},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range []alloc.Change{alloc.Assigned, alloc.Changed, alloc.Released, alloc.Failed} {
		m.allocations.WithLabelValues(c.String())
	}
	for _, r := range announce.Reasons() {
		m.refused.WithLabelValues(string(r))
	}
	return m
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

func (m *Metrics) pools(all []model.PoolUse) {
	m.poolTotal.Reset()
	m.poolAssigned.Reset()
	for _, p := range all {
		for family, u := range map[string]model.Use{"ipv4": p.IPv4, "ipv6": p.IPv6} {
			if u.Total == nil || u.Total.Sign() == 0 {
				continue
			}
			m.poolTotal.WithLabelValues(p.Pool, family).Set(float(u.Total))
			m.poolAssigned.WithLabelValues(p.Pool, family).Set(float(u.Assigned))
		}
	}
}

func float(n *big.Int) float64 {
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

func (m *Metrics) allocated(c alloc.Change) { m.allocations.WithLabelValues(c.String()).Inc() }
func (m *Metrics) flap(p bgp.PeerID)        { m.flaps.WithLabelValues(p.Name, p.Address.String()).Inc() }
func (m *Metrics) passed(d time.Duration)   { m.pass.Observe(d.Seconds()) }
func (m *Metrics) served(d time.Duration)   { m.service.Observe(d.Seconds()) }

func (m *Metrics) leading(yes bool) {
	m.leader.Set(0)
	if yes {
		m.leader.Set(1)
		return
	}
	m.poolTotal.Reset()
	m.poolAssigned.Reset()
}

func (m *Metrics) config(c kube.Config) {
	err := c.Err()
	m.configOK.Set(1)
	if err != nil {
		m.configOK.Set(0)
		if m.lastWrong == nil || err.Error() != m.lastWrong.Error() {
			m.configErrors.Inc()
		}
	}
	m.lastWrong = err
}

func (m *Metrics) announced(b *announce.Board) {
	m.routes.Set(float64(len(b.Routes())))
	for _, r := range announce.Reasons() {
		m.refused.WithLabelValues(string(r)).Set(float64(b.Refused(r)))
	}
}

// sessions asks the speaker when somebody asks for the figures.
type sessions struct{ router Router }

var (
	sessionUp     = prometheus.NewDesc("hawser_bgp_session_up", "1 while the session is established.", []string{"peer", "address"}, nil)
	sessionRoutes = prometheus.NewDesc("hawser_bgp_routes_sent", "Prefixes that the peer has been told and that stand.", []string{"peer", "address"}, nil)
)

// Describe implements prometheus.Collector.
func (s sessions) Describe(to chan<- *prometheus.Desc) { to <- sessionUp; to <- sessionRoutes }

// Collect implements prometheus.Collector.
func (s sessions) Collect(to chan<- prometheus.Metric) {
	for _, p := range s.router.Status() {
		up := 0.0
		if p.State == bgp.StateEstablished {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(sessionUp, prometheus.GaugeValue, up, p.Name, p.Address.String())
		to <- prometheus.MustNewConstMetric(sessionRoutes, prometheus.GaugeValue, float64(p.Announced), p.Name, p.Address.String())
	}
}

// heartbeats asks BFD when somebody asks for the figures.
type heartbeats struct{ watcher Watcher }

var (
	bfdUp      = prometheus.NewDesc("hawser_bfd_up", "1 while BFD hears the peer; only of peers that are watched.", []string{"address"}, nil)
	bfdDowns   = prometheus.NewDesc("hawser_bfd_downs_total", "Times that BFD left Up.", []string{"address"}, nil)
	bfdIgnored = prometheus.NewDesc("hawser_bfd_packets_ignored_total", "BFD packets that were for no session, by reason.", []string{"reason"}, nil)
)

// Describe implements prometheus.Collector.
func (h heartbeats) Describe(to chan<- *prometheus.Desc) {
	to <- bfdUp
	to <- bfdDowns
	to <- bfdIgnored
}

// Collect implements prometheus.Collector.
func (h heartbeats) Collect(to chan<- prometheus.Metric) {
	for _, s := range h.watcher.Status() {
		up := 0.0
		if s.State == bfd.Up {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(bfdUp, prometheus.GaugeValue, up, s.Remote.String())
		to <- prometheus.MustNewConstMetric(bfdDowns, prometheus.CounterValue, float64(s.Downs), s.Remote.String())
	}
	ignored := h.watcher.Ignored()
	for _, reason := range bfd.Reasons() {
		to <- prometheus.MustNewConstMetric(bfdIgnored, prometheus.CounterValue, float64(ignored[reason]), reason)
	}
}
