# SPDX-License-Identifier: Apache-2.0
"""What `omb cleanup` spares, and what a run says whose topics vanish under it."""

import signal

import pytest
from conftest import start_kafka
from harness import EmbeddedBroker, plain_workload

pytestmark = pytest.mark.delicate

RATE = 500
# Only producers: no group keeps the topics, and no consumer notices that they are gone.
workload = plain_workload(
    name="producers only",
    topics=2,
    partitionsPerTopic=2,
    randomizedPayloadPoolSize=1,
    subscriptionsPerTopic=0,
    consumerPerSubscription=0,
    producerRate=RATE,
    testDuration="60s",
    drainTimeout="5s",
)


@pytest.fixture
def running(omb, kafka):
    """A run that measures, and whose topics are on the broker."""
    run = omb.start(workload(), kafka.driver(), "-o", "r/")
    run.await_phase("measure")
    omb.write("k.yaml", kafka.driver())
    return run


def id_of(omb):
    (run_id,) = omb.journals()
    return run_id


def cleanup(omb, *args):
    return omb.command("cleanup", "-d", "k.yaml", *args)


# ---- what lives is spared ------------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["whole", "lost"])
def test_a_run_that_goes_on_is_spared_and_named(omb, kafka, running, journal):
    run_id = id_of(omb)
    if journal == "lost":
        omb.journals()[run_id].unlink()
    swept = cleanup(omb, "--min-age", "0s", "--force")
    swept.must_end(0)
    assert f"run {run_id} goes on and is spared: process {running.pid}, " in swept.out
    assert "deleting" not in swept.out and "0 topics and 0 groups of 0 runs deleted" in swept.out

    for dry in ([], ["--dry-run"]):
        named = cleanup(omb, "--run", run_id, *dry)
        named.must_end(2)
        assert f"run {run_id} goes on (process {running.pid}, " in named.err
        assert "--force" in named.err and "delete " not in named.out
    assert len(kafka.leftovers(run_id)) == 2
    assert run_id in omb.journals()

    running.signal(signal.SIGTERM)
    result = running.wait()
    result.must_end(130)
    assert result.totals["acknowledged"] == result.totals["sent"] > 0


# ---- a broker that does not delete ---------------------------------------------------------------


@pytest.fixture(params=["embedded", "kafka"])
def stubborn(request, tmp_path):
    """A broker that refuses to delete topics."""
    if request.param == "embedded":
        broker = EmbeddedBroker(tmp_path / "broker", "--keep-topics")
    else:
        broker = start_kafka(tmp_path, "--set", "delete.topic.enable=false")
    yield broker
    broker.stop()


@pytest.mark.limit(120)
def test_a_broker_that_refuses_deletion_is_named_and_cleanup_is_not_advised(omb, stubborn):
    result = omb.run(workload(testDuration="2s"), stubborn.driver())
    why = "the broker does not delete topics (delete.topic.enable=false)"
    told = result.reasons("note")["leftBehind"]
    assert why in told and "omb cleanup" not in told
    said = " ".join((result.err + result.out).split())
    assert why in said and "omb cleanup" not in said
    run_id = result.omb["run"]["id"]
    assert len(stubborn.leftovers(run_id)) == 2

    omb.write("k.yaml", stubborn.driver())
    cleaned = cleanup(omb, "--run", run_id)
    cleaned.must_end(1)
    assert why in cleaned.err and "deleted" not in cleaned.out
    assert len(stubborn.leftovers(run_id)) == 2
