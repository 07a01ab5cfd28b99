"""The address of a target: which way of telling it names, and what of it is a secret.

Ours: `https://` and `http://` (a signed webhook), `syslog+tls://`, `syslog+tcp://`, `ecs+tls://`, `ecs+tcp://`.
Every other scheme is Apprise's.
"""

import urllib.parse
from dataclasses import dataclass

from wachhund_evidence import MisuseError

WEBHOOK, SYSLOG, ECS, APPRISE = "webhook", "syslog", "ecs", "apprise"
_OURS = {
    "https": WEBHOOK, "http": WEBHOOK, "syslog+tls": SYSLOG, "syslog+tcp": SYSLOG, "ecs+tls": ECS, "ecs+tcp": ECS,
}  # fmt: skip
_PORTS = {"syslog+tls": 6514, "syslog+tcp": 601, "ecs+tls": 5044, "ecs+tcp": 5044}  # RFC 5425, RFC 3195's
# Apprise's ways that end on this machine, or take a message to be run or read by something here.
_LOCAL = frozenset(
    {"syslog", "dbus", "glib", "kde", "qt", "gnome", "macosx", "windows", "file", "blink1", "python"}
)  # fmt: skip
MAX_ADDRESS_CHARS = 2_000
_LEAST_SECRET = 4  # characters: what is shorter is in every text


@dataclass(frozen=True)
class Address:
    """An address that was read. `whole` holds its secrets; `kind`: one of the four ways."""

    whole: str
    scheme: str
    kind: str
    host: str
    port: int | None

    @property
    def is_tls(self) -> bool:
        """Whether what is sent is encrypted on its way (of ours; Apprise's schemes say it themselves)."""
        return self.scheme in ("https", "syslog+tls", "ecs+tls")


def read(text: str) -> Address:
    """Raises MisuseError, which holds nothing of the address but its scheme."""
    whole = text.strip()
    scheme, found, rest = whole.partition("://")
    scheme = scheme.lower()
    if not found or not rest or not scheme.replace("+", "").replace("-", "").isalnum():
        raise MisuseError(
            "address: give one such as mailtos://user:password@mail.example.org?to=ops@example.org, "
            "https://example.org/hook or ntfys://topic"
        )
    if len(whole) > MAX_ADDRESS_CHARS or not whole.isprintable():
        raise MisuseError(f"address: at most {MAX_ADDRESS_CHARS:,} printable characters")
    if scheme in _LOCAL:
        raise MisuseError(f"address: {scheme}://: ends on the host's own machine: choose another way")
    kind = _OURS.get(scheme, APPRISE)
    if kind == APPRISE:
        return Address(whole, scheme, kind, "", None)
    try:
        parts = urllib.parse.urlsplit(whole)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise MisuseError(f"address: {scheme}://: its host or port cannot be read") from None
    if not host or (kind != WEBHOOK and (parts.path.strip("/") or parts.query or parts.username)):
        raise MisuseError(f"address: {scheme}://: give {scheme}://HOST:PORT")
    if kind == WEBHOOK and (parts.username or parts.fragment):
        raise MisuseError(f"address: {scheme}://: no name and no fragment: the signature tells who sends")
    return Address(whole, scheme, kind, host, port or _PORTS.get(scheme))


def shown(address: Address) -> str:
    """One of ours without what may be a secret: a webhook's path often is one."""
    where = f"[{address.host}]" if ":" in address.host else address.host
    return f"{address.scheme}://{where}" + (f":{address.port}" if address.port else "")


def without_secrets(text: str, address: str) -> str:
    """A text (of a receiver, or of a library) without anything that stands in an address but its scheme and host.

    Both as it is written there, and decoded.
    """
    parts = address.partition("://")[2]
    pieces = set()
    for character in "/?&=:@,#;":
        parts = parts.replace(character, "\n")
    for piece in parts.split("\n"):
        pieces |= {piece, urllib.parse.unquote(piece), urllib.parse.unquote_plus(piece)}
    host = urllib.parse.urlsplit(address).hostname if "://" in address else None
    for piece in sorted(pieces, key=len, reverse=True):
        known = piece.lower() == host and _OURS.get(address.partition(":")[0].lower(), "") != ""
        if len(piece) >= _LEAST_SECRET and not known:
            text = text.replace(piece, "•••")
    return text
