// SPDX-License-Identifier: Apache-2.0

// Package chart renders deploy/kubernetes as Helm does, and reads the outcome as Kubernetes does:
// a key that its types do not have is an error.
package chart

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

const folder = "../../deploy/kubernetes"

// Objects of a release, by kind.
type release struct {
	services  []*corev1.Service
	sets      []*appsv1.StatefulSet
	policies  []*networkingv1.NetworkPolicy
	secrets   []*corev1.Secret
	maps      []*corev1.ConfigMap
	claims    []*corev1.PersistentVolumeClaim
	jobs      []*batchv1.Job
	notes     string
	manifests string
}

func (r *release) add(object runtime.Object) error {
	switch o := object.(type) {
	case *corev1.Service:
		r.services = append(r.services, o)
	case *appsv1.StatefulSet:
		r.sets = append(r.sets, o)
	case *networkingv1.NetworkPolicy:
		r.policies = append(r.policies, o)
	case *corev1.Secret:
		r.secrets = append(r.secrets, o)
	case *corev1.ConfigMap:
		r.maps = append(r.maps, o)
	case *corev1.PersistentVolumeClaim:
		r.claims = append(r.claims, o)
	case *batchv1.Job:
		r.jobs = append(r.jobs, o)
	default:
		return fmt.Errorf("%T is no kind that the chart is meant to have", object)
	}
	return nil
}

func (r *release) read(manifest string) error {
	codecs := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict)
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		object, _, err := codecs.UniversalDeserializer().Decode(document, nil, nil)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, document)
		}
		if err := r.add(object); err != nil {
			return err
		}
	}
}

// render makes revision 1 of a release; `cluster` is what templates may look things up in, or nil.
func render(name string, values map[string]interface{}, cluster *rest.Config) (*release, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: name, Namespace: "bench", Revision: 1, IsInstall: true}
	given, err := chartutil.ToRenderValues(chart, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	var files map[string]string
	if cluster != nil {
		files, err = engine.RenderWithClient(chart, given, cluster)
	} else {
		files, err = engine.Render(chart, given)
	}
	if err != nil {
		return nil, err
	}
	r := &release{}
	for file, text := range files {
		switch base := path.Base(file); {
		case base == "NOTES.txt":
			r.notes = text
		case strings.HasPrefix(base, "_"):
		default:
			r.manifests += text
			if err := r.read(text); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return r, nil
}
