"""One statement of the witness: its claims (an EAT, RFC 9711), as many events as a line has room for, signed."""

import binascii
import hashlib
import json

from witness import jws
from witness.framing import MAX_LINE
from witness.ring import Ring

PROFILE = "tag:wachhund,2026:witness/1"
STATEMENT_TYPE, CONFIRM_TYPE = "wachhund-witness+jwt", "wachhund-confirm+jwt"
_AROUND = 9 + 43 + 2  # the CRC with its star, the signature, two dots


class Key:
    """What `wachhund witness make` wrote for this board. `secret`: 32 bytes, known to it and to the host only."""

    def __init__(self, secret: bytes, ueid: str, nonce: str) -> None:
        if len(secret) != 32:
            raise ValueError("the key is not 32 bytes")
        self.ueid, self.nonce = ueid, nonce
        self.mac = jws.Mac(secret)
        shown = b'{"k":"' + jws.encode(secret) + b'","kty":"oct"}'
        kid = jws.encode(hashlib.sha256(shown).digest()).decode()  # RFC 7638
        self.statement_header = _header(kid, STATEMENT_TYPE)
        self.confirm_header = _header(kid, CONFIRM_TYPE)


def _header(kid: str, typ: str) -> bytes:
    return jws.encode(('{"alg":"HS256","kid":"' + kid + '","typ":"' + typ + '"}').encode())


def key_from(settings: dict[str, str]) -> Key:
    """The key in the settings file: `secret` in hexadecimal digits, `ueid`, `nonce`."""
    return Key(binascii.unhexlify(settings["secret"]), settings["ueid"], settings["nonce"])


def make(key: Key, claims: dict[str, object], ring: Ring) -> tuple[bytes, int]:
    """The token, and how many of the events in `ring` it tells: the oldest, up to what one line holds."""
    room = (MAX_LINE - _AROUND - len(key.statement_header)) * 3 // 4
    parts = [json.dumps(claims, separators=(",", ":"))[:-1], ',"waiting":', str(ring.waiting()), ',"events":[']
    for part in parts:
        room -= len(part)
    events = ring.oldest(room - 2)
    parts.append(",".join(events))
    parts.append("]}")
    return jws.sign(key.statement_header, "".join(parts).encode(), key.mac), len(events)


def read_confirm(key: Key, token: bytes, bootcount: int) -> tuple[int, str] | None:
    """(n, nonce) of the host's confirmation for this boot of this witness; None for anything else.

    What the MAC proves was written by our host: its JSON is no stranger's. Its types are looked at all the same.
    """
    payload = jws.open_token(token, key.confirm_header, key.mac)
    if payload is None:
        return None
    try:
        claims = json.loads(payload)
        n, nonce = claims["n"], claims["eat_nonce"]
        if claims["ueid"] != key.ueid or claims["bootcount"] != bootcount:
            return None
    except (ValueError, KeyError, TypeError):
        return None
    if type(n) is not int or type(nonce) is not str or not 8 <= len(nonce) <= 88:
        return None
    return n, nonce
