"""What `serve` is told: addresses that can be listened on, and one line for those that cannot."""

import argparse

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund.config import Address, PagesAt, ServeConfig, parse_address, parse_pages_at
from wachhund.fleet.doors import doors_of
from wachhund_evidence import MisuseError, base64url
from wachhund_evidence.enrolment import Invitation, read_invitation, write_invitation


@pytest.mark.parametrize(
    ("text", "address", "shown", "loopback"),
    [
        ("127.0.0.1:8380", Address("127.0.0.1", 8380), "127.0.0.1:8380", True),
        ("[::1]:8380", Address("::1", 8380), "[::1]:8380", True),
        ("localhost:1", Address("localhost", 1), "localhost:1", True),
        ("0.0.0.0:65535", Address("0.0.0.0", 65535), "0.0.0.0:65535", False),
        ("wachhund.example:80", Address("wachhund.example", 80), "wachhund.example:80", False),
    ],
)
def test_addresses_are_read_and_written_alike(text: str, address: Address, shown: str, loopback: bool) -> None:
    """What is printed can be pasted back."""
    read = parse_address(text, "--listen")
    assert (read, str(read), read.is_loopback) == (address, shown, loopback)


@pytest.mark.parametrize(
    "text", ["", "8380", ":8380", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:8380", "[127.0.0.1]:1", "a b:1",
             "127.0.0.1:８３８０", "127.0.0.1:-1", "ä:1", "\x1b[2J:1"],
)  # fmt: skip
def test_what_cannot_be_listened_on_is_refused_with_its_option(text: str) -> None:
    """Which option, what was given, what to give."""
    with pytest.raises(MisuseError, match=r"--listen: .*give ADDRESS:PORT") as refused:
        parse_address(text, "--listen")
    assert "\x1b" not in str(refused.value)


def told(*names: str) -> ServeConfig:
    return ServeConfig.from_arguments(
        argparse.Namespace(
            data=None, listen="127.0.0.1:0", name=list(names), broker_listen=None, enrol_listen=None, login_link=False,
            keep_days="forever", keep_size=None, pages_at=None, metrics_open=False, metrics_robots=False,
            single_sign_on=None, ledger=None,
        )
    )  # fmt: skip


def test_names_of_the_host_keep_their_order_and_each_counts_once() -> None:
    """In this order robots try them: the first is the one that they come home to."""
    assert told("bench", "192.0.2.7", "bench", "[2001:db8::1]").names == ("bench", "192.0.2.7", "2001:db8::1")


def test_as_many_and_as_long_names_as_are_taken_fit_into_an_invitation() -> None:
    """A token that no robot could read would be noticed at the robot only."""
    most = [f"{place}{'x' * 124}" for place in range(8)]
    doors = doors_of(told(*most).names, 65535, 65535)
    text = write_invitation(
        Invitation(doors.enrol, base64url.encode(bytes(32)), Ed25519PrivateKey.generate().public_key(),
                   base64url.encode(bytes(16)))
    )  # fmt: skip
    assert read_invitation(text).addresses == doors.enrol
    for too_many in ([*most[:7], most[7] + "x"], [str(place) for place in range(9)]):
        with pytest.raises(MisuseError, match=r"--name: .*give 8 at most, of 1000 characters together"):
            told(*too_many)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://wachhund.example.org", PagesAt("https://wachhund.example.org", "wachhund.example.org")),
        ("https://Wachhund.example.org/", PagesAt("https://wachhund.example.org", "wachhund.example.org")),
        ("https://wachhund.example.org:443/", PagesAt("https://wachhund.example.org", "wachhund.example.org")),
        ("https://10.0.0.5:8444", PagesAt("https://10.0.0.5:8444", "10.0.0.5")),
        ("http://lab:80", PagesAt("http://lab", "lab")),
        ("https://[fd00::5]:8444", PagesAt("https://[fd00::5]:8444", "fd00::5")),
    ],
)
def test_the_address_of_the_pages_is_what_browsers_send_as_their_origin(text: str, read: PagesAt) -> None:
    """It is compared with that, letter by letter."""
    assert parse_pages_at(text) == read


@pytest.mark.parametrize(
    "text", ["", "wachhund.example.org", "ftp://a", "https://", "https://a/wachhund", "https://a?b", "https://a#b",
             "https://me:secret@a", "https://a:0", "https://a:70000", "https://a b", "https://\x1b[2J", "https://ä",
             "https://[fd00::5", "https://a:port"],
)  # fmt: skip
def test_what_is_no_address_of_pages_is_refused(text: str) -> None:
    """A folder of another site too: the pages link to each other from the root."""
    with pytest.raises(MisuseError, match=r"--pages-at: .*give the address of the pages") as refused:
        parse_pages_at(text)
    assert "\x1b" not in str(refused.value)
