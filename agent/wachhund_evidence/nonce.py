"""The host's nonce: its time, and a mark that only it can make (as RFC 9175's Echo; protocol.md, Receipt).

It checks itself, so no table is kept, none is lost at a restart, and every worker of a host can read it.
"""

import hashlib
import hmac

from wachhund_evidence import base64url
from wachhund_evidence.errors import RejectedEvidence

_TIME_BYTES = 8
_MARK_BYTES = 16


def _mac(secret: bytes, message: bytes, size: int) -> bytes:
    """HMAC-SHA-256 (RFC 2104), cut to its first `size` bytes."""
    return hmac.new(secret, message, hashlib.sha256).digest()[:size]


def mac_fits(secret: bytes, message: bytes, mac: bytes, size: int) -> bool:
    """Whether `mac` is the message's HMAC-SHA-256, cut to exactly `size` bytes. Takes as long whether it is or not."""
    return len(mac) == size and hmac.compare_digest(mac, _mac(secret, message, size))


def _message(ueid: str, time: bytes) -> bytes:
    return ueid.encode("ascii") + b"\x00" + time


def make_nonce(secret: bytes, ueid: str, host_time_us: int) -> str:
    """A nonce for one robot, made at `host_time_us` (microseconds since the epoch by the host's clock)."""
    time = host_time_us.to_bytes(_TIME_BYTES, "big")
    return base64url.encode(time + _mac(secret, _message(ueid, time), _MARK_BYTES))


def nonce_time(secret: bytes, ueid: str, nonce: str) -> int:
    """When this host made a nonce for that robot, in microseconds. Raises RejectedEvidence ("nonce") if it did not."""
    try:
        data = base64url.decode(nonce)
    except RejectedEvidence:
        data = b""
    time, mark = data[:_TIME_BYTES], data[_TIME_BYTES:]
    if not mac_fits(secret, _message(ueid, time), mark, _MARK_BYTES):
        raise RejectedEvidence("nonce", "not made by this host for this robot")
    return int.from_bytes(time, "big")
