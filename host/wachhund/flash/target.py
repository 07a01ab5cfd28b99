"""Which robot a person means: [USER@]ADDRESS[:PORT]."""

import ipaddress
import re
from dataclasses import dataclass

from wachhund_evidence import MisuseError

DEFAULT_USER, DEFAULT_PORT = "pi", 22
MAX_CHARS = 320
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_NAME = re.compile(r"(?!-)[A-Za-z0-9._-]{1,253}")


@dataclass(frozen=True)
class Target:
    """`address`: a name or an IP address, without brackets."""

    user: str
    address: str
    port: int = DEFAULT_PORT

    @property
    def where(self) -> str:
        """As OpenSSH writes it in known_hosts."""
        return self.address if self.port == DEFAULT_PORT else f"[{self.address}]:{self.port}"

    def __str__(self) -> str:
        return f"{self.user}@{self.where}"


def read(text: str) -> Target:
    """Raises MisuseError."""
    wrong = MisuseError(f"{text[:MAX_CHARS]!r}: not a robot's address: give [USER@]ADDRESS[:PORT]")
    user, at, rest = text.rpartition("@")
    if not at:
        user = DEFAULT_USER
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::([0-9]{1,5}))?", rest)
    if bracketed:
        address, port = bracketed[1], bracketed[2]
    elif rest.count(":") > 1:  # an IPv6 address without a port
        address, port = rest, None
    else:
        address, colon, digits = rest.partition(":")
        port = digits if colon else None
    if len(text) > MAX_CHARS or not _USER.fullmatch(user) or not (_is_ip(address) or _NAME.fullmatch(address)):
        raise wrong
    if port is None:
        return Target(user, address)
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise wrong
    return Target(user, address, int(port))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
