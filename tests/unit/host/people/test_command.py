"""`wachhund people`: the same acts as the pages, for whoever may write the data folder."""

import json
import re
from pathlib import Path

import pytest

from wachhund.cli import main
from wachhund.ledger import Ledger
from wachhund.ledger.acts import Search
from wachhund.people.inviting import hashed


@pytest.fixture
def data(tmp_path: Path) -> Path:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.people.make("admin", "hash", {"all": "admin"}, by="a test", why="", t=1.0)
    ledger.close()
    return tmp_path


def run(data: Path, *words: str) -> int:
    return main(["people", *words, "--data", str(data)])


def test_an_admin_who_lost_everything_gets_in_by_a_reset(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When nobody can log in, whoever owns the machine still can."""
    assert run(data, "reset", "admin", "--why", "lost the phone") == 0
    code = re.search(r"/welcome#([\w-]+)", capsys.readouterr().out)
    assert code is not None
    ledger = Ledger.open(data / "ledger.sqlite")
    assert ledger.ways_in.use_link(hashed(code[1]), "new hash", 2.0) == "admin"
    assert ledger.ways_in.use_link(hashed(code[1]), "other hash", 2.0) is None
    ledger.close()


def test_people_are_invited_changed_disabled_and_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "invite", "bert", "--role", "viewer", "--why", "new") == 0
    assert run(data, "role", "bert", "--role", "auditor", "--why", "audit") == 0
    assert run(data, "disable", "bert", "--why", "left") == 0
    capsys.readouterr()
    assert run(data, "list", "--json") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["name"], one["state"], one["roles"]) for one in told] == [
        ("admin", "active", {"all": "admin"}), ("bert", "disabled", {"all": "auditor"}),
    ]  # fmt: skip
    assert run(data, "enable", "bert", "--why", "back") == 0
    assert run(data, "list") == 0
    assert "bert  invited  auditor of all" in capsys.readouterr().out
    ledger = Ledger.open(data / "ledger.sqlite")
    _, acts = ledger.log.find(Search(words=("bert",)), 20)
    assert all(act.who.endswith("at the command line") and act.why for act in acts) and len(acts) == 5
    ledger.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("disable", "admin", "--why", "x"), "the last admin"),
        (("role", "admin", "--role", "viewer", "--why", "x"), "the last admin"),
        (("role", "admin", "--role", "king", "--why", "x"), "there is none"),
        (("role", "admin", "--role", "viewer", "--role", "admin", "--why", "x"), "one role for a group"),
        (("invite", "a b", "--role", "viewer", "--why", "x"), "1 to 64 letters"),
        (("invite", "bert", "--role", "viewer:attic", "--why", "x"), "none of that name"),
        (("reset", "nobody", "--why", "x"), "there is none"),
        (("reset", "admin", "--days", "99", "--why", "x"), "at most 30"),
        (("reset", "admin", "--why", " "), "--why"),
    ],
)
def test_what_cannot_be_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(data, *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]
