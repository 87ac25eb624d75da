# SPDX-License-Identifier: Apache-2.0
"""Faults planted in a broker of omb's own, and what has to be true of a result because of them."""

import collections
import itertools
import json
import random

KINDS = ("lose", "duplicate", "reorder", "corrupt", "spoil", "deny", "error")

# One producer has one of these: each fault alone, each pair of them, and none.
MIXES = [(), *itertools.combinations(KINDS, 1), *itertools.combinations(KINDS, 2)]

SEEDS_OF_EACH = 10
MESSAGES_OF_A_SEED = 40


class Script:
    """Which messages are to be struck: ten seeds of each mix of faults, all in one run.

    Two faults never strike one message, nor neighbours.  So what each does is plain to say."""

    def __init__(self, seeds_in_a_row, seed=0):
        """So many seeds one after the other in the messages of one producer: 1, and the counts of a producer
        are those of a seed."""
        self.producers_of_each = SEEDS_OF_EACH // seeds_in_a_row
        self.producers = len(MIXES) * self.producers_of_each
        self.messages = MESSAGES_OF_A_SEED * seeds_in_a_row  # of each producer
        self.faults = []
        self.meant = collections.defaultdict(set)  # kind -> {(producer, sequence)}
        for producer, i in itertools.product(range(self.producers), range(seeds_in_a_row)):
            lots = random.Random(f"{seed} {producer} {i}")
            every = lots.randint(7, 11)
            shift = lots.randint(2, every - 2)
            begin, end = MESSAGES_OF_A_SEED * i, MESSAGES_OF_A_SEED * (i + 1)
            for which, kind in enumerate(self.mix_of(producer)):
                self._plant(kind, producer, every, begin + which * shift, end)

    def mix_of(self, producer):
        return MIXES[producer // self.producers_of_each]

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
    def damaged(self):
        """And received, by whatever name."""
        return (self.done["corrupt"] | self.done["spoil"]) - self.done["error"]

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
        for kind in ("lose", "duplicate", "corrupt", "spoil"):
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
