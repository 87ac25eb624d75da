# SPDX-License-Identifier: Apache-2.0
"""Faults planted in a broker of omb's own, and what has to be true of a result because of them."""

import collections
import itertools
import json
import random

KINDS = ("lose", "duplicate", "reorder", "corrupt", "deny", "error")

# One producer has one of these: each fault alone, each pair of them, and none.
MIXES = [(), *itertools.combinations(KINDS, 1), *itertools.combinations(KINDS, 2)]

PRODUCERS_OF_EACH = 2
SEEDS_OF_EACH = 5  # one after the other in the messages of a producer
PRODUCERS = len(MIXES) * PRODUCERS_OF_EACH


def mix_of(producer):
    return MIXES[producer // PRODUCERS_OF_EACH]


class Script:
    """Which messages are to be struck: ten seeds of each mix of faults, all in one run.

    Two faults never strike one message, nor neighbours.  So what each does is plain to say."""

    def __init__(self, messages, seed=0):
        """`messages`: of each producer."""
        self.faults = []
        self.meant = collections.defaultdict(set)  # kind -> {(producer, sequence)}
        part = messages // SEEDS_OF_EACH
        for producer, i in itertools.product(range(PRODUCERS), range(SEEDS_OF_EACH)):
            lots = random.Random(f"{seed} {producer} {i}")
            every = lots.randint(7, 11)
            shift = lots.randint(2, every - 2)
            for which, kind in enumerate(mix_of(producer)):
                first = part * i + which * shift
                self._plant(kind, producer, every, first, part * (i + 1))

    def _plant(self, kind, producer, every, first, end):
        self.faults.append(f"{kind}:{every}@{producer}#{first}..{end}")
        hits = range(first + every - 1, end, every)
        self.meant[kind] |= {(producer, sequence) for sequence in hits}

    @property
    def text(self):
        return " ".join(self.faults)


class Truth:
    """What the broker has done, by its own log."""

    def __init__(self, path):
        self.partition_of = {}
        self.done = {kind: set() for kind in KINDS}  # {(producer, sequence)}
        self.overtaken_by = {}
        for line in path.read_text().splitlines():
            self._take(json.loads(line))
        assert not self.done["corrupt"] & self.done["duplicate"]

    def _take(self, event):
        message = (event["producer"], event["sequence"])
        assert message not in self.done[event["fault"]], event
        self.done[event["fault"]].add(message)
        assert self.partition_of.setdefault(message, event["partition"]) == event["partition"]
        if "overtakenBy" in event:
            self.overtaken_by[message] = (event["producer"], event["overtakenBy"])

    # -- what follows from it for each message; corrupted ones have no name when they come

    @property
    def failed(self):
        return self.done["deny"] | self.done["error"]

    @property
    def never_received(self):
        return self.done["lose"] | self.done["corrupt"] | self.done["error"]

    @property
    def lost(self):
        return self.never_received - self.failed

    @property
    def delivered_though_failed(self):
        return self.failed - self.never_received

    @property
    def duplicated(self):
        return self.done["duplicate"] - self.done["error"]

    @property
    def out_of_order(self):
        return {m for m, by in self.overtaken_by.items() if by not in self.done["corrupt"]}

    def facts(self):
        """As results call them."""
        return {
            "lost": self.lost,
            "deliveredThoughFailed": self.delivered_though_failed,
            "duplicated": self.duplicated,
            "outOfOrder": self.out_of_order,
        }

    def by_producer(self, messages):
        return collections.Counter(producer for producer, _ in messages)

    def by_partition(self, messages):
        return collections.Counter(self.partition_of[m] for m in messages)

    def assert_is_what_was_meant(self, script, shares_answers):
        """`shares_answers`: messages of a batch fail together."""
        for kind in ("lose", "duplicate", "corrupt"):
            # What else was refused with its batch was never taken in.
            assert self.done[kind] == script.meant[kind] - (self.done["error"]), kind
        if shares_answers:
            assert self.done["error"] >= script.meant["error"]
            assert self.done["deny"] >= script.meant["deny"] - self.done["error"]
        else:
            assert self.done["error"] == script.meant["error"]
            assert self.done["deny"] == script.meant["deny"]
        # Those that nothing came behind were not overtaken.
        assert self.done["reorder"] <= script.meant["reorder"]
        assert len(self.done["reorder"]) > len(script.meant["reorder"]) / 2
