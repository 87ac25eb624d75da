// SPDX-License-Identifier: Apache-2.0
package chart

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
)

type values = map[string]interface{}

func rendered(t *testing.T, given values) *release {
	t.Helper()
	r, err := render("load", given, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pods(r *release) map[string]*corev1.PodTemplateSpec {
	all := map[string]*corev1.PodTemplateSpec{}
	for _, set := range r.sets {
		all[set.Name] = &set.Spec.Template
	}
	for _, job := range r.jobs {
		all[job.Name] = &job.Spec.Template
	}
	return all
}

func containers(pod *corev1.PodTemplateSpec) []corev1.Container {
	return append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
}

var broker = values{"podLabels": values{"app": "kafka"}, "namespaces": []interface{}{"kafka"}}

// What people set, alone and together.
var settings = map[string]values{
	"as it is":    {},
	"no run":      {"run": values{"enabled": false}},
	"no policy":   {"networkPolicy": values{"enabled": false}},
	"a broker":    {"broker": broker},
	"a volume":    {"results": values{"to": "volume", "storageClass": "fast"}},
	"its claim":   {"results": values{"to": "volume", "claim": "mine"}},
	"one worker":  {"workers": values{"replicas": 1}},
	"its token":   {"token": values{"existingSecret": "mine"}},
	"no sysctls":  {"workers": values{"sysctls": nil}},
	"own options": {"workers": values{"options": []interface{}{"--agents", "per-core"}}, "run": values{"options": []interface{}{"--set", "producerRate=5"}}},
	"everything": {
		"image":   values{"repository": "r.example/omb", "tag": "7", "pullSecrets": []interface{}{"pull"}},
		"broker":  broker,
		"results": values{"to": "volume"},
		"workers": values{"replicas": 7, "port": 9000,
			"nodeSelector": values{"pool": "load"},
			"tolerations":  []interface{}{values{"key": "load", "operator": "Exists"}}},
		"run": values{"nodeSelector": values{"pool": "load"},
			"tolerations": []interface{}{values{"key": "load", "operator": "Exists"}}},
	},
}

func TestEverySettingDecodesStrictly(t *testing.T) {
	for name, given := range settings {
		r := rendered(t, given)
		runs, tokens := 1, 1
		if name == "its token" {
			tokens = 0
		}
		if name == "no run" {
			runs = 0
		}
		if len(r.sets) != 1 || len(r.services) != 1 || len(r.jobs) != runs ||
			len(r.secrets) != runs+tokens || len(r.maps) != runs {
			t.Errorf("%s: not the objects that it should have:\n%s", name, r.manifests)
		}
		if strings.Contains(r.manifests, "<no value>") || strings.Contains(r.notes, "<no value>") {
			t.Errorf("%s: a value is missing", name)
		}
	}
}

func TestAKeyThatKubernetesDoesNotHaveIsFound(t *testing.T) {
	text := "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  clusterIp: None\n"
	if err := (&release{}).read(text); err == nil || !strings.Contains(err.Error(), "clusterIp") {
		t.Fatalf("strict decoding said %v", err)
	}
}

func TestHelmLintsTheChart(t *testing.T) {
	for _, m := range lint.All(folder, values{}, "bench", true).Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}

func TestPodsAreOfTheClassGuaranteed(t *testing.T) {
	for setting, given := range settings {
		for name, pod := range pods(rendered(t, given)) {
			for _, c := range containers(pod) {
				for _, kind := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
					limit, asked := c.Resources.Limits[kind], c.Resources.Requests[kind]
					if limit.IsZero() || limit.Cmp(asked) != 0 {
						t.Errorf("%s: %s/%s: %s %s of %s", setting, name, c.Name, kind, asked.String(), limit.String())
					}
				}
			}
		}
	}
	cpu := rendered(t, nil).sets[0].Spec.Template.Spec.Containers[0].Resources.Limits[corev1.ResourceCPU]
	if cpu.MilliValue()%1000 != 0 {
		t.Errorf("%s CPUs: only whole ones can be a worker's own", cpu.String())
	}
}

// The profile "restricted" of Kubernetes' pod security standards, as far as it is about what we set.
func TestPodsMayDoNothingThatTheyNeedNot(t *testing.T) {
	for name, pod := range pods(rendered(t, settings["everything"])) {
		s := pod.Spec.SecurityContext
		if s == nil || !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != "RuntimeDefault" ||
			*pod.Spec.AutomountServiceAccountToken || pod.Spec.HostNetwork {
			t.Errorf("%s: %+v", name, s)
		}
		for _, c := range containers(pod) {
			s := c.SecurityContext
			if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem ||
				!reflect.DeepEqual(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
				t.Errorf("%s/%s: %+v", name, c.Name, s)
			}
		}
	}
}

func matches(t *testing.T, selector *metav1.LabelSelector, pod *corev1.PodTemplateSpec) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(pod.Labels))
}

func TestSelectorsFindTheirPodsAndNoOthers(t *testing.T) {
	r := rendered(t, settings["everything"])
	worker, run := &r.sets[0].Spec.Template, &r.jobs[0].Spec.Template
	if !matches(t, r.sets[0].Spec.Selector, worker) || matches(t, r.sets[0].Spec.Selector, run) {
		t.Error("the StatefulSet's selector")
	}
	service := &metav1.LabelSelector{MatchLabels: r.services[0].Spec.Selector}
	if !matches(t, service, worker) || matches(t, service, run) {
		t.Error("the service's selector")
	}
	p := r.policies[0].Spec
	if !matches(t, &p.PodSelector, worker) || matches(t, &p.PodSelector, run) {
		t.Error("the policy is not the workers'")
	}
	from := p.Ingress[0].From[0].PodSelector
	if !matches(t, from, run) || matches(t, from, worker) || len(p.Ingress) != 1 || len(p.Ingress[0].From) != 1 {
		t.Error("who may call workers")
	}
	if p.Ingress[0].Ports[0].Port.IntValue() != 9000 {
		t.Error("the port of the policy")
	}
}

func argument(t *testing.T, c *corev1.Container, flag string) string {
	t.Helper()
	for i, word := range c.Args {
		if word == flag && i+1 < len(c.Args) {
			return c.Args[i+1]
		}
	}
	t.Fatalf("no %s in %q", flag, c.Args)
	return ""
}

func TestTheRunCallsEveryWorkerByTheNameThatItHas(t *testing.T) {
	for name, given := range settings {
		r := rendered(t, given)
		if len(r.jobs) == 0 {
			continue
		}
		set, service, port := r.sets[0], r.services[0], r.services[0].Spec.Ports[0]
		container := &set.Spec.Template.Spec.Containers[0]
		if service.Spec.ClusterIP != "None" || set.Spec.ServiceName != service.Name {
			t.Errorf("%s: %s is not the headless service of the workers", name, service.Name)
		}
		if port.TargetPort.StrVal != container.Ports[0].Name || container.Ports[0].ContainerPort != port.Port ||
			argument(t, container, "-p") != strconv.Itoa(int(port.Port)) {
			t.Errorf("%s: ports do not fit together", name)
		}
		var urls, hosts []string
		for i := 0; i < int(*set.Spec.Replicas); i++ {
			host := fmt.Sprintf("%s-%d.%s.bench.svc", set.Name, i, service.Name)
			hosts = append(hosts, host)
			urls = append(urls, fmt.Sprintf("http://%s:%d", host, port.Port))
		}
		pod := r.jobs[0].Spec.Template.Spec
		if got := argument(t, &pod.Containers[0], "-w"); got != strings.Join(urls, ",") {
			t.Errorf("%s: workers are %v, and the run calls %s", name, urls, got)
		}
		if got := pod.InitContainers[0].Command[4:]; !reflect.DeepEqual(got, hosts) {
			t.Errorf("%s: workers are %v, and the run waits for %v", name, hosts, got)
		}
	}
}

func secretWith(r *release, key string) *corev1.Secret {
	for _, s := range r.secrets {
		if s.StringData[key] != "" || s.Data[key] != nil {
			return s
		}
	}
	return &corev1.Secret{}
}

func driverSecret(r *release) *corev1.Secret { return secretWith(r, "driver.yaml") }
func tokenSecret(r *release) *corev1.Secret  { return secretWith(r, "token") }

func TestWorkersAndRunHaveOneToken(t *testing.T) {
	for name, want := range map[string]string{"as it is": "load-omb-token", "its token": "mine"} {
		r := rendered(t, settings[name])
		if made := tokenSecret(r); (made.Name != want) != (name == "its token") ||
			(made.Name != "" && len(made.StringData["token"]) < 32) {
			t.Errorf("%s: the secret %q", name, made.Name)
		}
		for pod, template := range pods(r) {
			c, found := &template.Spec.Containers[0], false
			for _, v := range template.Spec.Volumes {
				for _, m := range c.VolumeMounts {
					found = found || (v.Name == m.Name && v.Secret != nil && v.Secret.SecretName == want &&
						argument(t, c, "--token-file") == m.MountPath+"/token")
				}
			}
			if !found {
				t.Errorf("%s: %s does not read the token where it is", name, pod)
			}
		}
	}
}

func TestATokenStaysWhatItIs(t *testing.T) {
	r, err := render("load", nil, cluster(t))
	if err != nil {
		t.Fatal(err)
	}
	if s := tokenSecret(r); string(s.Data["token"]) != "of before" || s.StringData != nil {
		t.Errorf("%+v", s)
	}
}

func TestFilesArriveAsTheyWereWritten(t *testing.T) {
	driver := "name: K\ncommonConfig: |\n  sasl.password=a'b\"c: {{ no }}\n\n  x=y\n"
	workload := "# first\ntopics: 1\n"
	r := rendered(t, values{"driver": driver, "workload": workload})
	if got := driverSecret(r).StringData["driver.yaml"]; got != driver {
		t.Errorf("the driver file is %q", got)
	}
	if got := r.maps[0].Data["workload.yaml"]; got != workload {
		t.Errorf("the workload file is %q", got)
	}
	if strings.Contains(strings.Replace(r.manifests, driver, "", 1), "sasl.password") &&
		strings.Count(r.manifests, "sasl.password") != 1 {
		t.Error("a password is outside of the secret")
	}
	pod := r.jobs[0].Spec.Template.Spec
	c := &pod.Containers[0]
	for _, m := range c.VolumeMounts {
		for _, v := range pod.Volumes {
			if v.Name == m.Name && v.Name == "driver" &&
				(v.Secret.SecretName != driverSecret(r).Name || argument(t, c, "-d") != m.MountPath+"/driver.yaml") {
				t.Error("the run does not read the driver file where it is")
			}
			if v.Name == m.Name && v.ConfigMap != nil &&
				(v.ConfigMap.Name != r.maps[0].Name || c.Args[len(c.Args)-1] != m.MountPath+"/workload.yaml") {
				t.Error("the run does not read the workload file where it is")
			}
			if v.Name == m.Name && v.Name == "results" && argument(t, c, "-o") != m.MountPath+"/" {
				t.Error("results go elsewhere")
			}
		}
	}
}

func TestWorkersAndRunStayAwayFromBrokers(t *testing.T) {
	for name, pod := range pods(rendered(t, values{"broker": broker})) {
		terms := pod.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		if len(terms) != 1 || terms[0].LabelSelector.MatchLabels["app"] != "kafka" ||
			terms[0].TopologyKey != "kubernetes.io/hostname" ||
			!reflect.DeepEqual(terms[0].Namespaces, []string{"kafka"}) {
			t.Errorf("%s: %+v", name, terms)
		}
	}
	// Without labels no rule may be there: one without labels would be about every pod.
	for name, pod := range pods(rendered(t, nil)) {
		if a := pod.Spec.Affinity; a != nil && a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
			t.Errorf("%s keeps away from everything", name)
		}
	}
}

func TestResultsGoToTheVolumeThatIsAskedFor(t *testing.T) {
	claim := func(r *release) string {
		for _, v := range r.jobs[0].Spec.Template.Spec.Volumes {
			if v.PersistentVolumeClaim != nil {
				return v.PersistentVolumeClaim.ClaimName
			}
		}
		return ""
	}
	r := rendered(t, settings["a volume"])
	if len(r.claims) != 1 || claim(r) != r.claims[0].Name || *r.claims[0].Spec.StorageClassName != "fast" ||
		r.claims[0].Annotations["helm.sh/resource-policy"] != "keep" {
		t.Errorf("a claim of the release: %+v", r.claims)
	}
	if r = rendered(t, settings["its claim"]); len(r.claims) != 0 || claim(r) != "mine" {
		t.Error("an existing claim is not used")
	}
	if r = rendered(t, nil); len(r.claims) != 0 || claim(r) != "" {
		t.Error("a claim although results go to the log")
	}
}

func TestValuesThatMakeNoSenseAreRefused(t *testing.T) {
	for text, given := range map[string]values{
		"results.to is log or volume":      {"results": values{"to": "nowhere"}},
		"there is nobody to make the load": {"workers": values{"replicas": 0}},
	} {
		if _, err := render("load", given, nil); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNamesOfTheLongestReleaseAreNames(t *testing.T) {
	r, err := render(strings.Repeat("a", 53), settings["everything"], nil)
	if err != nil {
		t.Fatal(err)
	}
	// A pod of the set has its number and, as a label, a hash of ten digits.
	names := []string{r.sets[0].Name + "-0123456789", r.services[0].Name, r.jobs[0].Name, driverSecret(r).Name, tokenSecret(r).Name}
	for _, name := range names {
		if wrong := validation.IsDNS1123Label(name); wrong != nil {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

// An API server that knows one StatefulSet.
func cluster(t *testing.T) *rest.Config {
	answers := map[string]interface{}{
		"/api": values{"kind": "APIVersions", "versions": []string{"v1"}},
		"/api/v1": values{"kind": "APIResourceList", "groupVersion": "v1",
			"resources": []values{{"name": "secrets", "namespaced": true, "kind": "Secret", "verbs": []string{"get"}}}},
		"/api/v1/namespaces/bench/secrets/load-omb-token": values{"apiVersion": "v1", "kind": "Secret",
			"metadata": values{"name": "load-omb-token"}, "data": values{"token": "b2YgYmVmb3Jl"}},
		"/apis": values{"kind": "APIGroupList", "apiVersion": "v1", "groups": []values{}},
		"/apis/apps/v1": values{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1",
			"resources": []values{{"name": "statefulsets", "namespaced": true, "kind": "StatefulSet", "verbs": []string{"get"}}}},
		"/apis/apps/v1/namespaces/bench/statefulsets/load-omb-worker": values{"apiVersion": "apps/v1", "kind": "StatefulSet",
			"metadata": values{"name": "load-omb-worker", "uid": "7d1f"}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if !known {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func TestARunIsOwnedByWorkersThatAreThere(t *testing.T) {
	r, err := render("load", nil, cluster(t))
	if err != nil {
		t.Fatal(err)
	}
	owners := r.jobs[0].OwnerReferences
	if len(owners) != 1 || owners[0].Kind != "StatefulSet" || owners[0].Name != r.sets[0].Name || owners[0].UID != "7d1f" {
		t.Errorf("%+v", owners)
	}
	if owners = rendered(t, nil).jobs[0].OwnerReferences; owners != nil {
		t.Errorf("owners that are not known: %+v", owners)
	}
}

func TestTheRunWaitsForWorkersAndNotForEver(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	r := rendered(t, values{"workers": values{"port": port}, "run": values{"waitSeconds": 0}})
	script := r.jobs[0].Spec.Template.Spec.InitContainers[0].Command[2]
	wait := func() (string, error) {
		out, err := exec.Command("bash", "-c", script, "wait", "127.0.0.1").CombinedOutput()
		return string(out), err
	}
	if out, err := wait(); err != nil {
		t.Errorf("a worker is there: %v, %s", err, out)
	}
	listener.Close()
	if out, err := wait(); err == nil || !strings.Contains(out, "no worker at 127.0.0.1 after 0 s") {
		t.Errorf("no worker is there: %v, %s", err, out)
	}
}

func TestTheLogHasTheResultAndTheExitCodeIsTheRuns(t *testing.T) {
	results := t.TempDir()
	omb := "#!/bin/sh\necho \"$*\" > \"$OMB_TEST/words\"\necho {} > \"$OMB_TEST/a.json.invalid\"\nexit 3\n"
	if err := os.WriteFile(filepath.Join(results, "omb"), []byte(omb), 0o755); err != nil {
		t.Fatal(err)
	}
	c := rendered(t, nil).jobs[0].Spec.Template.Spec.Containers[0]
	script := strings.ReplaceAll(c.Command[2], "/results", results)
	command := exec.Command("bash", append([]string{"-c", script, c.Command[3]}, c.Args...)...)
	command.Env = []string{"PATH=" + results + ":" + os.Getenv("PATH"), "OMB_TEST=" + results}
	out, err := command.CombinedOutput()
	if exit, is := err.(*exec.ExitError); !is || exit.ExitCode() != 3 {
		t.Errorf("the run ended with 3, and the script with %v", err)
	}
	if !strings.Contains(string(out), "a.json.invalid\n{}\n") {
		t.Errorf("the log is %q", out)
	}
	words, _ := os.ReadFile(filepath.Join(results, "words"))
	if strings.TrimSpace(string(words)) != strings.Join(c.Args, " ") {
		t.Errorf("omb was given %q", words)
	}
}
