"""Base64url without padding (RFC 7515, section 2), in its one canonical spelling."""

import binascii

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
        raw = text.encode("ascii")
        data = binascii.a2b_base64(raw.translate(_FROM_URL) + _PADDING[len(raw) % 4])
    except (UnicodeEncodeError, binascii.Error):
        raise RejectedEvidence("base64", "not base64url") from None
    if encode(data) != text:
        raise RejectedEvidence("base64", "not the canonical spelling")
    return data


def decode_exactly(text: object, size: int, name: str) -> bytes:
    """A claim that must be the text of exactly `size` bytes. Raises RejectedEvidence ("claims") otherwise."""
    if type(text) is not str:
        raise RejectedEvidence("claims", name + " is not a text")
    try:
        data = decode(text)
    except RejectedEvidence as error:
        raise RejectedEvidence("claims", "{} is {}".format(name, error.detail)) from None
    if len(data) != size:
        raise RejectedEvidence("claims", "{} is not {} bytes".format(name, size))
    return data
