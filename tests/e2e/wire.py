# SPDX-License-Identifier: Apache-2.0
"""Frames of the Kafka protocol, byte by byte, for what no client library would do."""

import socket
import struct

PRODUCE, FETCH, INIT_PRODUCER_ID, API_VERSIONS = 0, 1, 22, 18
NONE, OFFSET_OUT_OF_RANGE = 0, 1
JOIN_GROUP = 11


def text(s):
    return struct.pack(">h", len(s)) + s.encode()


def frame(api, version, body, correlation=1):
    head = struct.pack(">hhi", api, version, correlation) + text("wire")
    return struct.pack(">i", len(head) + len(body)) + head + body


def batch(messages=1, producer=-1, epoch=-1, sequence=-1, size=100):
    """A record batch whose records are of no meaning; the broker does not look into them."""
    records = bytes(size)
    body = struct.pack(
        ">hiqqqhii", 0, messages - 1, 1, 1, producer, epoch, sequence, messages
    )
    rest = struct.pack(">ibI", -1, 2, 0) + body + records
    return struct.pack(">qi", 0, len(rest)) + rest


def produce(topic, records=None, acks=-1, partition=0, correlation=1):
    records = batch() if records is None else records
    body = struct.pack(">hhii", -1, acks, 30_000, 1) + text(topic)
    body += struct.pack(">iii", 1, partition, len(records)) + records
    return frame(PRODUCE, 7, body, correlation)


def fetch(topic, offset=0, max_wait_ms=0, min_bytes=1, partition=0, correlation=1):
    body = struct.pack(">iiiibii", -1, max_wait_ms, min_bytes, 1 << 24, 0, 0, -1)
    body += struct.pack(">i", 1) + text(topic)
    body += struct.pack(">iiiqqi", 1, partition, -1, offset, -1, 1 << 24)
    return frame(FETCH, 11, body + struct.pack(">i", 0) + text(""), correlation)


def init_producer_id(correlation=1):
    return frame(INIT_PRODUCER_ID, 1, struct.pack(">hi", -1, 60_000), correlation)


def join_group(group, correlation=1):
    body = text(group) + struct.pack(">ii", 10_000, 10_000) + text("") + text("consumer")
    return frame(JOIN_GROUP, 2, body + struct.pack(">i", 1) + text("range") + struct.pack(">i", 0), correlation)


def api_versions(correlation=1):
    return frame(API_VERSIONS, 0, b"", correlation)


class Wire:
    """A connection."""

    def __init__(self, address, timeout_s=30):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        """In one write."""
        self.socket.sendall(b"".join(frames))

    def receive(self):
        """(correlation, body) of the next answer."""
        (size,) = struct.unpack(">i", self._take(4))
        data = self._take(size)
        return struct.unpack(">i", data[:4])[0], data[4:]

    def ask(self, frame):
        self.send(frame)
        return self.receive()[1]

    def produce(self, topic, records=None, **more):
        """(error, offset)"""
        answer = self.ask(produce(topic, records, **more))
        return struct.unpack_from(">hq", answer, 4 + 2 + len(topic) + 8)

    def fetch(self, topic, offset=0, **more):
        """(error, end of the log, start of the log, records)"""
        answer = self.ask(fetch(topic, offset, **more))
        at = 14 + 2 + len(topic) + 8
        error, end, _, start, _, _, size = struct.unpack_from(">hqqqiii", answer, at)
        return error, end, start, answer[len(answer) - size :] if size else b""

    def init_producer_id(self):
        _, error, producer, epoch = struct.unpack(">ihqh", self.ask(init_producer_id()))
        assert error == NONE
        return producer, epoch

    def _take(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "the broker closed the connection"
            data += more
        return data
