"""Batches of columns as docs/format/batch.md says, and nothing of the program's own encoder."""
import struct

TABLE = []
for byte in range(256):
    value = byte
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(data, value=0):
    value ^= 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def svarint(number):
    return varint((number << 1) ^ (number >> 63) if number < 0 else number << 1)


def steps(numbers):
    return b"".join(svarint(number - before) for number, before in zip(numbers, [0, *numbers]))


def times_of(times):
    gaps = [b - a for a, b in zip(times, times[1:])]
    return svarint(times[0]) + b"".join(svarint(gap - before) for gap, before in zip(gaps, [0, *gaps]))


def column(path, kind, times, quality_bits, values):
    name = path.encode()
    return varint(len(name)) + name + varint(kind) + varint(len(times)) + times_of(times) + varint(len(times)) + varint(quality_bits) + values


def frame(*columns):
    body = varint(len(columns)) + b"".join(columns)
    head = b"\x01\0\0\0" + struct.pack("<I", len(body))
    return b"GSBT" + head + struct.pack("<I", crc32c(body, crc32c(head))) + body
