"""`make witness-attacks`: its table is that of the document, and it tries what it says on MicroPython."""

import importlib.util
from pathlib import Path

import pytest

from tests.witness_attacks import ATTACKS, Attack, main, tried

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "witness.md"
on_micropython = pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port is packaged for Python 3.11 only",
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
def test_the_document_says_what_comes_of_it(attack: Attack) -> None:
    assert attack.row in DOCUMENT.read_text().splitlines()


@on_micropython
def test_attacks_come_to_what_they_must_on_micropython(capsys: pytest.CaptureFixture[str]) -> None:
    """Those by playing again, of statements and confirmations; `make witness-attacks` has them all."""
    assert main(["--only", "again"]) == 0
    assert "3 of 3 held" in capsys.readouterr().out


@on_micropython
def test_one_that_is_noticed_otherwise_than_is_said_fails(tmp_path: Path) -> None:
    said = next(attack for attack in ATTACKS if attack.shows == ("witness-back",))
    well, seen = tried(said._replace(shows=("witness-tamper",)), tmp_path)
    assert not well and "witness-back" in seen
