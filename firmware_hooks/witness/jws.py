"""Compact JWS with HS256 (RFC 7515, RFC 7518 3.2): HMAC-SHA-256 (RFC 2104) by hashlib alone, as boards have no hmac.

Runs on MicroPython and on CPython. Nothing here knows a key file, a clock or a wire.
"""

import binascii
import hashlib

_BLOCK = 64  # of SHA-256


class Mac:
    """HMAC-SHA-256 under one key."""

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        block = key + bytes(_BLOCK - len(key))
        self._inner = bytes([byte ^ 0x36 for byte in block])
        self._outer = bytes([byte ^ 0x5C for byte in block])

    def of(self, message: bytes) -> bytes:
        """The 32 bytes of the MAC of `message`."""
        inner = hashlib.sha256(self._inner)
        inner.update(message)
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        made: bytes = outer.digest()
        return made

    def fits(self, message: bytes, mac: bytes) -> bool:
        """Whether `mac` is that of `message`; takes as long wherever they differ."""
        right = self.of(message)
        differ = len(right) ^ len(mac)
        for ours, theirs in zip(right, mac):
            differ |= ours ^ theirs
        return differ == 0


def encode(data: bytes) -> bytes:
    """Unpadded base64url (RFC 7515, 2)."""
    text = binascii.b2a_base64(data, newline=False)
    return text.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")


def decode(text: bytes) -> bytes | None:
    """The bytes of a canonical base64url text; None for any other text, so that one token has one text only."""
    try:
        data = binascii.a2b_base64(text.replace(b"-", b"+").replace(b"_", b"/") + b"==="[: -len(text) % 4])
    except ValueError:
        return None
    return data if encode(data) == text else None


def sign(header: bytes, payload: bytes, mac: Mac) -> bytes:
    """The token. `header`: its first part as it is sent, encoded already: it is the same in every token."""
    signed = header + b"." + encode(payload)
    return signed + b"." + encode(mac.of(signed))


def open_token(token: bytes, header: bytes | None, mac: Mac) -> bytes | None:
    """The payload of a token that `mac`'s key made; None for anything else.

    `header`: the only first part that is taken, as it is sent; None takes any (for the published test vectors).
    """
    parts = token.split(b".")
    if len(parts) != 3 or (header is not None and parts[0] != header):
        return None
    payload, signature = decode(parts[1]), decode(parts[2])
    if payload is None or signature is None or decode(parts[0]) is None:
        return None
    return payload if mac.fits(parts[0] + b"." + parts[1], signature) else None
