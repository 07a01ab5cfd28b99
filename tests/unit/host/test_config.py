"""What `serve` is told: addresses that can be listened on, and one line for those that cannot."""

import pytest

from wachhund.config import Address, parse_address
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
