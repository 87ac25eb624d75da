# SPDX-License-Identifier: Apache-2.0
"""Whole workloads on the driver of docs/write-a-driver.md, in an omb that has it."""

import pytest
from harness import OMB, Omb, assert_account_is_consistent, assert_nothing_lost, plain_workload

TOY = {"name": "Toy", "driver": "toy"}
workload = plain_workload(
    name="toy",
    topics=2,
    randomizedPayloadPoolSize=4,
    subscriptionsPerTopic=2,
    consumerPerSubscription=2,
    producersPerTopic=2,
)


@pytest.fixture
def omb_toy(tmp_path):
    o = Omb(tmp_path, program=OMB.parent / "tests" / "toy" / "omb-toy")
    yield o
    o.close()


@pytest.mark.parametrize("more", [{}, {"agents": "per-client"}, {"agents": 1, "threadsPerAgent": 2}])
def test_every_message_reaches_every_subscription_once(omb_toy, more):
    result = omb_toy.run(workload(**more), TOY)
    result.must_be_good()
    assert_account_is_consistent(result)
    assert_nothing_lost(result, 2)
    assert result.totals["acknowledged"] == 1000
    assert result.totals["received"] == 2000


def test_the_window_of_the_file_is_what_bounds_a_producer(omb_toy):
    shape = workload(producerRate="max", subscriptionsPerTopic=1, testDuration="1s")
    result = omb_toy.run(shape, TOY | {"window": 1})
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.totals["busy"] > 0
    (row,) = [r for r in result.omb["driver"] if r["key"] == "window"]
    assert row["value"] == "1"


def test_what_the_toy_does_not_take_fails_by_name(omb_toy):
    result = omb_toy.run(workload(messageSize=65536, producerRate=10), TOY)
    result.must_end(3)
    assert '"the toy takes messages of less than 65536 B" (10 times)' in result.reasons()["failed"]


def test_only_the_drivers_of_its_table_are_in_it(omb_toy):
    listed = omb_toy.command("drivers").out.split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == ["null", "toy"]
