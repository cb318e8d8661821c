"""Decodes HdrHistograms with nothing but the standard library.

Reads JSON lists of base64 texts on stdin and prints, for each, count, maximum,
quantiles, and the counts that are not zero with their indices. Written from the description of the V2 format: a compressed
payload of zlib behind a cookie and a length; in it a header of 40 bytes and
counts as ZigZag LEB128, a negative one being a number of empty counts.
"""

import base64
import json
import math
import struct
import sys
import zlib

COMPRESSED = 0x1C849304
PLAIN = 0x1C849303
QUANTILES = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999]


def cookie(word):
    """The word without the bits that tell the size of a count."""
    return word & ~0xF0


def inflate(text):
    data = base64.b64decode(text)
    word, length = struct.unpack_from(">ii", data)
    assert cookie(word) == COMPRESSED, hex(word)
    assert len(data) == 8 + length, (len(data), length)
    return zlib.decompress(data[8:])


def numbers(data):
    """ZigZag LEB128; the ninth byte has eight bits."""
    at = 0
    while at < len(data):
        value = shift = 0
        for index in range(9):
            byte = data[at]
            at += 1
            last = index == 8
            value |= (byte if last else byte & 0x7F) << shift
            shift += 7
            if last or byte < 0x80:
                break
        yield (value >> 1) ^ -(value & 1)


class Histogram:
    def __init__(self, text):
        data = inflate(text)
        word, length, offset, digits, lowest, _, ratio = struct.unpack_from(">iiiiqqd", data)
        assert cookie(word) == PLAIN, hex(word)
        assert (offset, ratio) == (0, 1.0), (offset, ratio)
        self.unit = int(math.log2(lowest))
        # Two sub-buckets for each value that the digits tell apart.
        self.half = 2 ** (math.ceil(math.log2(2 * 10**digits)) - 1)
        self.counts = self.spread(data[40 : 40 + length])

    @staticmethod
    def spread(payload):
        """(index, count) of all counts that are not zero."""
        counts, index = [], 0
        for number in numbers(payload):
            if number < 0:
                index -= number
            else:
                if number > 0:
                    counts.append((index, number))
                index += 1
        return counts

    def highest(self, index):
        """The greatest value that is counted at an index."""
        bucket = index // self.half - 1
        if bucket < 0:
            return ((index + 1) << self.unit) - 1
        step = bucket + self.unit
        return ((index % self.half + self.half + 1) << step) - 1

    def total(self):
        return sum(count for _, count in self.counts)

    def quantile(self, share):
        needed, seen = max(1, math.ceil(share * self.total())), 0
        for index, count in self.counts:
            seen += count
            if seen >= needed:
                return self.highest(index)
        return 0


def main():
    found = []
    for text in json.load(sys.stdin):
        histogram = Histogram(text)
        quantiles = [histogram.quantile(share) for share in QUANTILES]
        found.append(
            {
                "count": histogram.total(),
                "quantiles": quantiles,
                "max": histogram.quantile(1.0),
                "counts": histogram.counts,
            }
        )
    json.dump(found, sys.stdout)


main()
