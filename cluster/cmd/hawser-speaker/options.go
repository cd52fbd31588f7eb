package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// options are what run is told.
type options struct {
	nodeName          string
	namespace         string
	kubeconfig        string
	loadBalancerClass string
	ignoreExcludeLB   bool
	metricsAddress    string
	healthAddress     string
	logLevel          string
	logFormat         string
	listenPort        uint16
	drainTime         time.Duration
	proxyWait         time.Duration
}

// flags describes the options of run; docs/speaker.md has the same list.
func (o *options) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("hawser-speaker run", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&o.nodeName, "node-name", "", "the name of the Node that this speaker runs on (required)")
	f.StringVar(&o.namespace, "namespace", "hawser-system", "the namespace of Hawser itself: of its Lease and of the ConfigMap \"config\"")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "how to reach the API server from outside a cluster; inside, the ServiceAccount is used")
	f.StringVar(&o.loadBalancerClass, "load-balancer-class", "", "serve the Services of this class, and no others; unset: those without a class")
	f.BoolVar(&o.ignoreExcludeLB, "ignore-exclude-lb", false, "announce also from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers")
	f.StringVar(&o.metricsAddress, "metrics-address", "127.0.0.1:7473", "where /metrics is served; empty: nowhere")
	f.StringVar(&o.healthAddress, "health-address", "127.0.0.1:7474", "where /healthz and /readyz are served; empty: nowhere")
	f.StringVar(&o.logLevel, "log-level", "info", "error, warn, info or debug")
	f.StringVar(&o.logFormat, "log-format", "text", "text or json")
	f.Uint16Var(&o.listenPort, "listen-port", 0, "accept BGP connections from the peers on this port; 0: only dial them")
	f.DurationVar(&o.drainTime, "drain-time", 15*time.Second, "how long the routes of a node that is leaving stay as the last resort before they are withdrawn")
	f.DurationVar(&o.proxyWait, "proxy-wait", 10*time.Second, "how long a Service of externalTrafficPolicy Local waits for the node's service proxy to say that it sends traffic to its new pods; 0: not at all")
	return f
}

// environment is the name of the variable that stands for a flag.
func environment(flag string) string {
	return "HAWSER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// parse reads the environment and then the command line.
func (o *options) parse(args []string) error {
	f := o.flags()
	var bad error
	f.VisitAll(func(flag *pflag.Flag) {
		value, ok := os.LookupEnv(environment(flag.Name))
		if !ok {
			return
		}
		if err := f.Set(flag.Name, value); err != nil && bad == nil {
			bad = fmt.Errorf("environment variable %s: %w", environment(flag.Name), err)
		}
	})
	if bad != nil {
		return misuse{bad}
	}
	if err := f.Parse(args); err != nil {
		if err == pflag.ErrHelp {
			return err
		}
		return misuse{err}
	}
	if f.NArg() > 0 {
		return misuse{fmt.Errorf("%q is more than run takes", f.Arg(0))}
	}
	return o.check()
}

func (o *options) check() error {
	if o.nodeName == "" {
		return misuse{fmt.Errorf("--node-name is missing: give the name of the Node, in a pod by the environment variable %s from spec.nodeName", environment("node-name"))}
	}
	if o.drainTime < 0 {
		return misuse{fmt.Errorf("--drain-time: %s is less than nothing", o.drainTime)}
	}
	if o.proxyWait < 0 {
		return misuse{fmt.Errorf("--proxy-wait: %s is less than nothing", o.proxyWait)}
	}
	for flag, address := range map[string]string{"metrics-address": o.metricsAddress, "health-address": o.healthAddress} {
		if address == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return misuse{fmt.Errorf("--%s: %w: write address:port, or :port for every address", flag, err)}
		}
	}
	return nil
}
