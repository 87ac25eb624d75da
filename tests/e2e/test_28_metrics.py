# SPDX-License-Identifier: Apache-2.0
"""What a run tells Prometheus, and the dashboard that shows it."""

import json
import re
import urllib.error
import urllib.request

import pytest
import yaml
from harness import OMB, ROOT, free_port, kill, start, wait_until
from prometheus_client.parser import text_string_to_metric_families

GRAFANA = ROOT / "deploy" / "grafana"
LOOPBACK = {"name": "Loopback", "driver": "loopback", "delay": "2ms"}
WORKLOAD = {
    "name": "small",
    "topics": 2,
    "partitionsPerTopic": 3,
    "messageSize": 100,
    "useRandomizedPayloads": True,
    "randomBytesRatio": 0.5,
    "randomizedPayloadPoolSize": 10,
    "subscriptionsPerTopic": 1,
    "consumerPerSubscription": 1,
    "producersPerTopic": 1,
    "producerRate": 500,
    "agents": 2,
    "warmupDuration": "0s",
    "testDuration": "3s",
    "samplePeriod": "1s",
}


def fetch(port, path="/metrics", **more):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", **more)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def families(text):
    return {family.name: family for family in text_string_to_metric_families(text)}


def total(family, name=None):
    return sum(s.value for s in family.samples if name is None or s.name == name)


def metrics_of_the_page():
    """Name -> type, as docs/metrics.md has them, which the build checks."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    assert len(rows) > 40
    return dict(rows)


def names_in(expression):
    """Words of a query that are metrics: what stands in front of a selector, or alone."""
    words = re.findall(r"\b(?:omb|benchmark)_\w+", re.sub(r'"[^"]*"', '""', expression))
    assert words, expression
    return words


def base_of(name, known):
    """The metric whose histogram or summary has this series."""
    for suffix in ("_bucket", "_sum", "_count"):
        if known.get(name.removesuffix(suffix)) in ("histogram", "summary"):
            return name.removesuffix(suffix)
    return name


def test_a_run_is_seen_while_it_goes_on_and_costs_it_nothing(omb):
    port = free_port()
    running = omb.start(WORKLOAD, LOOPBACK, "--metrics", str(port))
    running.await_phase("measure")

    def some_are_acknowledged():
        page = families(fetch(port)[1])
        return total(page["omb_acknowledged_messages"]) > 500 and page

    page = wait_until(some_are_acknowledged, 30, "acknowledged messages on the page")
    kind, text = fetch(port)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    page = families(text)
    for path, how, code in (("/", {}, 404), ("/metrics", {"data": b"x"}, 405)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(port, path, **how)
        assert refused.value.code == code
    result = running.wait()
    result.must_be_good()

    known = metrics_of_the_page()
    served = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    assert served and all(known[name] == kind for name, kind in served)
    (run,) = page["omb_run_info"].samples
    assert run.labels["workload"] == "small"
    assert run.labels["driver"] == "Loopback"
    agents = {s.labels["agent"] for s in page["omb_sent_messages"].samples}
    assert agents == {"0", "1"}
    assert total(page["omb_acknowledged_messages"]) <= result.totals["acknowledged"]
    latency = page["omb_publish_latency_seconds"]
    count = total(latency, "omb_publish_latency_seconds_count")
    # The broker answers after 2 ms, and an answer is not under way for a minute.
    values = {s.labels["le"]: s.value for s in latency.samples if s.name.endswith("_bucket")}
    assert count > 0
    assert values["0.001"] == 0
    assert values["60"] == values["+Inf"] == count
    assert total(latency, "omb_publish_latency_seconds_sum") >= 0.002 * count


def test_a_worker_is_seen_while_it_makes_a_load_and_keeps_the_slowest_for_its_coordinator(omb, tmp_path):
    out = tmp_path / "worker.out"
    with out.open("w") as stdout:
        worker = start([OMB, "worker", "-p", "0", "-sp", "0", "--worker-id", "w1"], stdout=stdout)
    try:

        def said(what):
            return lambda: re.search(rf"^{what} on (\S+)$", out.read_text(), re.MULTILINE)

        at = wait_until(said("listening"), 30, "where it listens").group(1)
        port = int(wait_until(said("metrics"), 30, "where the metrics are").group(1).rpartition(":")[2])
        assert total(families(fetch(port)[1])["omb_agents"]) == 0
        running = omb.start(WORKLOAD, LOOPBACK, "-w", f"http://{at}")

        def some_are_acknowledged():
            page = families(fetch(port)[1])
            return total(page["omb_acknowledged_messages"]) > 500 and page

        page = wait_until(some_are_acknowledged, 30, "acknowledged messages on the page")
        (run,) = page["omb_run_info"].samples
        assert run.labels == {"worker": "w1"}
        result = running.wait()
        result.must_be_good()
        slowest = result.omb["slowest"]
        assert len(slowest["acknowledged"]["rows"]) == 20
    finally:
        kill(worker)


@pytest.mark.parametrize("port", ["0", "70000", "x", ""])
def test_what_is_no_port_is_refused(omb, port):
    result = omb.run(WORKLOAD, LOOPBACK, "--metrics", port)
    result.must_end(2)
    assert f'--metrics: "{port}" is not a port in 1..65535' in result.err


def test_a_port_that_is_taken_is_said_before_anything_starts(omb):
    port = free_port()
    running = omb.start(WORKLOAD, LOOPBACK, "--metrics", str(port))
    wait_until(lambda: can_fetch(port), 30, "the page")
    second = omb.run(WORKLOAD, LOOPBACK, "--metrics", str(port))
    second.must_end(1)
    assert f"--metrics: listening on 127.0.0.1:{port}" in second.err
    running.wait().must_be_good()


def can_fetch(port):
    try:
        return fetch(port)
    except OSError:
        return None


def test_every_query_of_the_dashboard_names_metrics_that_exist():
    known = metrics_of_the_page()
    dashboard = json.loads((GRAFANA / "dashboard.json").read_text())
    targets = [t for panel in dashboard["panels"] for t in panel["targets"]]
    assert len(targets) > 20
    queries = [t["expr"] for t in targets]
    queries += [v["query"]["query"] for v in dashboard["templating"]["list"]]
    for query in queries:
        for name in names_in(query):
            base = base_of(name, known)
            assert base in known, query
            if known[base] == "counter":
                assert f"rate({name}" in query, query
            assert known[base] != "histogram" or "histogram_quantile(" in query, query
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/omb.yaml").read_text())
    assert {t["datasource"]["uid"] for t in targets} == {s["uid"] for s in sources["datasources"]}


def test_the_composition_mounts_what_is_there():
    services = yaml.safe_load((GRAFANA / "compose.yaml").read_text())["services"]
    mounted = [v.split(":")[0] for s in services.values() for v in s["volumes"] if v.startswith(".")]
    assert len(mounted) == 3
    assert all((GRAFANA / path).exists() for path in mounted)
    config = yaml.safe_load((GRAFANA / "prometheus.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["127.0.0.1:8081"]
    at = yaml.safe_load((GRAFANA / "provisioning/dashboards/omb.yaml").read_text())
    (folder,) = [p["options"]["path"] for p in at["providers"]]
    assert f"./dashboard.json:{folder}/dashboard.json:ro" in services["grafana"]["volumes"]
