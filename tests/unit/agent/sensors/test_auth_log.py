"""Lines of auth.log: only those that sshd, su, sudo and login wrote, whatever somebody calls himself."""

from typing import Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.auth_log import ACCEPTED, CLOSED, FAILED, INVALID, AuthEvent, parse_line, plain_address

HEAD = b"Nov 24 10:00:00 robot "


@pytest.mark.parametrize(
    "message, what, user, origin",
    [
        (b"sshd[7]: Accepted publickey for pi from 192.0.2.7 port 4 ssh2: RSA x", ACCEPTED, "pi", ("192.0.2.7", 4)),
        (b"sshd[7]: Accepted password for pi from ::ffff:127.0.0.1 port 5 ssh2", ACCEPTED, "pi", ("127.0.0.1", 5)),
        (b"sshd[7]: Failed password for root from 192.0.2.7 port 4711 ssh2", FAILED, "root", ("192.0.2.7", 4711)),
        (b"sshd[7]: Invalid user hunter2 from 192.0.2.7 port 9", INVALID, "hunter2", ("192.0.2.7", 9)),
        (b"sshd[7]: pam_unix(sshd:session): session closed for user pi", CLOSED, "pi", None),
        (b"sudo: pam_unix(sudo:session): session opened for user root(uid=0) by pi(uid=1000)", ACCEPTED, "root", None),
        (b"su[9]: FAILED SU (to root) pi on pts/0", FAILED, "root", None),
    ],
)  # fmt: skip
def test_a_line_says_who(message: bytes, what: str, user: str, origin: Optional[Tuple[str, int]]) -> None:
    event = parse_line(HEAD + message)
    assert isinstance(event, AuthEvent) and (event.what, event.user, event.origin) == (what, user, origin)


@pytest.mark.parametrize(
    "line",
    [
        HEAD + b"sshd: Accepted password for pi from 192.0.2.7 port 1 ssh2",
        HEAD + b"cron[7]: Accepted password for pi from 192.0.2.7 port 1 ssh2",
        HEAD + b"sshd[7]: x Accepted password for pi from 192.0.2.7 port 1 ssh2",
        HEAD + b"sshd[7]: Failed none for pi from 192.0.2.7 port 1 ssh2",
        b"Accepted password for pi from 192.0.2.7 port 1 ssh2",
        b"",
    ],
)
def test_what_sshd_did_not_write_so_is_nothing(line: bytes) -> None:
    assert parse_line(line) is None


def test_a_name_that_looks_like_an_address_does_not_move_the_address() -> None:
    name = b"a from 198.51.100.1 port 1 ssh2"
    event = parse_line(HEAD + b"sshd[7]: Failed password for invalid user " + name + b" from 192.0.2.7 port 9 ssh2")
    assert event is not None and event.origin == ("192.0.2.7", 9)


def test_what_syslog_folded_counts_as_often() -> None:
    line = b"sshd[7]: message repeated 5 times: [ Failed password for root from 192.0.2.7 port 4711 ssh2]"
    event = parse_line(HEAD + line)
    assert event is not None and event.times == 5


def test_addresses_are_written_one_way() -> None:
    assert plain_address("fe80::1%eth0") == "fe80::1" and plain_address("robot.example") is None


@given(st.binary(), st.sampled_from([b"", HEAD + b"sshd[7]: ", HEAD + b"su[1]: ", HEAD + b"sshd[1]: Accepted "]))
def test_any_bytes_are_a_line_or_nothing(data: bytes, head: bytes) -> None:
    parse_line(head + data)
