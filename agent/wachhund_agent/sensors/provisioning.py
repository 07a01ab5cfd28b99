"""What is said on a Bluetooth characteristic by which a robot's network is set up, as far as it can be read. Pure.

Unitree's set-up (Makris and Finisterre, "UniPwn", 2025; CVE-2025-35027, -60017, -60250, -60251): a message is 0x52, its
length, an instruction, data, and a byte that makes the sum 0; it is enciphered by AES-CFB128 with one key and one
initial value for all robots. No key is kept here: with key and initial value always the same, the first block of each
message is its text XOR the same 16 bytes, and the first message of a visit, which holds a word that is public, tells 13
of them. So of each later message the first 13 bytes can be read, and what follows not.
"""

from typing import NamedTuple, Optional

_MARK, _GREETING, _BLOCK = 0x52, 1, 16
_KINDS = {1: "handshake", 2: "serial-number", 3: "mode", 4: "network-name", 5: "password", 6: "country"}
_TEXT_AT = {4: 5, 5: 5, 6: 4}  # where in a message the text begins that a shell will be given
_OF_A_SHELL = frozenset(b'"`$;|<>\n')


class Provisioning(NamedTuple):
    """One such characteristic, from a profile. `word`: what the first message says, "" where nothing can be read."""

    characteristic: str
    what: str
    word: str


class Reading(NamedTuple):
    """`kind`: which instruction, "unread", or "like-handshake" before another message has proven it.

    `shell`: its text has characters that mean something to a shell, in the part that can be read.
    """

    kind: str
    shell: bool


class SetUpReader:
    """Reads the messages of one characteristic, over all visits: the key does not change."""

    def __init__(self, word: str) -> None:
        text = b"\x00\x00" + word.encode("ascii", "replace")
        head = bytes((_MARK, (len(text) + 4) & 0xFF, _GREETING)) + text
        self._greeting = head + bytes((-sum(head) & 0xFF,)) if word else b""
        self._stream: Optional[bytes] = None
        self.proven = False

    def read(self, size: int, head: bytes) -> Reading:
        """One message of `size` bytes that begins with `head`."""
        plain = None if self._stream is None else _xor(head, self._stream)
        if plain is not None and self._fits(plain, size):
            self.proven = self.proven or plain[2] != _GREETING
            kind = _KINDS[plain[2]] if self.proven else "like-handshake"
            return Reading(kind, self._speaks_shell(plain, size))
        if not self.proven and self._greeting and size == len(self._greeting):
            self._stream = _xor(head, self._greeting[:_BLOCK])
            return Reading("like-handshake", False)
        return Reading("unread", False)

    @staticmethod
    def _fits(plain: bytes, size: int) -> bool:
        if len(plain) < 4 or plain[0] != _MARK or plain[1] != size & 0xFF or plain[2] not in _KINDS:
            return False
        return len(plain) < size or sum(plain) & 0xFF == 0

    @staticmethod
    def _speaks_shell(plain: bytes, size: int) -> bool:
        text = plain[_TEXT_AT.get(plain[2], size) : size - 1]
        return any(byte in _OF_A_SHELL for byte in text)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other))
