"""What `serve` is told: addresses that can be listened on, and one line for those that cannot."""

import pytest

from wachhund.config import Address, PagesAt, parse_address, parse_pages_at
from wachhund_evidence import MisuseError


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
