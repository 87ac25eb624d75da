# SPDX-License-Identifier: Apache-2.0
"""HdrHistogram's compressed V2 form, read back: enough to count what lies above a value.

Written from the format's description and not from omb's own codec, which it checks in passing.
"""

import base64
import struct
import zlib

COOKIE_COMPRESSED = 0x1C849304
COOKIE_V2 = 0x1C849303


class Histogram:
    """Counts by bucket; a bucket is (lowest, highest) value that it stands for."""

    def __init__(self, buckets):
        self.buckets = buckets
        self.count = sum(n for _, _, n in buckets)

    @classmethod
    def decode(cls, text):
        outer = base64.b64decode(text)
        cookie, length = struct.unpack_from(">ii", outer)
        assert cookie & ~0xF0 == COOKIE_COMPRESSED & ~0xF0, hex(cookie)
        inner = zlib.decompress(outer[8 : 8 + length])
        head = struct.unpack_from(">iiiiqqd", inner)
        cookie, payload_len, offset, digits, lowest, _, ratio = head
        assert cookie & ~0xF0 == COOKIE_V2 & ~0xF0, hex(cookie)
        assert (offset, lowest, ratio) == (0, 1, 1.0)
        return cls(list(_buckets(inner[40 : 40 + payload_len], digits)))

    def at(self, percentile):
        """The highest value of the bucket in which the percentile lies."""
        wanted = max(1, -int(-percentile * self.count // 100))
        seen = 0
        for _, high, n in self.buckets:
            seen += n
            if seen >= wanted:
                return high
        return 0

    def surely_above(self, value):
        """How many lie in buckets that are wholly above `value`."""
        return sum(n for low, _, n in self.buckets if low > value)

    def surely_below(self, value):
        return sum(n for _, high, n in self.buckets if high < value)

    def max(self):
        return self.buckets[-1][1] if self.buckets else 0

    def minus(self, other):
        counts = {(low, high): n for low, high, n in self.buckets}
        for low, high, n in other.buckets:
            counts[low, high] = counts.get((low, high), 0) - n
        assert min(counts.values(), default=0) >= 0
        return Histogram([(low, high, n) for (low, high), n in sorted(counts.items()) if n])


def merged(histograms):
    counts = {}
    for histogram in histograms:
        for low, high, n in histogram.buckets:
            counts[low, high] = counts.get((low, high), 0) + n
    return Histogram([(low, high, n) for (low, high), n in sorted(counts.items())])


def _buckets(payload, digits):
    half_bits = (2 * 10**digits - 1).bit_length() - 1  # 1024 = 2^10 for 3 digits
    half = 1 << half_bits
    index = 0
    for value in _zigzag(payload):
        if value < 0:
            index += -value
            continue
        if value > 0:
            shift = max(0, (index >> half_bits) - 1)
            sub = index if shift == 0 and index < 2 * half else (index & (half - 1)) + half
            yield sub << shift, ((sub + 1) << shift) - 1, value
        index += 1


def _zigzag(payload):
    at = 0
    while at < len(payload):
        value = shift = 0
        for i in range(9):
            byte = payload[at]
            at += 1
            if i == 8:  # the ninth byte is used whole
                value |= byte << shift
                break
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield (value >> 1) ^ -(value & 1)
