# SPDX-License-Identifier: Apache-2.0
"""Topics that go, or stay, against the will of a run."""

import pytest
from harness import Kafka
from test_50_faults import workload


def cleanup(omb, *more):
    return omb.command("cleanup", "-d", "d.yaml", *more)


class KeepsTopics(Kafka):
    SETTINGS = (*Kafka.SETTINGS, "delete.topic.enable=false")


@pytest.mark.limit(180)
def test_a_broker_that_deletes_nothing_is_named_and_nobody_is_sent_to_cleanup(omb, tmp_path):
    broker = KeepsTopics(tmp_path / "keeps")
    try:
        result = omb.run(workload(testDuration="1s"), broker.driver(), timeout_s=100)
        result.must_be_good()
        said = " ".join((result.err + result.out).split())
        assert "delete.topic.enable=false" in said
        assert "omb cleanup" not in said
        assert "delete.topic.enable=false" in result.reasons()["leftBehind"]
        done = cleanup(omb, "--run", result.omb["run"]["id"])
        done.must_end(1)
        assert "delete.topic.enable=false" in done.err
    finally:
        broker.stop()
