# SPDX-License-Identifier: Apache-2.0
"""A run through `omb proxy`, which cuts its connections; for other drivers: tests/drivers."""

import signal

import pytest
from harness import Proxy, assert_account_is_consistent, free_port, plain_workload, wait_until

RATE = 400
workload = plain_workload(
    name="network",
    partitionsPerTopic=4,
    messageSize=200,
    consumerPerSubscription=2,
    producersPerTopic=2,
    producerRate=RATE,
    agents="per-client",
    testDuration="6s",
    drainTimeout="40s",
)


def measured(running):
    return sum(x["phase"] == "measure" for x in running.said("progress"))


def await_measured(running, seconds=1):
    """Until so many more samples of the window are there."""
    wanted = measured(running) + seconds
    wait_until(lambda: measured(running) >= wanted, 30, "measured samples")


@pytest.mark.delicate
@pytest.mark.limit(90)
def test_a_cut_on_the_loopback_broker_is_told_and_what_was_sent_is_accounted_for(omb, tmp_path):
    port = free_port()
    broker = {"name": "Broker", "driver": "loopback", "address": f"127.0.0.1:{port}"}
    # A run of one message a second whose broker serves the other run as well.
    host = omb.start(workload(producerRate=1, testDuration="60s", name="host"), broker)
    host.await_phase("measure")
    proxy = Proxy(tmp_path / "proxy", f"127.0.0.1:{port}")
    try:
        through = broker | {"address": proxy.address, "external": True, "name": "Through"}
        files = (
            omb.write("through-d.yaml", through),
            omb.write("through-w.yaml", workload(drainTimeout="2s", name="through")),
        )
        running = omb.launch("run", "--log-format", "json", "-d", *files)
        await_measured(running)
        proxy.tell("cut")
        result = running.wait(60)
    finally:
        proxy.stop()
        host.signal(signal.SIGINT)
        host.wait(30)
    result.files = [p for p in result.files if p.name.startswith("through-w-")]
    result.must_end(3)
    assert result.verdict == "INVALID"
    assert_account_is_consistent(result)
    assert result.totals["unacknowledged"] + result.totals["failed"] > 0
    assert "connection" in {e["name"] for e in result.events("client")}
