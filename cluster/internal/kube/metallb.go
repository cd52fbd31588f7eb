package kube

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// MetalLB is what MetalLB is told in a cluster, as manifests: its ConfigMap and
// its objects of one namespace. Secrets are not read. A cluster that has none
// of its kinds has none of its objects.
func MetalLB(ctx context.Context, kubeconfig, namespace string) (string, error) {
	api, err := connect(kubeconfig)
	if err != nil {
		return "", err
	}
	var out []string
	for _, paths := range [][]string{
		{"/api/v1/namespaces/" + namespace + "/configmaps/" + ConfigName},
		metallb(namespace, "communities", "v1beta1"),
		metallb(namespace, "bfdprofiles", "v1beta1"),
		metallb(namespace, "ipaddresspools", "v1beta1"),
		metallb(namespace, "bgppeers", "v1beta2", "v1beta1"),
		metallb(namespace, "bgpadvertisements", "v1beta1"),
		metallb(namespace, "l2advertisements", "v1beta1"),
	} {
		for _, path := range paths {
			text, err := api.core.Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", path, err)
			}
			out = append(out, string(text))
			break
		}
	}
	return strings.Join(out, "\n---\n"), nil
}

// metallb are the paths of one kind, the newest version first.
func metallb(namespace, resource string, versions ...string) []string {
	var out []string
	for _, v := range versions {
		out = append(out, "/apis/metallb.io/"+v+"/namespaces/"+namespace+"/"+resource)
	}
	return out
}
