"""Base64url without padding (RFC 7515, section 2), in its one canonical spelling."""

import binascii
import re
from typing import Pattern

from wachhund_evidence.errors import RejectedEvidence

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"", b"==", b"=")


def encode(data: bytes) -> str:
    """The unpadded text for these bytes."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode(text: str) -> bytes:
    """The bytes behind a text. Raises RejectedEvidence ("base64") unless the text is the only spelling of them.

    A second spelling of the same signature would let anybody on the wire make a second token without a key.
    """
    try:
        standard = text.encode("ascii").translate(_FROM_URL)
        data = binascii.a2b_base64(standard + _PADDING[len(standard) % 4])
    except (UnicodeEncodeError, binascii.Error):
        raise RejectedEvidence("base64", "not base64url") from None
    if "+" in text or "/" in text or binascii.b2a_base64(data, newline=False).rstrip(b"=") != standard:
        raise RejectedEvidence("base64", "not the canonical spelling")
    return data


def _exactly(size: int) -> Pattern[str]:
    """The canonical spellings of `size` bytes: the last character carries only the bits that are left over."""
    whole, left = divmod(size * 8, 6)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = "[{}]".format(re.escape(alphabet[:: 1 << (6 - left)])) if left else ""
    return re.compile("[A-Za-z0-9_-]{%d}%s" % (whole, last), re.ASCII)


_SHAPES = {size: _exactly(size) for size in (16, 24, 32)}


def check_size(text: object, size: int, name: str) -> None:
    """A claim that must be the text of exactly 16, 24 or 32 bytes. Raises RejectedEvidence ("claims") otherwise."""
    if type(text) is not str or _SHAPES[size].fullmatch(text) is None:
        raise RejectedEvidence("claims", "{} is not {} bytes in base64url".format(name, size))
