"""What a witness says, and what a host answers it: HS256 tokens under a key of theirs alone (protocol.md, Witness).

The agent carries both and reads neither: it has no key for them. `is_compact` is all that it asks.
"""

import hashlib
import hmac
import re
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from wachhund_evidence import base64url, strict_json
from wachhund_evidence.errors import RejectedEvidence
from wachhund_evidence.serial_line import MAX_LINE_BYTES

WITNESS_PROFILE = "tag:wachhund,2026:witness/1"
STATEMENT_TYPE, CONFIRM_TYPE = "wachhund-witness+jwt", "wachhund-confirm+jwt"
MAX_STATEMENT_CHARS = MAX_LINE_BYTES - 9
SECRET_BYTES = 32
MAX_LINES = 16  # sensed lines of one witness
MAX_EVENTS = 64  # of one statement: what its ring holds
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}\Z")
_NONCE_CHARS = range(8, 89)
_HEAD_CHARS = 43


class WitnessEvent(NamedTuple):
    """Something that happened, `up_ms` milliseconds after the witness's start. `number` counts from 1 in each boot."""

    number: int
    up_ms: int
    what: str
    value: Any


class StatementClaims(NamedTuple):
    """One statement. `lines`: by name (state, edges). `longest_ms`: the agent's longest silence that is not confirmed.

    `armed`, `cut`: None where no output is fitted.
    """

    ueid: str
    bootcount: int
    n: int
    up_ms: int
    eat_nonce: str
    chip: str
    cause: str
    kept: bool
    lines: Mapping[str, Tuple[int, int]]
    armed: Optional[bool]
    cut: Optional[bool]
    beats: int
    silent_ms: int
    longest_ms: int
    head: Optional[str]
    events: Tuple[WitnessEvent, ...]
    waiting: int
    lost: int


def is_compact(text: str) -> bool:
    """Whether a text has the shape of a compact JWS that fits into one line."""
    return len(text) <= MAX_STATEMENT_CHARS and _COMPACT.match(text) is not None


def witness_kid(secret: bytes) -> str:
    """The name of a witness's key: its JWK thumbprint (RFC 7638)."""
    shown = '{"k":"' + base64url.encode(secret) + '","kty":"oct"}'
    return base64url.encode(hashlib.sha256(shown.encode("ascii")).digest())


def _mac(secret: bytes, signed: str) -> bytes:
    return hmac.new(secret, signed.encode("ascii"), hashlib.sha256).digest()


def _header(typ: str, secret: bytes) -> str:
    # As it is written on the board: letter by letter, so that a board needs no reader of headers.
    text = '{"alg":"HS256","kid":"' + witness_kid(secret) + '","typ":"' + typ + '"}'
    return base64url.encode(text.encode("ascii"))


def sign_confirm(secret: bytes, ueid: str, bootcount: int, n: int, nonce: str) -> str:
    """The host's word that it holds statement `n` of that boot: with it the witness forgets what it told in it."""
    claims = {"ueid": ueid, "bootcount": bootcount, "n": n, "eat_nonce": nonce}
    signed = "{}.{}".format(_header(CONFIRM_TYPE, secret), base64url.encode(strict_json.render(claims).encode("ascii")))
    return signed + "." + base64url.encode(_mac(secret, signed))


def _refuse(detail: str) -> RejectedEvidence:
    return RejectedEvidence("claims", detail)


def _whole(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise _refuse(name + " is not a whole number from 0")
    return value


def _text(claims: Mapping[str, Any], name: str, most: int = 88) -> str:
    value = claims.get(name)
    if type(value) is not str or not 0 < len(value) <= most or not value.isprintable():
        raise _refuse(name + " is not a short text")
    return value


def _truth(claims: Mapping[str, Any], name: str) -> bool:
    value = claims.get(name)
    if type(value) is not bool:
        raise _refuse(name + " is not true or false")
    return value


def _part(claims: Mapping[str, Any], name: str) -> Dict[str, Any]:
    value = claims.get(name)
    if type(value) is not dict:
        raise _refuse(name + " is not an object")
    return value


def _lines(value: Any) -> Dict[str, Tuple[int, int]]:
    if type(value) is not dict or len(value) > MAX_LINES:
        raise _refuse("lines is not an object of at most {}".format(MAX_LINES))
    for name, pair in value.items():
        if _NAME.match(name) is None or type(pair) is not list or [type(one) for one in pair] != [int, int]:
            raise _refuse("lines holds other than [state, edges] by name")
    return {name: (pair[0], pair[1]) for name, pair in value.items()}


def _events(value: Any) -> Tuple[WitnessEvent, ...]:
    if type(value) is not list or len(value) > MAX_EVENTS:
        raise _refuse("events is not a list of at most {}".format(MAX_EVENTS))
    found = []
    for one in value:
        if type(one) is not list or len(one) != 4 or [type(part) for part in one[:3]] != [int, int, str]:
            raise _refuse("an event is not [number, up_ms, what, value]")
        if _NAME.match(one[2]) is None or type(one[3]) not in (int, str) or len(str(one[3])) > 40:
            raise _refuse("an event is not as a witness tells one")
        found.append(WitnessEvent(*one))
    return tuple(found)


def read_statement(text: str, secret: bytes, ueid: str) -> StatementClaims:
    """The claims of a witness's statement, made with `secret` by the witness `ueid`.

    Raises RejectedEvidence: "token", "base64", "header", "signature", "json", "claims", "profile" or "ueid".
    """
    if not is_compact(text):
        raise RejectedEvidence("token", "not a compact JWS of at most {} characters".format(MAX_STATEMENT_CHARS))
    header, payload, signature = text.split(".")
    if header != _header(STATEMENT_TYPE, secret):
        raise RejectedEvidence("header", "not that of this witness")
    data = base64url.decode(payload)
    if not hmac.compare_digest(base64url.decode(signature), _mac(secret, header + "." + payload)):
        raise RejectedEvidence("signature", "does not fit the token")
    claims = strict_json.parse_object(data)
    if claims.get("eat_profile") != WITNESS_PROFILE:
        raise RejectedEvidence("profile", "not a statement that this host can read")
    if claims.get("ueid") != ueid:
        raise RejectedEvidence("ueid", "of another witness")
    agent, output = _part(claims, "agent"), claims.get("output")
    head = agent.get("head")
    if head is not None and (type(head) is not str or len(head) != _HEAD_CHARS):
        raise _refuse("head is not a hash")
    nonce = _text(claims, "eat_nonce")
    if len(nonce) not in _NONCE_CHARS:
        raise _refuse("eat_nonce is not a text of 8 to 88 bytes")
    fitted = None if output is None else _part(claims, "output")
    return StatementClaims(
        ueid=ueid,
        bootcount=_whole(claims, "bootcount"),
        n=_whole(claims, "n"),
        up_ms=_whole(claims, "up_ms"),
        eat_nonce=nonce,
        chip=_text(claims, "chip", 64),
        cause=_text(claims, "cause", 16),
        kept=_truth(claims, "kept"),
        lines=_lines(claims.get("lines")),
        armed=None if fitted is None else _truth(fitted, "armed"),
        cut=None if fitted is None else _truth(fitted, "cut"),
        beats=_whole(agent, "beats"),
        silent_ms=_whole(agent, "silent_ms"),
        longest_ms=_whole(agent, "longest_ms"),
        head=head,
        events=_events(claims.get("events")),
        waiting=_whole(claims, "waiting"),
        lost=_whole(claims, "lost"),
    )
