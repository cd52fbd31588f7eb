package kube

import (
	"errors"
	"fmt"
	"net/http"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/shared/version"
)

// clients are the API server by group.
type clients struct {
	core, discovery, coordination, hawser *rest.RESTClient
}

const protobuf = "application/vnd.kubernetes.protobuf"

// connect prepares clients; it sends nothing. kubeconfig may be empty inside a
// cluster.
func connect(kubeconfig string) (clients, error) {
	config, err := restConfig(kubeconfig)
	if err != nil {
		return clients{}, err
	}
	config.UserAgent = "hawser-speaker/" + version.String()
	config.QPS = -1                  // the API server has its own fairness, and a burst of Services must not wait here
	config.DisableCompression = true // the API server's processor is dearer than the wire
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return clients{}, fmt.Errorf("kubeconfig: %w", err)
	}
	codecs := serializer.NewCodecFactory(newScheme())
	c := clients{}
	var errs []error
	for _, g := range []struct {
		to      **rest.RESTClient
		version schema.GroupVersion
		content string
	}{
		{&c.core, corev1.SchemeGroupVersion, protobuf},
		{&c.discovery, discoveryv1.SchemeGroupVersion, protobuf},
		{&c.coordination, coordinationv1.SchemeGroupVersion, protobuf},
		{&c.hawser, v1alpha1.GroupVersion, "application/json"},
	} {
		*g.to, err = restClient(*config, g.version, g.content, codecs, httpClient)
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

func restClient(config rest.Config, gv schema.GroupVersion, content string, codecs serializer.CodecFactory, h *http.Client) (*rest.RESTClient, error) {
	config.GroupVersion = &gv
	config.APIPath = "/apis"
	if gv.Group == "" {
		config.APIPath = "/api"
	}
	config.ContentType = content
	config.AcceptContentTypes = content
	if content == protobuf {
		config.AcceptContentTypes += ",application/json"
	}
	config.NegotiatedSerializer = codecs.WithoutConversion()
	return rest.RESTClientForConfigAndClient(&config, h)
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("%w: outside a cluster give --kubeconfig", err)
		}
		return config, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return config, nil
}

// newScheme knows the kinds that are used, and no others: each one costs room
// in the binary.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	s.AddKnownTypes(corev1.SchemeGroupVersion,
		&corev1.Service{}, &corev1.ServiceList{},
		&corev1.Node{}, &corev1.NodeList{},
		&corev1.Namespace{}, &corev1.NamespaceList{},
		&corev1.ConfigMap{}, &corev1.ConfigMapList{},
		&corev1.Secret{}, &corev1.SecretList{},
		&corev1.Event{}, &corev1.EventList{},
	)
	s.AddKnownTypes(discoveryv1.SchemeGroupVersion, &discoveryv1.EndpointSlice{}, &discoveryv1.EndpointSliceList{})
	s.AddKnownTypes(coordinationv1.SchemeGroupVersion, &coordinationv1.Lease{}, &coordinationv1.LeaseList{})
	for _, gv := range []schema.GroupVersion{corev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion, coordinationv1.SchemeGroupVersion} {
		metav1.AddToGroupVersion(s, gv)
	}
	s.AddUnversionedTypes(schema.GroupVersion{Version: "v1"}, &metav1.Status{})
	if err := v1alpha1.AddToScheme(s); err != nil {
		panic(err) // it registers fixed types
	}
	return s
}
