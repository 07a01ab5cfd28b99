"""Our own webhook: JSON, signed as Standard Webhooks 1.0 has it, so that a receiver can check who sent what, and when.

`webhook-id` is the message's, the same at each try; `webhook-timestamp` the seconds since the epoch of this try;
`webhook-signature`: `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body` with the secret (base64 after `whsec_`).
Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. No redirect is followed.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import secrets
import ssl
import urllib.parse
from collections.abc import Mapping
from typing import Any

from wachhund.notify.address import Address

TIMEOUT_S = 15.0
SECRET_BYTES = 32
_PREFIX = "whsec_"
_MAX_ANSWER_BYTES = 2_000  # of what the receiver says


class NotDelivered(Exception):
    """The receiver did not take it. The text is in the receiver's words, or the system's."""


def new_secret() -> str:
    """A secret as receivers' libraries take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def signature(secret: str, identity: str, t: int, body: bytes) -> str:
    """The header's value. Raises ValueError for what is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a secret of Standard Webhooks") from None
    signed = f"{identity}.{t}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def send(address: Address, secret: str, message: Mapping[str, Any], t: float, version: str) -> str:
    """Post a message. Returns what the receiver answered. Raises NotDelivered, OSError."""
    body = json.dumps(message["event"], ensure_ascii=True, separators=(",", ":")).encode()
    parts = urllib.parse.urlsplit(address.whole)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "content-type": "application/json",
        "user-agent": f"Wachhund/{version}",
        "webhook-id": message["id"],
        "webhook-timestamp": str(int(t)),
        "webhook-signature": signature(secret, message["id"], int(t), body),
    }
    connection: http.client.HTTPConnection
    if address.is_tls:
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(address.host, address.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", target, body=body, headers=headers)
        answer = connection.getresponse()
        said = answer.read(_MAX_ANSWER_BYTES).decode("utf-8", "backslashreplace").strip()
    except (http.client.HTTPException, ValueError) as error:
        raise NotDelivered(f"no answer of HTTP: {error or type(error).__name__}") from None
    finally:
        connection.close()
    words = f"HTTP {answer.status} {answer.reason}" + (f": {said}" if said else "")
    if not 200 <= answer.status < 300:
        more = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
        raise NotDelivered(words + more)
    return words
