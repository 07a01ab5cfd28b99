"""Many robots from a file: a mistake in it is told before anything is done to any of them."""

from pathlib import Path

import pytest

from wachhund.flash.fleet_file import MAX_ROBOTS, read_file
from wachhund.flash.target import Target
from wachhund_evidence import MisuseError

_PRINT = "SHA256:" + "a" * 43


def test_a_robot_a_line_with_its_name_and_perhaps_its_keys_fingerprint(tmp_path: Path) -> None:
    """As a person writes lists."""
    path = tmp_path / "robots"
    path.write_text(f"# lab\n\n10.0.0.1 rex {_PRINT}\nunitree@10.0.0.2:2222 'bo of the lab' # the old one\n")
    first, second = read_file(path)
    assert (first.target, first.name, first.fingerprint) == (Target("pi", "10.0.0.1"), "rex", _PRINT)
    assert (second.target, second.name) == (Target("unitree", "10.0.0.2", 2222), "bo of the lab")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.0.0.1 rex\n10.0.0.1 bo\n", "line 2: .*stands there twice"),
        ("10.0.0.1 rex\n10.0.0.2 rex\n", "line 2: .*stands there twice"),
        ("10.0.0.1\n", "line 1: give"),
        ("10.0.0.1 rex SHA256:x\n", "line 1: .*not a fingerprint"),
        ("-oX rex\n", "line 1: .*not a robot's address"),
        ("10.0.0.1 'rex\n", "line 1: No closing quotation"),
        ("10.0.0.1 'a\x07'\n", "line 1: robot name"),
        ("# nobody\n", "0 robots"),
        ("\xff", "not UTF-8"),
        ("".join(f"h{n} n{n}\n" for n in range(MAX_ROBOTS + 1)), "1001 robots"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    """Half a fleet that was flashed under wrong names costs an afternoon."""
    path = tmp_path / "robots"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(MisuseError, match=words):
        read_file(path)
    with pytest.raises(MisuseError, match="No such file"):
        read_file(tmp_path / "none")
