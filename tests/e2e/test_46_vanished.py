# SPDX-License-Identifier: Apache-2.0
"""Topics that somebody deletes under a run."""

import pytest
from test_50_faults import await_measured, workload

pytestmark = [pytest.mark.slow_on_kafka, pytest.mark.delicate]


@pytest.mark.limit(150)
def test_a_topic_that_is_deleted_under_a_run_of_producers_is_an_event_and_a_reason(omb, kafka):
    alone = workload(testDuration="6s", drainTimeout="3s", subscriptionsPerTopic=0)
    running = omb.start(alone | {"consumerPerSubscription": 0}, kafka.driver())
    await_measured(running)
    (run_id,) = omb.journals()
    omb.command("cleanup", "-d", "d.yaml", "--run", run_id, "--force").must_end(0)
    result = running.wait(100)
    result.must_end(3)
    reason = result.reasons("INVALID")["topics"]
    assert "deleted" in reason
    (event,) = result.events("topicLost")
    assert event["count"] == 1 and event["text"] in reason
    (topic,) = {p["topic"] for p in result.rows("producers")}
    assert topic in event["text"]


@pytest.mark.parametrize("acks", ["all", "1", "0"])
def test_topics_that_stay_are_not_worth_a_word(omb, kafka, acks):
    alone = workload(testDuration="2s", subscriptionsPerTopic=0) | {"consumerPerSubscription": 0}
    result = omb.run(alone, kafka.driver(producerConfig=f"acks={acks}\nlinger.ms=1\n"))
    result.must_be_good()
    assert "topics" not in result.reasons()
    assert result.events("topicLost") == []
    assert result.totals["acknowledged"] == result.totals["sent"] > 0
