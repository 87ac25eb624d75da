#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks each rule on the way of the account through a run once, on purpose, and sees to it that a test
fails: from what a loop is told to what the worker tells.  (account.py does the same to src/account.)

    tests/mutation/path.py               all of them (some 8 minutes on two CPUs)
    tests/mutation/path.py NAME ...      those whose name contains a NAME
    tests/mutation/path.py --check       only whether what they replace is there

A mutant is a text of a file, or several, replaced by another.  The unit test that is named with it is
built in a copy of the tree, of which only what the mutant touches is compiled again, and runs until its
first failure; before anything is broken it must pass.  The exit code is 1 when a mutant lives, or when
what it replaces is not there (once) any more.
"""

import concurrent.futures
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 120  # of a test that a mutant lets wait for ever
BESIDES = {"worker_process": ["worker_process"]}  # programs that a test starts
TREES = max(2, os.cpu_count() or 1)  # side by side: tests wait more than they work

SENT = "src/agent/producer_send.c"
ANSWERS = "src/agent/producer_answers.c"
CONSUMER = "src/agent/consumer.c"
CONTENTS = "src/agent/contents.h"
RECEIPTS = "src/agent/receipts.h"
DEBT = "src/agent/debt.c"
ACCOUNT = "src/worker/local_account.c"
SPOILED = "src/worker/local_spoiled.c"
UNHEARD = "src/worker/local_unheard.c"
VERBS = "src/worker/local_verbs.c"
MESSAGES = "src/worker/message_tables.c"

# name, the test that fails, then: file, what it says, what the mutant says
MUTANTS = [
    # --- what a producer's loop puts in
    ("answers are not told", "account_loops",
     ANSWERS, "account_put(&p->loop->account, p->index, &e);", "(void)e;"),
    ("every answer is good", "account_loops",
     ANSWERS, ".failed_or_marked = !report->acknowledged,", ".failed_or_marked = false,"),
    ("the partition of an answer is forgotten", "account_loops",
     ANSWERS, ".partition = report->partition,\n\t\t.failed_or_marked", ".partition = -1,\n\t\t.failed_or_marked"),
    ("what the driver gives up when it is closed has failed", "account_loops",
     ANSWERS, "(report->acknowledged || !p->loop->base.closing)", "true"),
    ("a flight is given back before its message is told", "account_loops",
     ANSWERS,
     "\t\tproducer_account(p, sequence, due_ns, report);\n\tflights_give_back(&p->flights, slot);\n",
     "\t\t(void)0;\n\tflights_give_back(&p->flights, slot);\n"
     "\tif (p->loop->account.area != NULL && (report->acknowledged || !p->loop->base.closing))\n"
     "\t\tproducer_account(p, sequence, due_ns, report);\n"),
    ("what is refused at once is not told", "account_loops",
     SENT, "\t\taccount_failed(p, due_ns);\n\t\tflights_give_back", "\t\tflights_give_back"),
    ("what found no room in time is not told", "account_loops",
     SENT, "\taccount_failed(p, due_ns);\n\t/* It was never sent", "\t/* It was never sent"),
    ("the next message has failed, not this one", "account_loops",
     SENT, "producer_account(p, p->sequence - 1, due_ns, &failed);", "producer_account(p, p->sequence, due_ns, &failed);"),
    # --- what a consumer's loop puts in
    ("receipts are not told", "account_loops",
     RECEIPTS, "account_put(&r->writer, key->first_key + place, &e);", "(void)e;"),
    ("marks are not told", "account_loops",
     CONSUMER, "m->redelivery == REDELIVERY_YES);\n\t\tcount_received", "false);\n\t\tcount_received"),
    ("a message is confirmed before it is told", "account_loops",
     CONSUMER, "\tspend_processing_time(c, now_ns);\n}",
     "\tif (status == STAMP_OK && !is_foreign(l, &stamp) && !(stamp.flags & STAMP_PROBE))\n"
     "\t\treceipts_take(&l->receipts, &c->key, &stamp, m->partition, m->redelivery == REDELIVERY_YES);\n"
     "\tspend_processing_time(c, now_ns);\n}",
     CONSUMER,
     "\t\treceipts_take(&l->receipts, &c->key, s, m->partition,\n"
     "\t\t              m->redelivery == REDELIVERY_YES);\n", ""),
    ("producers of other topics are let in", "account_loops",
     RECEIPTS, " || roster->items[producer].topic != key->topic", ""),
    ("producers are numbered from 0", "account_loops",
     RECEIPTS, "roster_find(roster, stamp->producer)",
     "stamp->producer < roster->producers ? stamp->producer : ROSTER_NONE"),
    ("order is judged over all partitions", "account_loops",
     RECEIPTS, "(size_t)row * key->producers + place", "place"),
    ("all consumers of a loop have one order", "account_loops",
     "src/agent/receipts.c", "(uint64_t *)(void *)r->words + *used", "(uint64_t *)(void *)r->words"),
    ("that order is not known is not told", "account_loops",
     RECEIPTS, "atomic_store_explicit(r->order_unknown, 1, memory_order_relaxed);", ""),
    ("damaged ones came nowhere", "local_account",
     CONSUMER, "\t\tcount_at_partition(c, c->damaged, m->partition);", ""),
    # --- what the parent takes
    ("what an agent leaves is not taken over", "local_account",
     "src/worker/local_agents.c", "\tlocal_account_agent_ended(l, a);\n", ""),
    ("nothing is taken while the load goes on", "local_account",
     ACCOUNT, "\ta->book = book_create(&shape);\n\tarm(a, LOOK_NS);", "\ta->book = book_create(&shape);"),
    ("there is one look and no other", "local_account",
     ACCOUNT, "arm(a, taken == LOOK_CHUNKS ? 1 : LOOK_NS);", ";"),
    ("what is at hand is still to come", "local_account",
     ACCOUNT, "(void)take(l, a, UINT32_MAX);", ""),
    ("a drain is over by the sums", "phase",
     "src/run/drain_rule.c", " && f->outstanding == 0", ""),
    # --- what it settles
    ("what was acknowledged was sent, and no more", "local_account",
     ACCOUNT, "slot->accounts[client].sent : 0", "slot->accounts[client].acknowledged : 0"),
    ("damaged ones are not settled", "local_account",
     ACCOUNT, "settle_corrupted(l, l->supervisor.agents[i]);", ";"),
    ("all producers are the first agent's", "local_account",
     ACCOUNT, "&l->producers.items[producer % l->producers.count]", "&l->producers.items[0]"),
    ("subscriptions of a topic have one number", "local_account",
     "src/worker/local_roster.c", "to[-1].subscription + 1 };", "to[-1].subscription };"),
    # --- what it charges
    ("what never came is charged twice", "local_account",
     "src/worker/local_debts.c", "\tif (!local_account_charge(l, &terms) && ", "\t(void)local_account_charge(l, &terms);\n\tif ("),
    ("what never came is not charged", "local_account",
     ACCOUNT, "debt_charge_missing(&m, c->terms, &of.shm->control, &c->l->debts.missing);", "(void)m;"),
    ("of a range one message is charged", "local_account",
     ACCOUNT, "{ r->last - r->first + 1, r->first_due_ns", "{ 1, r->first_due_ns"),
    ("all that never came is of no window", "debt",
     DEBT, "\t\tenum window w = shm_window_of(control, due_ns);\n\t\trecord_ages(&to->latencies[w][which], age_ns",
     "\t\tenum window w = WINDOW_OUTSIDE;\n\t\trecord_ages(&to->latencies[w][which], age_ns"),
    ("a range is of the window of its first message", "debt",
     DEBT, "due_before(m, i, next_edge_ns(control, due_ns, bucket_ns))", "due_before(m, i, bucket_ns)"),
    ("a schedule stands still", "debt",
     DEBT, "pacer_skip(&p, sequence - known->sequence);", ""),
    # --- what was owed at the end
    ("a partition is heard of the first member alone", "local_unheard",
     UNHEARD, "place->agent != NULL && ns < place->heard_ns", "place->agent != NULL"),
    ("holes are silences", "local_unheard", UNHEARD, "\tif (r->last_due_ns <= place->heard_ns)\n\t\treturn;\n", ""),
    ("what was owed counts from the last receipt", "local_unheard",
     UNHEARD, "r->first_due_ns > place->heard_ns ? r->first_due_ns : place->heard_ns", "place->heard_ns"),
    ("an open silence is told while it may end", "local_unheard",
     "src/worker/local_events.c", "(o.longest.is_open && !l->debts.settled)", "false"),
    ("a short one counts", "local_unheard", UNHEARD, "until_ns < place->owed_ns + least_ns", "until_ns < place->owed_ns"),
    # --- what it tells
    ("of several subscriptions one is told", "local_account",
     ACCOUNT, "for (uint32_t s = 0; s < l->roster.subscriptions; s++) {", "for (uint32_t s = 0; s < 1; s++) {"),
    ("ranges beyond the limit are forgotten", "local_account",
     ACCOUNT, "t->to->lost_left_off++;", ""),
    ("order is always known", "local_account",
     ACCOUNT, "out->account.is_order_known = is_order_known(l);", "out->account.is_order_known = true;"),
    ("a partition that has lost everything is left out", "local_account",
     "src/worker/local_totals.c", "if (sums[i] == 0 && !has_lost)", "if (sums[i] == 0)"),
    # --- what is in them
    ("nothing is compared", "contents", CONTENTS, "\tif (c->pool == NULL)\n", "\tif (true)\n"),
    ("the last byte in front of a stamp is not compared", "contents",
     CONTENTS, "c->size - STAMP_BYTES) == 0", "c->size - STAMP_BYTES - 1) == 0"),
    ("a payload of any size will do", "contents", CONTENTS, "\tif (m->payload_len != c->size)\n\t\treturn false;\n", ""),
    ("all producers have the payloads of the first", "contents",
     CONTENTS, "payload_mix(c->seed, s->producer, s->sequence)", "payload_mix(c->seed, 0, s->sequence)"),
    ("the first payload is compared with", "contents",
     CONTENTS, "(size_t)which * c->size", "(size_t)0 * which"),
    ("contents are not counted", "local_spoiled", CONSUMER, "\tcount(c->loop, COUNTER_SPOILED);\n", ""),
    ("contents have no name", "local_spoiled",
     CONSUMER, "\tspoiled_put(&b->words->spoiled, &spoiled);\n", "\t(void)spoiled;\n"),
    ("contents are of no partition", "local_spoiled",
     CONSUMER, "\tcount_at_partition(c, c->damaged, m->partition);\n\tcount(c->loop,", "\tcount(c->loop,"),
    ("what is damaged in front of its stamp is not received", "local_spoiled",
     CONSUMER, "\t} else {\n\t\t/* In this order: shm.h",
     "\t} else if (!contents_are_good(&l->contents, m, s)) {\n\t\tkeep_spoiled(c, m, s);\n\t} else {\n\t\t/* In this order: shm.h"),
    ("names come in the order of receipt", "local_spoiled",
     SPOILED, "\tqsort(all, count, sizeof(*all), by_message);\n", ""),
    ("neighbours are ranges of their own", "local_spoiled",
     SPOILED, "next->first != range->last + 1 || ", "next->first == range->last + 1 || "),
    ("a message that came so twice is named twice", "local_spoiled",
     SPOILED, "\tif (next->first == range->last)\n\t\treturn true;\n", ""),
    ("ranges go over subscriptions", "local_spoiled",
     SPOILED, "\treturn order != 0 ? order : strcmp(a->subscription, b->subscription);", "\treturn order;"),
    ("a successor compares nothing", "local_spoiled",
     "src/worker/local_agents.c", "if (slot->role == AGENT_CONSUMER)\n\t\tspec.verify", "if (slot->role == AGENT_CONSUMER && slot->generation == 0)\n\t\tspec.verify"),
    ("any load will do", "local_spoiled",
     VERBS, "l->verify.seed != l->call->load.seed", "false"),
    ("any payloads will do", "local_spoiled", VERBS, "\tif (l->verify.size > 0)\n\t\treturn", "\tif (false)\n\t\treturn"),
    ("payloads that are given are alike", "local_spoiled",
     VERBS, "return has_contents(spec->contents, made, fd);", "return true;"),
    ("payloads that are given are never alike", "local_spoiled",
     VERBS, "return has_contents(spec->contents, made, fd);", "return false;"),
    ("what is compared with does not come over", "worker_process",
     MESSAGES, "return write_payload(((const struct worker_create_consumers *)from)->verify, out);", "(void)out; (void)from; return false;"),
    ("damaged contents are no matter", "verdict", "src/results/verdict.c", "\tif (f->spoiled == 0)\n\t\treturn;", "\tif (true)\n\t\treturn;"),
]  # fmt: skip


def copy_tree(to):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def changes_of(mutant):
    rest = mutant[2:]
    return [rest[i : i + 3] for i in range(0, len(rest), 3)]


def broken(folder, changes):
    """{path: its text once it is broken}; None: something is not there once."""
    texts = {}
    for file, old, new in changes:
        path = folder / file
        text = texts.get(path) or path.read_text()
        if text.count(old) != 1:
            return None
        texts[path] = text.replace(old, new)
    return texts


class Tree:
    """A copy that can be broken and built."""

    def __init__(self, folder):
        self.folder = folder
        copy_tree(folder)
        self._run("meson", "setup", "-Dwerror=false", "build")

    def _run(self, *argv):
        done = subprocess.run(
            argv, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, argv))}:\n{done.stdout}")

    def build(self, *tests):
        programs = [f"test_{test}" for test in tests]
        programs += [other for test in tests for other in BESIDES.get(test, ())]
        self._run("ninja", "-C", "build", *[f"tests/unit/{program}" for program in programs])

    def failure(self, test):
        """How the test ends: the first rule that it says is broken; None: there is none."""
        # In the root, as `meson test` has it: there is what tests read.
        child = subprocess.Popen(
            [self.folder / f"build/tests/unit/test_{test}"], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
        )  # fmt: skip
        over = threading.Timer(TIMEOUT_S, child.kill)
        over.start()
        try:
            for line in child.stdout:
                said = re.match(r"\[  FAILED  \] (\w+)$", line)
                if said:
                    child.kill()
                    return said[1]
        finally:
            over.cancel()
            child.stdout.close()
        code = child.wait()
        if code == 0:
            return None
        return "it never ended" if code == -9 else f"it ended with {code}"

    def caught_by(self, mutant):
        """A mutant that does not even compile is an error of this list."""
        texts = broken(self.folder, changes_of(mutant))
        before = {path: path.read_text() for path in texts}
        for path, text in texts.items():
            path.write_text(text)
        try:
            self.build(mutant[1])
            return self.failure(mutant[1])
        finally:
            for path, text in before.items():
                path.write_text(text)


class Trees:
    """As many as run side by side, each ready for every test that is wanted."""

    def __init__(self, folder, tests):
        self.free = queue.Queue()
        self.all = [Tree(folder / str(i)) for i in range(TREES)]
        for tree in self.all:
            tree.build(*tests)
            self.free.put(tree)

    def caught_by(self, mutant):
        tree = self.free.get()
        try:
            return tree.caught_by(mutant)
        finally:
            self.free.put(tree)


def run(mutants):
    """(caught, not caught)."""
    tests = sorted({m[1] for m in mutants})
    caught = 0
    with (
        tempfile.TemporaryDirectory(prefix="omb-mutants-") as temporary,
        concurrent.futures.ThreadPoolExecutor(TREES) as pool,
    ):
        trees = Trees(pathlib.Path(temporary), tests)
        for test in tests:
            why = trees.all[0].failure(test)
            if why is not None:
                sys.exit(f"mutation: {test} fails although nothing is broken: {why}")
        found = [(m, pool.submit(trees.caught_by, m)) for m in mutants]
        for mutant, future in found:
            by = future.result()
            caught += by is not None
            print(f"{'caught' if by else 'ALIVE '}     {mutant[0]} ({mutant[1]}{f': {by}' if by else ''})")
            sys.stdout.flush()
    return caught, len(mutants) - caught


def main(wanted):
    check = "--check" in wanted
    wanted = [w for w in wanted if w != "--check"]
    mutants = [m for m in MUTANTS if not wanted or any(w in m[0] for w in wanted)]
    there = [m for m in mutants if broken(ROOT, changes_of(m)) is not None]
    for mutant in mutants:
        if mutant not in there:
            print(f"NOT THERE  {mutant[0]}: a text is there no more, or more than once")
    caught, alive = (len(there), 0) if check else run(there) if there else (0, 0)
    failed = alive + len(mutants) - len(there)
    print(f"{caught} passed, {failed} failed, 0 skipped")
    return 1 if failed > 0 or not mutants else 0


if __name__ == "__main__":
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")  # a copy compiles what the tree has compiled
    sys.exit(main(sys.argv[1:]))
