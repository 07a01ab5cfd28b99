"""Lines between witness and agent: `TEXT*CRC32\\n`, the CRC in 8 hexadecimal digits (protocol.md, Witness).

The CRC finds what a bare UART loses and turns. It proves nothing; the signature within does.
"""

import zlib
from typing import List, Optional

MAX_LINE_BYTES = 2048  # with CRC and without the newline
_TAIL_BYTES = 9


def frame(text: str) -> bytes:
    """The line for a text of ASCII without newlines."""
    data = text.encode("ascii")
    return data + b"*%08x\n" % zlib.crc32(data)


def _unframe(line: bytes) -> Optional[str]:
    data = line[:-_TAIL_BYTES]
    if not data or line[len(data) :] != b"*%08x" % zlib.crc32(data):
        return None
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        return None


class LineReader:
    """Cuts bytes as they come into what lines say. Holds one line at most. `bad` counts lines that are none of ours."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._drops = False  # the rest of a line that is too long
        self.bad = 0

    def feed(self, data: bytes) -> List[str]:
        """What the lines that end in `data` say, in order."""
        texts: List[str] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._take(piece)
            text = None if self._drops else _unframe(bytes(self._line))
            if text is None:
                self.bad += 1
            else:
                texts.append(text)
            self._line.clear()
            self._drops = False
        self._take(rest)
        return texts

    def _take(self, piece: bytes) -> None:
        if self._drops or len(self._line) + len(piece) > MAX_LINE_BYTES:
            self._drops = True
            self._line.clear()
        else:
            self._line += piece
