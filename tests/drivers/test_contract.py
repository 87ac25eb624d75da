# SPDX-License-Identifier: Apache-2.0
"""What every driver must do by its contract, without the rest of omb: driver x case, by `drive`."""

import json
import subprocess

import pytest
import yaml
from harness import OMB, start

DRIVE = OMB.parent / "tests" / "drivers" / "drive"
FIELDS = "subscription consumer partition producer sequence key redelivered broker_ms".split()


class Driven:
    """What a driver told; `received` in its order."""

    def __init__(self, text, err):
        self.told = json.loads(text)
        self.err = err  # events
        self.received = [dict(zip(FIELDS, row)) for row in self.told["received"]]

    def assert_exact(self, producers, messages, subscriptions=1):
        """Every message, whole and once, at every subscription."""
        told = self.told
        count = producers * messages
        assert (told["acknowledged"], told["failed"], told["reason"]) == (count, 0, "")
        assert told["damaged"] == 0
        assert told["with key"] == count * subscriptions  # or rightly without one
        wanted = [
            (s, p, n) for s in range(subscriptions) for p in range(producers) for n in range(messages)
        ]
        found = sorted((m["subscription"], m["producer"], m["sequence"]) for m in self.received)
        assert found == wanted
        assert not any(m["redelivered"] for m in self.received)

    def by(self, *fields):
        """Messages in the order of their arrival, by what they have in common."""
        found = {}
        for m in self.received:
            found.setdefault(tuple(m[f] for f in fields), []).append(m)
        return found


@pytest.fixture
def drive(target, tmp_path):
    """Calls the program; its options are those that it says."""

    def call(topic="omb-1", *options, subscriptions=("omb-1-sub",), timeout_s=50, **driver):
        path = tmp_path / "d.yaml"
        path.write_text(yaml.safe_dump(target.driver(**driver), sort_keys=False))
        argv = [DRIVE, path, topic, *map(str, options)]
        argv += [word for s in subscriptions for word in ("-s", s)]
        child = start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = child.communicate(timeout=timeout_s)
        assert child.returncode == 0, err
        return Driven(out, err)

    return call


# ---- counts, order, keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("subscriptions", [1, 2, 8])
def test_every_message_comes_once_to_each_subscription(drive, target, subscriptions):
    names = [f"omb-1-sub-{i}" for i in range(subscriptions)]
    driven = drive("omb-1", "-n", 2, "-c", 2, "-p", 2, "-m", 500, "-k", 50, subscriptions=names)
    driven.assert_exact(2, 500, subscriptions)
    assert len(driven.by("consumer")) == subscriptions * 2  # nobody was left without any
    if target.kind in ("core", "loopback"):
        assert "end" not in driven.told
    else:
        assert driven.told["end"] >= 1000  # and probes


def test_messages_of_a_producer_keep_their_order(drive):
    """In each partition, for a subscription with one consumer."""
    driven = drive("omb-1", "-n", 3, "-p", 4, "-m", 2000)
    driven.assert_exact(3, 2000)
    for of_one in driven.by("producer", "partition").values():
        sequences = [m["sequence"] for m in of_one]
        assert sequences == sorted(sequences)


def test_keys_come_as_they_were_sent(drive):
    drive("omb-1", "-m", 100, "-k", 7).assert_exact(1, 100)


@pytest.mark.needs("partitions")
def test_messages_of_a_key_go_to_one_partition(drive):
    driven = drive("omb-1", "-n", 2, "-c", 2, "-p", 8, "-m", 600, "-k", 60)
    driven.assert_exact(2, 600)
    keys = driven.by("key")
    assert len(keys) == 60
    partitions = [{m["partition"] for m in of_one} for of_one in keys.values()]
    assert all(len(p) == 1 for p in partitions)
    assert len(set.union(*partitions)) >= 4  # of 8: keys are spread
    # Those of both producers, in the order of each.
    for of_one in driven.by("key", "producer").values():
        sequences = [m["sequence"] for m in of_one]
        assert sequences == sorted(sequences) and len(sequences) == 10


@pytest.mark.needs("headers")
@pytest.mark.parametrize("keys", [0, 5])
def test_headers_come_as_they_were_sent_with_and_without_keys(drive, keys):
    driven = drive("omb-1", "-m", 100, "-k", keys, "-H")
    driven.assert_exact(1, 100)
    assert driven.told["with headers"] == 100


def test_the_time_of_the_broker_is_that_of_now(drive, target):
    driven = drive("omb-1", "-m", 10)
    times = [m["broker_ms"] for m in driven.received]
    if target.kind == "core":
        assert set(times) == {0}  # it says none
        return
    assert times == sorted(times) and times[-1] - times[0] < 60_000
    assert times[0] > 1_700_000_000_000


# ---- sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [12, 1_000_000])
def test_messages_of_12_bytes_and_of_a_megabyte_come_as_they_were_sent(drive, target, size):
    more = target.large if size > 1000 else {}
    driven = drive("omb-1", "-m", 20, "-b", size, **more)
    driven.assert_exact(1, 20)


# ---- many clients ------------------------------------------------------------------------------------


def test_a_hundred_producers_of_one_topic(drive):
    driven = drive("omb-1", "-n", 100, "-c", 2, "-p", 4, "-m", 20)
    driven.assert_exact(100, 20)


# ---- pause and resume ------------------------------------------------------------------------------------


def test_a_consumer_that_is_paused_has_nothing_and_then_all_that_came_meanwhile(drive):
    driven = drive("omb-1", "-c", 2, "-p", 2, "-m", 4000, "-w")
    driven.assert_exact(1, 4000)
    assert (driven.told["resumed at"], driven.told["in pause"]) == (1000, 0)


# ---- names -------------------------------------------------------------------------------------------------

LONG = "omb-" + "0123456789" * 9


@pytest.mark.parametrize(
    "topic", ["omb-01lg22la7e2p-0000012-h7qa9d2", "omb-Upper_and_2", LONG], ids=["usual", "odd", "long"]
)
def test_topics_and_groups_of_any_name_are_made_listed_and_deleted(drive, target, topic):
    groups = [f"{topic}-sub-1", "omb-another_GROUP"]
    driven = drive(topic, "-m", 50, subscriptions=groups)
    driven.assert_exact(1, 50, 2)
    # Who is read is in use, and cleanup must not find it.
    assert driven.told["listed while read"] == []
    found = {tuple(entry) for entry in driven.told["listed"]}
    wanted = {("topic", topic), *(("group", g) for g in groups)}
    assert found == (set() if target.kind == "core" else wanted)
    assert driven.told["listed after"] == []
    assert target.leftovers() == []


@pytest.mark.needs("dots in names")
def test_names_with_dots(drive):
    driven = drive("omb-topic.with.dots", "-m", 50, subscriptions=["omb-a.b"])
    driven.assert_exact(1, 50)
    assert ["topic", "omb-topic.with.dots"] in driven.told["listed"]
