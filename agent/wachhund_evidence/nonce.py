"""The host's nonce: its time, and a mark that only it can make (as RFC 9175's Echo; protocol.md, Receipt).

It checks itself, so no table is kept, none is lost at a restart, and every worker of a host can read it.
"""

import hashlib
import hmac

from wachhund_evidence import base64url
from wachhund_evidence.errors import RejectedEvidence

_TIME_BYTES = 8
_MARK_BYTES = 16


def _mark(secret: bytes, ueid: str, time: bytes) -> bytes:
    return hmac.new(secret, ueid.encode("ascii") + b"\x00" + time, hashlib.sha256).digest()[:_MARK_BYTES]


def make_nonce(secret: bytes, ueid: str, host_time_us: int) -> str:
    """A nonce for one robot, made at `host_time_us` (microseconds since the epoch by the host's clock)."""
    time = host_time_us.to_bytes(_TIME_BYTES, "big")
    return base64url.encode(time + _mark(secret, ueid, time))


def nonce_time(secret: bytes, ueid: str, nonce: str) -> int:
    """When this host made a nonce for that robot, in microseconds. Raises RejectedEvidence ("nonce") if it did not."""
    try:
        data = base64url.decode(nonce)
    except RejectedEvidence:
        data = b""
    time, mark = data[:_TIME_BYTES], data[_TIME_BYTES:]
    if len(mark) != _MARK_BYTES or not hmac.compare_digest(mark, _mark(secret, ueid, time)):
        raise RejectedEvidence("nonce", "not made by this host for this robot")
    return int.from_bytes(time, "big")
