"""JSON as both sides agree to read it (protocol.md, step 6; RFC 8259 with the limits of RFC 7493).

Python's reader takes doubled keys, NaN, endless integers and lone surrogates; two readers that differ there
can be told two stories with one signature. The limits are here, once, for robot and host.
"""

import json
from typing import Any, Dict, List, Tuple

from wachhund_evidence.errors import RejectedEvidence

MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1
_INTEGER_DIGITS = 17  # "-" and the 16 digits of 2**53 - 1
_FLOAT_DIGITS = 40  # a double needs 17 significant digits; the rest is sign, point and exponent


def _refuse(detail: str) -> RejectedEvidence:
    return RejectedEvidence("json", detail)


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _refuse("a key stands twice in one object")
    return made


def _integer(digits: str) -> int:
    if len(digits) < _INTEGER_DIGITS - 1:
        return int(digits)  # fewer digits than 2^53-1 has
    if len(digits) > _INTEGER_DIGITS:
        raise _refuse("an integer is beyond 2^53-1")
    value = int(digits)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise _refuse("an integer is beyond 2^53-1")
    return value


def _float(digits: str) -> float:
    if len(digits) > _FLOAT_DIGITS:
        raise _refuse("a number has too many digits")
    value = float(digits)
    if value - value != 0.0:  # only an infinity differs from itself here
        raise _refuse("a number is too large")
    return value


def _constant(word: str) -> float:
    raise _refuse(word + " is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)


def _check_depth(value: Any) -> None:
    layer = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [item for item in layer if type(item) in (dict, list)]
        if not containers:
            return
        layer = [inner for item in containers for inner in (item.values() if type(item) is dict else item)]
    raise _refuse("nested deeper than {}".format(MAX_DEPTH))


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _refuse("a text holds U+0000")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _refuse("a text holds half a surrogate pair") from None


def _check_texts(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is str:
            _check_text(item)
        elif type(item) is list:
            pending.extend(item)
        elif type(item) is dict:
            pending.extend(item.values())
            for key in item:
                _check_text(key)


def parse(data: bytes) -> Any:
    """The value of a strict JSON text. Raises RejectedEvidence ("json") for everything that is not one."""
    try:
        text = data.decode("utf-8")
        # What `decode` does around `raw_decode`, for white space at the ends, is a tenth of it; a token has none there.
        value, end = _DECODER.raw_decode(text) if text[:1] == "{" else (None, -1)
        if end != len(text):
            value = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise _refuse("not UTF-8") from None
    except RecursionError:
        raise _refuse("nested deeper than {}".format(MAX_DEPTH)) from None
    except ValueError:
        # json.JSONDecodeError names a place in the robot's text; the place is of no use without the text.
        raise _refuse("not JSON") from None
    # Both walks are skipped where they cannot find anything: this is the path of every heartbeat.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    if b"\\u" in data:
        _check_texts(value)
    return value


def parse_object(data: bytes) -> Dict[str, Any]:
    """As `parse`, for a text that must be one object."""
    value = parse(data)
    if type(value) is not dict:
        raise _refuse("not an object")
    return value


def render(value: Any) -> str:
    """Compact JSON in ASCII: control and other odd characters leave as escapes, so a terminal shows none of them."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("\x7f", "\\u007f")
