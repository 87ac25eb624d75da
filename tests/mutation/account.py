#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks each rule of the account once, on purpose, and sees to it that a test fails.

    tests/mutation/account.py            all of them (two minutes on two idle CPUs)
    tests/mutation/account.py NAME ...   those whose name contains a NAME

A mutant is one text of one file of src/account replaced by another.  What it touches is compiled in a
folder of its own, and linked with the rest and the unit tests of the account; they must pass before
anything is broken.  The exit code is 1
when a mutant lives, or when what it replaces is not there (once) any more.
"""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=gnu11", "-O1", "-w", "-D_GNU_SOURCE"]
UTIL = ["error.c", "text.c", "xalloc.c"]  # of which src/account is made besides
LIBRARIES = ["-lcmocka", "-lpthread", "-lz"]
TESTS = [("account", []), ("account_memory", []), ("account_missing", []), ("account_days", ["-DACCOUNT_BLOCK_SHIFT=7"])]
VARIANTS = [[], ["-DACCOUNT_BLOCK_SHIFT=7"]]  # flags, of each test one
JOBS = os.cpu_count() or 1
TIMEOUT_S = 120

# name, file, what it says, what the mutant says
MUTANTS = [
    # --- a chunk, and its writer
    ("a message is twice in one chunk", "chunk.h",
     "(cell->lanes[LANE_HERE] >> (sequence % 64) & 1) == 0", "true"),
    ("failures are not told", "chunk.h", "if (e->failed_or_marked)", "if (false)"),
    ("disorder is not told", "chunk.h", "if (e->late)", "if (false)"),
    ("an earlier message takes the place of the last", "chunk.h",
     "\t\treturn true;\n\t*last", "\t\t{ *last = sequence + 1; return true; }\n\t*last"),
    ("due times of the last message only", "chunk.h", "offset < c->low", "true"),
    ("partitions of a byte up to 255", "chunk.h", "partitions < UINT8_MAX ? 1", "partitions <= UINT8_MAX + 1 ? 1"),
    ("a chunk is used again with what it held", "writer.c", "\t\tmemset(cell->lanes, 0, sizeof(cell->lanes));\n", ""),
    ("a chunk is not open until it is sealed", "writer.c", "atomic_store_explicit(&c->state, CHUNK_OPEN, memory_order_release);", ""),
    ("what is missed is not told", "writer.c", "\t\tmiss(w, key, e->sequence);\n", ""),
    ("the last that was missed counts", "writer.c", "if (~sequence > counter_read(missed_from))", ""),
    ("chunks do not come back", "writer.c", "\ttake_back(w);\n", ""),
    ("the chunk of an older block is forgotten, not sealed", "writer.c",
     "\t\tseal(w, open[count - 1] - 1);\n", ""),
    # --- the hand-over
    ("open chunks are not taken over", "area.c", "state == CHUNK_OPEN || untold", "untold"),
    ("a seal that was cut short is not seen", "area.c", "state == CHUNK_OPEN || untold", "state == CHUNK_OPEN"),
    ("sealed chunks are taken over again", "area.c", "state - CHUNK_SEALED >= sealed", "true"),
    ("a look takes everything", "area.c", "n < most && ", ""),
    ("chunks that were never used are read", "area.c", "i < used && ", ""),
    ("what was missed is not asked for", "book.c", "\taccount_area_missed(area, visit_missed, b);\n", "\t(void)visit_missed;\n"),
    # --- merging
    ("failed ones are acknowledged", "book.c", "fresh & ~failed);", "fresh);"),
    ("a partition of failures is credited", "book.c", "if ((failed >> at & 1) == 0)", "if (true)"),
    ("every repetition is a duplicate", "book.c", "if (marked || was_marked)", "if (false)"),
    ("the second receipt is the one that comes second", "book.c",
     "if (marked || was_marked)", "if (marked)"),
    ("a mark is remembered for ever", "book.c", "if (was_marked && !marked)", "if (false)"),
    ("disorder stays, though it came in order too", "book.c", "if (was_late && !late && to", "if (false && to"),
    ("disorder is not counted", "book.c", "both[i]->out_of_order += late >> at & 1;", ""),
    ("first receipts are not counted by partition", "book.c", "both[i]->received++;",
     "both[i]->received += i == 0;"),
    ("repetitions of a closed block are forgotten", "book.c",
     "\t\tmerge_into(b, p, NULL, c, partition_bytes);\n", ""),
    ("the partition of a receipt overrides", "book.c", "if (is_answer ||", "if (true ||"),
    ("due times of a block are those of its first chunk", "book.c",
     "!block->has_due || c->low < block->low", "!block->has_due"),
    ("foreign producers are let in", "book.c",
     "\tif (c->producer >= b->shape.producers ||\n", "\tif ("),
    # --- blocks come and go
    ("blocks are never closed", "book.c", "is_behind || block_is_plain(&b->terms, block)", "false"),
    ("blocks are closed with their marks", "book.c",
     "is_behind || block_is_plain(&b->terms, block)", "true"),
    ("blocks are closed before they are received", "block.c",
     "if (!is_of_all(b, block_lane_of(BLOCK_RECEIVED, s)))", "if (false)"),
    ("blocks are closed before they are answered", "block.c", "!is_of_all(b, BLOCK_ANSWERED) || ", ""),
    ("blocks are closed with failures", "block.c", " || b->lanes[BLOCK_FAILED] != NULL", ""),
    ("runs of closed blocks do not join", "book.c", "if (joins_before && joins_after)", "if (false)"),
    ("blocks behind never shrink", "book.c", "\t\tblock_shrink(&b->terms, block);\n", "\t\t;\n"),
    ("a small block does not grow again", "book.c", "\tblock_grow(&b->terms, p->blocks[place]);\n", ""),
    ("a small block forgets partitions", "block.c", ".code = (uint16_t)block_code(t, b, offset),", ""),
    ("a small block forgets marks and disorder", "block.c", "bits |= block_word(b, first + i, word);", ""),
    ("lanes that are full take memory", "block.c",
     "put_lane(t, b, lane, words[0] != 0 ? lane_of_all() : NULL);", ""),
    ("no limit of memory", "book.c", "b->terms.bytes + growth > b->shape.bytes_max", "false"),
    ("partitions to the last byte", "book.c", "b->terms.bytes < b->shape.bytes_max / 2", "true"),
    # --- what is missing
    ("failed ones are lost", "book_lost.c",
     "block_word(block, BLOCK_ANSWERED, word) & ~block_word(block, BLOCK_FAILED, word)",
     "block_word(block, BLOCK_ANSWERED, word)"),
    ("what was not sent can be lost", "book_lost.c", "uint64_t limit = smaller(sent[producer], ",
     "uint64_t limit = smaller(UINT64_MAX, "),
    ("a subscription that a topic has not keeps blocks open", "book.c",
     "\t\tblock_fill_lane(p->blocks[place], block_lane_of(BLOCK_RECEIVED, s));\n", "\t\t;\n"),
    ("a subscription that a topic has not misses everything", "book_lost.c",
     "s < b->producers[p].subscriptions; s++)\n\t\t\tsettle_key", "s < b->shape.subscriptions; s++)\n\t\t\tsettle_key"),
    ("missed receipts are called lost", "book_lost.c",
     "return smaller(limit, b->exact_below[book_key(b, producer, subscription)]);", "return limit;"),
    ("missed answers do not matter", "book_lost.c",
     "smaller(sent[producer], b->producers[producer].answers.exact_below)", "sent[producer]"),
    ("closed blocks are missing", "book_lost.c", "s.received = closed_below(p, s.limit);", ""),
    ("settled twice is counted twice", "book_lost.c", "\t\tforget_settled(&b->partitions[i]);\n", "\t\t;\n"),
    ("never sent is not seen", "book_lost.c", "received & ~below(s->sent, first)", "0"),
    ("ranges do not end at a gap", "book_lost.c", "sequence != r->last + 1 || ", ""),
    ("ranges do not end with the partition", "book_lost.c", " || partition != r->partition", ""),
    ("the last range is not told", "book_lost.c",
     "\t\t\tblock_shrink(&b->terms, p->blocks[i]);\n\t}\n\tend_range(n);\n",
     "\t\t\tblock_shrink(&b->terms, p->blocks[i]);\n\t}\n"),
    ("failed ones that never came are not missing", "book_lost.c",
     "~block_word(block, received, w) & below(",
     "~block_word(block, received, w) & ~block_word(block, BLOCK_FAILED, w) & below("),
    ("what nothing is known of is not missing", "book_lost.c",
     "\t\t\tname_absent(number, limit, before_ns, n);\n", "\t\t\t;\n"),
    ("a block that nothing is known of has all its messages", "book_lost.c",
     "smaller(first + ACCOUNT_BLOCK, limit) - 1", "first + ACCOUNT_BLOCK - 1"),
    # --- what is still to come
    ("what is open is still to come", "book_peek.c", "== CHUNK_OPEN)\n", "== CHUNK_FREE)\n"),
    ("failures at hand are still to come", "book_peek.c",
     "LANE_HERE, word) &\n\t\t\t        ~word_of(p->chunks[i], LANE_FAILED, word);", "LANE_HERE, word);"),
    ("failures of the book are still to come", "book_peek.c",
     " &\n\t\t       ~block_word(block, BLOCK_FAILED, word);", ";"),
    ("one subscription is enough", "book_peek.c",
     "if (p->chunks[i]->subscription == subscription)", "if (p->chunks[i]->subscription != ACCOUNT_ANSWERS)"),
    ("small blocks are read as they lie", "book_peek.c",
     "\tif (was_small)\n\t\tblock_grow(&b->terms, block);\n", ""),
    ("a closed block tells no time", "book_lost.c", "if (p->closed_due_block < p->closed[run].end)", "if (false)"),
]


class Bench:
    """Objects of the tree as it is; of a mutant only what it touches is compiled."""

    def __init__(self, folder):
        self.folder = folder
        self.objects = {}
        jobs = [(source, flags) for source in self.sources() for flags in VARIANTS]
        jobs += [(ROOT / f"tests/unit/test_{test}.c", flags) for test, flags in TESTS]
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            made = pool.map(lambda job: self.compile(folder, ROOT, *job), jobs)
            self.objects = dict(zip([self.key(*job) for job in jobs], made))

    @staticmethod
    def sources():
        return [*sorted((ROOT / "src" / "account").glob("*.c")), *[ROOT / "src/util" / name for name in UTIL]]

    @staticmethod
    def key(source, flags):
        return source.name, *flags

    @staticmethod
    def compile(folder, tree, source, flags):
        """`tree` is where src/account is looked for first."""
        to = folder / f"{source.stem}{''.join(flags)}.o"
        subprocess.run(
            ["cc", *FLAGS, *flags, "-c", "-I", tree / "src", "-I", ROOT / "src", source, "-o", to], check=True
        )
        return to

    def passes(self, folder, tree, touched):
        """True: all tests pass.  A mutant that does not even compile is an error of this list."""
        for test, flags in TESTS:
            inputs = [(source, flags) for source in self.sources()]
            inputs.append((ROOT / f"tests/unit/test_{test}.c", flags))
            objects = []
            for source, with_flags in inputs:
                own = tree / "src" / "account" / source.name
                is_touched = touched is not None and (touched.endswith(".h") or source.name == touched)
                if is_touched:
                    there = own if own.exists() else source
                    objects.append(self.compile(folder, tree, there, with_flags))
                else:
                    objects.append(self.objects[self.key(source, with_flags)])
            program = folder / test
            subprocess.run(["cc", *objects, "-o", program, *LIBRARIES], check=True)
            try:
                ran = subprocess.run(
                    [program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT_S
                )
            except subprocess.TimeoutExpired:
                return False
            if ran.returncode != 0:
                return False
        return True


def mutate(tree, file, old, new):
    path = tree / "src" / "account" / file
    text = path.read_text()
    if text.count(old) != 1:
        return False
    path.write_text(text.replace(old, new))
    return True


def end_of(bench, name, change):
    """How the mutant ends: "caught", "ALIVE" or "NOT THERE"."""
    with tempfile.TemporaryDirectory(prefix="omb-mutant-") as temporary:
        folder = pathlib.Path(temporary)
        shutil.copytree(ROOT / "src" / "account", folder / "src" / "account")
        if not mutate(folder, *change):
            return "NOT THERE"
        return "ALIVE" if bench.passes(folder, folder, change[0]) else "caught"


def main(wanted):
    mutants = [m for m in MUTANTS if not wanted or any(w in m[0] for w in wanted)]
    caught = 0
    with (
        tempfile.TemporaryDirectory(prefix="omb-mutants-") as temporary,
        concurrent.futures.ThreadPoolExecutor(JOBS) as pool,
    ):
        folder = pathlib.Path(temporary)
        bench = Bench(folder)
        if not bench.passes(folder, ROOT, None):
            sys.exit("mutation: the tests fail although nothing is broken")
        ends = [(name, pool.submit(end_of, bench, name, change)) for name, *change in mutants]
        for name, end in ends:
            caught += end.result() == "caught"
            print(f"{end.result():10} {name}")
            sys.stdout.flush()
    failed = len(mutants) - caught
    print(f"{caught} passed, {failed} failed, 0 skipped")
    return 1 if failed > 0 or not mutants else 0


if __name__ == "__main__":
    os.environ.setdefault("CCACHE_DISABLE", "1")
    sys.exit(main(sys.argv[1:]))
