"""What a person may call a robot."""

import pytest

from wachhund.flash.target import Target, read
from wachhund_evidence import MisuseError


@pytest.mark.parametrize(
    ("text", "wanted", "where"),
    [
        ("192.168.123.161", Target("pi", "192.168.123.161"), "192.168.123.161"),
        ("unitree@10.0.0.2:2222", Target("unitree", "10.0.0.2", 2222), "[10.0.0.2]:2222"),
        ("pi@go1.lab", Target("pi", "go1.lab"), "go1.lab"),
        ("root@[fe80::1]:22", Target("root", "fe80::1"), "fe80::1"),
        ("fe80::1", Target("pi", "fe80::1"), "fe80::1"),
    ],
)
def test_an_address_is_read_as_ssh_reads_it(text: str, wanted: Target, where: str) -> None:
    """And written as known_hosts has it."""
    assert read(text) == wanted
    assert wanted.where == where


@pytest.mark.parametrize(
    "text",
    ["", "pi@", "@host", "pi@host:0", "pi@host:65536", "pi@host:x", "-oProxyCommand=x", "pi@-x", "a b", "pi@a;b",
     "pi@$(x)", "p i@host", "pi@host\n", "[host", "pi@[::1]x", "x" * 400, "pi@hôst", "1@h:٣"],
)  # fmt: skip
def test_what_could_be_taken_for_an_option_or_a_command_is_no_address(text: str) -> None:
    """One line, and nothing is done."""
    with pytest.raises(MisuseError, match="not a robot's address"):
        read(text)
