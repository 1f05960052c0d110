"""Makes the small files that calls need: a tone, a fax page, an AGI script."""

from __future__ import annotations

import math
import struct

RATE = 8000
FAX_WIDTH = 1728
FAX_LINES = 400


def files() -> dict[str, bytes]:
    """The files: name to content."""
    return {"tone.ul": tone(2.0), "page.tif": blank_page(), "hello.agi": AGI.encode()}


def tone(seconds: float) -> bytes:
    """A 440 Hz tone in mu-law."""
    count = int(seconds * RATE)
    return bytes(
        _mulaw(int(12_000 * math.sin(2 * math.pi * 440 * at / RATE))) for at in range(count)
    )


def _mulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def blank_page() -> bytes:
    """A TIFF with one white page: in ITU-T T.6 each white line is a single 1 bit."""
    bits = "1" * FAX_LINES + "000000000001" * 2
    bits += "0" * (-len(bits) % 8)
    image = int(bits, 2).to_bytes(len(bits) // 8, "big")
    short, long, ratio = 3, 4, 5
    tags = [
        (254, long, 2),  # one page of a document
        (256, short, FAX_WIDTH),
        (257, short, FAX_LINES),
        (258, short, 1),  # bits per sample
        (259, short, 4),  # T.6
        (262, short, 0),  # white is zero
        (266, short, 1),  # most significant bit first
        (273, long, 0),  # offset of the image: set below
        (277, short, 1),
        (278, short, FAX_LINES),
        (279, long, len(image)),
        (282, ratio, 0),
        (283, ratio, 0),
        (296, short, 2),  # inches
    ]
    header_size = 8
    directory_end = header_size + 2 + 12 * len(tags) + 4
    offsets = {273: directory_end + 16, 282: directory_end, 283: directory_end + 8}
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1)
        + struct.pack(
            "<HH" if kind == short else "<I",
            *((value, 0) if kind == short else (offsets.get(tag, value),)),
        )
        for tag, kind, value in tags
    )
    resolutions = struct.pack("<IIII", 204, 1, 98, 1)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return struct.pack("<2sHI", b"II", 42, header_size) + directory + resolutions + image


AGI = """\
#!/bin/sh
while read -r line && [ -n "$line" ]; do :; done
for command in 'VERBOSE "Zoë says: \\"hello\\"" 1' 'SET VARIABLE AGIDONE yes' 'EXEC Wait 1' 'NOSUCH'
do
  echo "$command"
  read -r answer
done
"""
