package kube

import (
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/hawser-lb/hawser/cluster/internal/legacy"
)

// ConfigName is the name of the ConfigMap and of the key in it that hold the
// configuration of old.
const ConfigName = "config"

// configMap follows the ConfigMap and keeps the last text that could be read.
type configMap struct {
	mu    sync.RWMutex
	here  bool
	uid   string
	good  *legacy.Config
	wrong error
}

// readText keeps a ConfigMap's text, if it has the key.
func readText(o *corev1.ConfigMap) (string, bool) {
	text, ok := o.Data[ConfigName]
	return text, ok
}

// moved is told by the mirror of every change.
func (c *configMap) moved(uid string, text *string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text == nil {
		c.here, c.good, c.wrong = false, nil, nil
		return
	}
	c.here, c.uid = true, uid
	config, err := legacy.ConfigMap(*text)
	if err != nil {
		c.wrong = err
		return
	}
	c.good, c.wrong = &config, nil
}

// view replaces the objects' configuration by that of the ConfigMap, if there
// is one.
func (c *configMap) view(v *View) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v.Config = Config{ConfigMap: c.here, Usable: !c.here || c.good != nil, wrong: c.wrong, uid: c.uid}
	if !c.here {
		return
	}
	v.Pools, v.Peers, v.Advertisements = nil, nil, nil
	if c.good != nil {
		v.Pools, v.Peers, v.Advertisements = c.good.Pools, c.good.Peers, c.good.Advertisements
		for _, w := range c.good.Warnings {
			v.Config.Warnings = append(v.Config.Warnings, w.Error())
		}
	}
}
