"""One line of auth.log: who came in, who went, who was turned away. Pure: bytes in, a fact or nothing out.

Anybody may put words into this file, as a user name or with logger(1). So only the tags of sshd, su, sudo and login
count, every pattern starts at the first byte of the message, and the address is read from the end, behind the name.
What stays possible: a local user who writes a whole line under a foreign tag (`logger -t sshd[7]`). The line alone
does not show it.
"""

import ipaddress
import re
from typing import NamedTuple, Optional, Tuple

from wachhund_evidence import clip, text

ACCEPTED, FAILED, INVALID, CLOSED = "accepted", "failed", "invalid", "closed"
USER_BYTES = 128  # longer than any account's name; sshd itself cuts at 100
_METHOD_BYTES = 64
_MAX_REPEATS = 10000  # what one "message repeated" may add
_MAX_PID = 1 << 22

_HEADER = re.compile(
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) \S+ "
    rb"(sshd|sshd-session|su|sudo|login)(?:\[(\d{1,7})\])?: +(.*)\Z",
    re.DOTALL,
)
_REPEATED = re.compile(rb"message repeated (\d{1,6}) times: \[ (.*)\]\Z", re.DOTALL)

_FROM = rb" from (\S+) port (\d{1,5})"
# A name without blanks is tried first: what stands behind "ssh2:" may hold the words of a certificate.
_ACCEPTED = (
    re.compile(rb"Accepted (\S+) for (\S+)" + _FROM + rb" ssh2(?:: .*)?\Z", re.DOTALL),
    re.compile(rb"Accepted (\S+) for (.+)" + _FROM + rb" ssh2(?:: \S+ \S+)?\Z", re.DOTALL),
)
_FAILED = re.compile(rb"Failed (\S+) for (invalid user )?(.*)" + _FROM + rb" ssh2(?:: \S+ \S+)?\Z", re.DOTALL)
_INVALID = re.compile(rb"Invalid user (.*) from (\S+)(?: port (\d{1,5}))?\Z", re.DOTALL)
_LEFT = re.compile(
    rb"(?:Disconnected from|Connection closed by)(?: user (.+))? (\S+) port (\d{1,5})\Z",
    re.DOTALL,
)
_SESSION = re.compile(
    rb"pam_unix\((sshd|su|su-l|sudo|sudo-i|login):session\): session (opened|closed) for user (\S+?)"
    rb"(?:\(uid=\d+\))?(?: by .*)?\Z",
    re.DOTALL,
)
_FAILED_SU = re.compile(rb"FAILED SU \(to (\S+)\) .*\Z", re.DOTALL)
_FAILED_SUDO = re.compile(
    rb"pam_unix\(sudo(?:-i)?:auth\): authentication failure; .* user=(\S+)\Z",
    re.DOTALL,
)
_FAILED_LOGIN = re.compile(rb"FAILED LOGIN (?:\(\d+\) on '.*' FOR|\d+ FROM \S+ FOR) '?(.*?)'?, [^,]*\Z", re.DOTALL)


class AuthEvent(NamedTuple):
    """What one line says. `what`: ACCEPTED, FAILED, INVALID (a name that is no account) or CLOSED.

    `origin`: (address, port), a port that is not told is None. `times`: how often, for a line that syslog folded.
    """

    what: str
    service: str
    user: Optional[str]
    method: Optional[str]
    origin: Optional[Tuple[str, Optional[int]]]
    pid: Optional[int]
    times: int = 1


def parse_line(line: bytes) -> Optional[AuthEvent]:
    """The event of a line without its newline, or None when it tells nothing of a login."""
    header = _HEADER.match(line)
    if header is None:
        return None
    tag, number, message = header.groups()
    pid = None if number is None or not 0 < int(number) <= _MAX_PID else int(number)
    if tag in (b"sshd", b"sshd-session"):
        # sshd always names its pid; a bare tag is somebody else's.
        return None if pid is None else _sshd(pid, message)
    return _local(tag.decode("ascii"), pid, message)


def _sshd(pid: int, message: bytes) -> Optional[AuthEvent]:
    repeated, times = _REPEATED.match(message), 1
    if repeated is not None:
        times, message = min(int(repeated.group(1)), _MAX_REPEATS), repeated.group(2)
    for pattern in _ACCEPTED:
        accepted = pattern.match(message)
        if accepted is not None:
            method, user, address, port = accepted.groups()
            return AuthEvent(ACCEPTED, "sshd", _user(user), _method(method), _origin(address, port), pid)
    failed = _FAILED.match(message)
    if failed is not None:
        method, _, user, address, port = failed.groups()
        # Every client asks with "none" first, to learn what is allowed: no attempt.
        if method == b"none":
            return None
        return AuthEvent(FAILED, "sshd", _user(user), _method(method), _origin(address, port), pid, times)
    invalid = _INVALID.match(message)
    if invalid is not None:
        user, address, port = invalid.groups()
        return AuthEvent(INVALID, "sshd", _user(user), None, _origin(address, port), pid, times)
    left = _LEFT.match(message)
    if left is not None:
        user, address, port = left.groups()
        return AuthEvent(CLOSED, "sshd", _user(user), None, _origin(address, port), None)
    session = _SESSION.match(message)
    if session is not None and session.group(1) == b"sshd" and session.group(2) == b"closed":
        return AuthEvent(CLOSED, "sshd", _user(session.group(3)), None, None, pid)
    return None


def _local(service: str, pid: Optional[int], message: bytes) -> Optional[AuthEvent]:
    session = _SESSION.match(message)
    if session is not None:
        if session.group(1).split(b"-")[0].decode("ascii") != service:
            return None
        what = ACCEPTED if session.group(2) == b"opened" else CLOSED
        return AuthEvent(what, service, _user(session.group(3)), "tty" if service == "login" else service, None, pid)
    pattern = {"su": _FAILED_SU, "sudo": _FAILED_SUDO, "login": _FAILED_LOGIN}[service]
    failed = pattern.match(message)
    return None if failed is None else AuthEvent(FAILED, service, _user(failed.group(1)), None, None, pid)


def _user(name: Optional[bytes]) -> Optional[str]:
    return None if name is None else clip(text(name), USER_BYTES)[0]


def _method(method: bytes) -> str:
    """`keyboard-interactive/pam` names its device behind the stroke."""
    return clip(text(method.split(b"/", 1)[0]), _METHOD_BYTES)[0]


def _origin(address: bytes, port: Optional[bytes]) -> Optional[Tuple[str, Optional[int]]]:
    known = plain_address(text(address))
    if known is None:
        return None
    number = None if port is None else int(port)
    return known, number if number is not None and 0 < number < 65536 else None


def plain_address(word: str) -> Optional[str]:
    """An address as every log writes the same one: no zone, IPv4-mapped IPv6 as IPv4. None for anything else."""
    try:
        address = ipaddress.ip_address(word.split("%", 1)[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
