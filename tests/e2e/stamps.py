# SPDX-License-Identifier: Apache-2.0
"""An independent reader: what stands in a topic by Kafka's own console consumer, and what each message
says of itself by src/load/stamp.h, read again from its description.  Nothing here is omb's code."""

import json
import secrets
import shutil
import struct
import subprocess

BYTES = 32
MAGIC = 0xB30B
PROBE = 1
MASK = (1 << 64) - 1


class Stamp:
    def __init__(self, payload):
        first, second, self.due_ns, last = struct.unpack("<QQQQ", payload[-BYTES:])
        assert first & 0xFFFF == MAGIC, "no stamp of omb"
        self.run = first >> 16 & 0xFFFF
        self.producer = first >> 32
        self.sequence = second & (1 << 48) - 1
        self.delay_ns = last & (1 << 48) - 1
        self.flags = last >> 48
        assert second >> 48 == _check(first, self.sequence, self.due_ns, last), "a damaged stamp"


def _check(first, sequence, due_ns, last):
    h = (first ^ 0x9E3779B97F4A7C15) * 0xFF51AFD7ED558CCD & MASK
    h ^= h >> 32
    h = (h ^ sequence) * 0xC4CEB9FE1A85EC53 & MASK
    h = (h ^ h >> 29 ^ due_ns) * 0x9FB21C651E98DF25 & MASK
    h = (h ^ h >> 32 ^ last) * 0xD6E8FEB86659FD93 & MASK
    return h >> 48


def of_partition(nodes, topic, partition, messages):
    """The stamps of so many messages from its first one on, without probes; in their order."""
    end = secrets.token_hex(16)  # a payload may contain anything else
    state = json.loads((nodes.member(1) / "broker.json").read_text())
    argv = [shutil.which("java"), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    argv += [f"-Dlog4j2.configurationFile={nodes.member(1) / 'log4j2.properties'}"]
    argv += ["-cp", f"{state['jars']}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer"]
    argv += ["--bootstrap-server", nodes.bootstrap, "--topic", topic]
    argv += ["--partition", partition, "--offset", "earliest", "--max-messages", messages]
    argv += ["--timeout-ms", 30_000, "--formatter-property", f"line.separator={end}"]
    done = subprocess.run(list(map(str, argv)), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    payloads = done.stdout.split(end.encode())
    assert payloads.pop() == b""
    assert len(payloads) == messages, f"{len(payloads)} of {messages}: {done.stderr}"
    return [s for s in map(Stamp, payloads) if not s.flags & PROBE]
