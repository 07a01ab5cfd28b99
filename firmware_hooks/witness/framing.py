"""Lines on the wire between witness and agent: `TEXT*CRC32\\n`, the CRC in 8 hexadecimal digits (protocol.md, Witness).

A bare UART loses and turns bytes: the CRC finds that. It proves nothing; the signature within does.
"""

import binascii

MAX_LINE = 2048  # protocol.md: bytes, with CRC and without the newline
_TAIL = 9  # "*" and 8 digits


def frame(text: bytes) -> bytes:
    """The line for `text`, which holds no newline."""
    return text + b"*%08x\n" % (binascii.crc32(text) & 0xFFFFFFFF)


def unframe(line: bytes) -> bytes | None:
    """What a line without its newline says; None where it is not as it was sent."""
    text = line[:-_TAIL]
    if not text or line[len(text) :] != b"*%08x" % (binascii.crc32(text) & 0xFFFFFFFF):
        return None
    return text


class LineReader:
    """Cuts bytes as they come into what lines say. Holds one line at most; `bad` counts lines that are none of ours."""

    def __init__(self) -> None:
        self._line = bytearray(MAX_LINE)
        self._length = 0
        self._drops = False  # the rest of a line that is too long
        self.bad = 0

    def feed(self, data: bytes) -> list[bytes]:
        """What the lines that end in `data` say, in order."""
        texts: list[bytes] = []
        start = 0
        while True:
            end = data.find(b"\n", start)
            piece = data[start:] if end < 0 else data[start:end]
            self._take(piece)
            if end < 0:
                return texts
            self._end(texts)
            start = end + 1

    def _take(self, piece: bytes) -> None:
        length = self._length + len(piece)
        if self._drops or length > MAX_LINE:
            self._drops, self._length = True, 0
            return
        self._line[self._length : length] = piece
        self._length = length

    def _end(self, texts: list[bytes]) -> None:
        text = None if self._drops else unframe(bytes(memoryview(self._line)[: self._length]))
        if text is None:
            self.bad += 1
        else:
            texts.append(text)
        self._drops, self._length = False, 0
