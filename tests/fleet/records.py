"""Every token that a fleet made, in a file: when it was sent, and when its receipt came."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_ROW = struct.Struct("<IIIBddd22s43s")


class TokenRow(NamedTuple):
    """`phase`: its place in the plan. Times are Unix seconds by this machine's clock; 0.0: it did not happen.

    `sent_t`: the first time that it left; it may have left again later, after a cut.
    """

    number: int
    seq: int
    tries: int
    phase: int
    made_t: float
    sent_t: float
    receipted_t: float
    chain: str
    hash: str


def write(stream: BinaryIO, row: TokenRow) -> None:
    """Append one."""
    stream.write(_ROW.pack(*row[:7], row.chain.encode("ascii"), row.hash.encode("ascii")))


def read(path: Path) -> Iterator[TokenRow]:
    """All of a file."""
    with path.open("rb") as stream:
        while block := stream.read(_ROW.size * 4096):
            for row in _ROW.iter_unpack(block):
                yield TokenRow._make((*row[:7], row[7].decode("ascii"), row[8].decode("ascii")))
