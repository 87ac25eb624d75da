#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of fuzz_broker: each request once in each version, and small plays.

    tests/fuzz/seed_broker.py tests/fuzz/corpus/broker

They are committed; this is how they were made.
"""

import pathlib
import struct
import sys


def i8(v):
    return struct.pack(">b", v)


def i16(v):
    return struct.pack(">h", v)


def i32(v):
    return struct.pack(">i", v)


def i64(v):
    return struct.pack(">q", v)


def text(s):
    return i16(-1) if s is None else i16(len(s)) + s.encode()


def blob(b):
    return i32(len(b)) + b


def array(items):
    return i32(len(items)) + b"".join(items)


def act(client, api, version, body):
    return struct.pack(">BBBBH", 3, client, api, version, len(body)) + body


def later(tens_of_ms):
    return bytes([0, tens_of_ms])


def again(client):
    return bytes([1, client])


def batch(messages=1, producer=-1, epoch=-1, sequence=-1, size=20):
    tail = i16(0) + i32(messages - 1) + i64(1000) + i64(1001)
    tail += i64(producer) + i16(epoch) + i32(sequence) + i32(messages) + bytes(size)
    return i64(0) + i32(4 + 1 + 4 + len(tail)) + i32(-1) + i8(2) + i32(0) + tail


def produce(version, records, topic="t", partition=0, acks=-1):
    front = text(None) if version >= 3 else b""
    parts = array([i32(partition) + blob(records)])
    return front + i16(acks) + i32(100) + array([text(topic) + parts])


def fetch(version, offset=0, wait=0, minimum=1, partition=0):
    out = i32(-1) + i32(wait) + i32(minimum)
    out += i32(1 << 20) if version >= 3 else b""
    out += i8(0) if version >= 4 else b""
    out += i32(0) + i32(-1) if version >= 7 else b""
    part = i32(partition) + (i32(-1) if version >= 9 else b"") + i64(offset)
    part += (i64(-1) if version >= 5 else b"") + i32(1 << 16)
    out += array([text("t") + array([part])])
    out += array([]) if version >= 7 else b""
    return out + (text("") if version >= 11 else b"")


def list_offsets(version, timestamp):
    part = i32(0) + i64(timestamp) + (i32(1) if version == 0 else b"")
    return i32(-1) + (i8(0) if version >= 2 else b"") + array([text("t") + array([part])])


def metadata(version, topics):
    out = i32(-1) if topics is None else array([text(t) for t in topics])
    return out + (i8(1) if version >= 4 else b"")


def create(version, name, assigned=False):
    placed = array([i32(0) + array([i32(0)])] if assigned else [])
    configs = array([text("max.message.bytes") + text("100"), text("a") + text(None)])
    topic = text(name) + i32(-1 if assigned else 2) + i16(1) + placed + configs
    return array([topic]) + i32(100) + (i8(0) if version >= 1 else b"")


def join(version, member="", group="g", instance=None):
    out = text(group) + i32(6000) + (i32(6000) if version >= 1 else b"") + text(member)
    out += text(instance) if version >= 5 else b""
    protocols = [text("range") + blob(i16(0) + array([text("t")]) + blob(b""))]
    return out + text("consumer") + array(protocols)


def sync(version, generation, member, group="g", instance=None):
    out = text(group) + i32(generation) + text(member)
    out += text(instance) if version >= 3 else b""
    return out + array([text(member) + blob(b"partitions")])


def heartbeat(version, generation, member):
    return text("g") + i32(generation) + text(member) + (text(None) if version >= 3 else b"")


def commit(version, generation=-1, member="", group="g"):
    out = text(group)
    out += i32(generation) + text(member) if version >= 1 else b""
    out += text(None) if version >= 7 else b""
    out += i64(-1) if 2 <= version <= 4 else b""
    part = i32(0) + i64(5)
    part += i32(-1) if version >= 6 else b""
    part += i64(-1) if version == 1 else b""
    return out + array([text("t") + array([part + text("note")])])


def committed(version, everything=False):
    topics = i32(-1) if everything else array([text("t") + array([i32(0), i32(1)])])
    return text("g") + topics


def requests():
    for v in range(8):
        yield f"produce-{v}", act(0, 0, v, produce(v, batch(3) + batch(2)))
    for v in range(12):
        yield f"fetch-{v}", act(0, 0, 7, produce(7, batch())) + act(1, 1, v, fetch(v))
    for v in range(3):
        for t in (-1, -2, 1000):
            yield f"list-offsets-{v}{t}", act(0, 2, v, list_offsets(v, t))
        yield f"find-coordinator-{v}", act(0, 10, v, text("g") + (i8(0) if v else b""))
    for v in range(5):
        yield f"metadata-{v}", act(0, 3, v, metadata(v, ["t", "new", "a b"]))
        yield f"metadata-all-{v}", act(0, 3, v, metadata(v, None if v else []))
        yield f"create-{v}", act(0, 19, v, create(v, "c") + b"") + act(0, 19, v, create(v, "d", True))
        describe = array([text("g"), text("none")]) + (i8(0) if v >= 3 else b"")
        yield f"describe-{v}", act(0, 8, 2, commit(2)) + act(0, 15, v, describe)
    for v in range(4):
        yield f"delete-{v}", act(0, 20, v, array([text("t"), text("x")]) + i32(100))
        yield f"versions-{v}", act(0, 18, v, b"\x05abcd\x02x\x00" if v == 3 else b"")
        yield f"heartbeat-{v}", act(0, 12, v, heartbeat(v, 1, "m"))
        yield f"sync-{v}", act(0, 14, v, sync(v, 1, "m"))
    for v in range(2):
        yield f"init-producer-{v}", act(0, 22, v, text(None) + i32(0))
        yield f"leave-{v}", act(0, 13, v, text("g") + text("m"))
        yield f"delete-groups-{v}", act(0, 8, 2, commit(2)) + act(0, 42, v, array([text("g")]))
    for v in range(6):
        yield f"join-{v}", act(0, 11, v, join(v, instance="i" if v == 5 else None))
        yield f"offset-fetch-{v}", act(0, 8, 2, commit(2)) + act(0, 9, v, committed(v))
        yield f"offset-fetch-all-{v}", act(0, 8, 2, commit(2)) + act(0, 9, v, committed(v, v >= 2))
    for v in range(8):
        yield f"commit-{v}", act(0, 8, v, commit(v))
    for v in range(3):
        yield f"list-groups-{v}", act(0, 8, 2, commit(2)) + act(0, 16, v, b"")


def plays():
    # Two members without ids of their own (version 3): both get them from the broker, and rejoin.
    two = act(0, 11, 3, join(3)) + act(1, 11, 3, join(3)) + later(100)
    yield "two-members", two + act(0, 12, 3, heartbeat(3, 1, "")) + later(255) + later(255) * 3
    # A static member has its id in `instance`.
    yield "static", act(0, 11, 5, join(5, instance="i")) + act(1, 11, 5, join(5, instance="i")) + later(200)
    yield "wait", act(0, 1, 11, fetch(11, wait=500)) + later(10) + act(1, 0, 7, produce(7, batch()))
    yield "wait-deleted", act(0, 1, 11, fetch(11, wait=500)) + act(1, 20, 1, array([text("t")]) + i32(1))
    yield "wait-gone", act(0, 1, 11, fetch(11, wait=500)) + again(0) + act(1, 0, 7, produce(7, batch()))
    full = b"".join(act(0, 0, 7, produce(7, batch(size=60000))) for _ in range(10))
    yield "full", full + later(1) + act(1, 1, 11, fetch(11)) + act(1, 1, 11, fetch(11, 8)) + later(1)
    idem = [batch(2, 1000, 0, s) for s in (0, 2, 0, 9)] + [batch(1, 1000, 1, 0), batch(1, 1000, 0, 5)]
    yield "idempotent", b"".join(act(0, 0, 7, produce(7, b)) for b in idem)
    yield "old-format", act(0, 0, 2, produce(2, bytes(16) + i8(1) + bytes(20)))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, acts in requests():
        (folder / name).write_bytes(b"\x00" + acts)
    for name, acts in plays():
        for kind in (0, 2, 16, 32):
            (folder / f"{name}-{kind}").write_bytes(bytes([kind]) + acts)


if __name__ == "__main__":
    main()
