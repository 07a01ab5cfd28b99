"""The vendor's start list without the tunnel's word: that word goes, and not a byte besides."""

import pytest

from tests.robots.go1.private_files import START_LIST
from wachhund_install.vendor_tunnel.known import names_it, without_the_word


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a tunnel b\n", b"a b\n"),
        (b"tunnel b\n", b"b\n"),
        (b"a tunnel", b"a"),
        (b"a\ntunnel\nb\n", b"a\nb\n"),
        (b"a\r\ntunnel\r\nb\r\n", b"a\r\nb\r\n"),
        (b"tunnel", b""),
        (b"list=(a tunnel)\n", b"list=(a)\n"),
        (b'list="tunnel a"\n', b'list="a"\n'),
        (b"a\ttunnel\ttunnel b\n", b"a b\n"),
        (b"# tunnel\n", b"#\n"),
        (b"\xff\x00 tunnel \xfe", b"\xff\x00 \xfe"),
    ],
)
def test_the_word_goes_and_nothing_else(before: bytes, after: bytes) -> None:
    """Whatever form the list has: a line, a word a line, with the line ends of another system, no text at all."""
    assert without_the_word(before) == after
    assert without_the_word(after) == after, "a second time there is nothing to do"


@pytest.mark.parametrize("text", [b"", b"\n\n", b"tunnels tunnel2 my-tunnel tunnel/x -tunnel\n", b"a\n\n  \nb"])
def test_what_does_not_name_it_stays_to_the_byte(text: bytes) -> None:
    """Another directory of the vendor's may have it in its name."""
    assert without_the_word(text) == text


def test_the_stock_list_loses_one_word() -> None:
    """As public dumps of real units have it."""
    assert without_the_word(START_LIST.encode()).decode() == START_LIST.replace("tunnel ", "")


def test_a_start_up_file_names_the_tunnel_by_its_folders_or_its_program() -> None:
    """Not by the word alone, which may be anybody's."""
    assert names_it(b"ExecStart=/usr/local/zhexi/cloudsail/csclient start")
    assert names_it(b"@reboot pi cd /home/pi/Unitree/autostart/tunnel/ && ./run.sh")
    assert not names_it(b"ExecStart=/usr/bin/stunnel /etc/stunnel/tunnel.conf")
