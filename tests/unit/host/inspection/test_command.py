"""`wachhund audit` and what its recipient does, by the command line."""

import json
from pathlib import Path

import pytest

from tests.unit.host.inspection import robot_tree
from wachhund.cli import main


@pytest.fixture(autouse=True)
def of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_an_audit_its_check_and_what_changed_after_cleaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lab's walk with a mounted card: audit, read, hand on, check; then clean, audit again, compare."""
    before, after = (state(tmp_path / state.__name__) for state in (robot_tree.enrolled, robot_tree.cleaned))
    out = tmp_path / "out"
    assert main(["audit", "tree", str(before), "--out", str(out), "--challenge", "seven blue horses"]) == 3
    told = capsys.readouterr().out
    assert "CloudSail is installed and was enrolled" in told and str(out / "enrolled-audit.html") in told
    for suffix in ("json", "html"):
        assert main(["verify", str(out / f"enrolled-audit.{suffix}")]) == 0
        told = capsys.readouterr().out
        assert "every byte is as it was signed" in told and "seven blue horses" in told
    assert main(["audit", "tree", str(after), "--out", str(out)]) == 3
    capsys.readouterr()
    assert main(["audit", "diff", str(out / "enrolled-audit.html"), str(out / "cleaned-audit.json")]) == 1
    told = capsys.readouterr().out
    assert "- high          CloudSail is installed and was enrolled" in told
    assert main(["audit", "diff", str(out / "enrolled-audit.html"), str(out / "enrolled-audit.json")]) == 0


def test_the_auditors_key_is_made_once_and_is_nobody_elses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader who knows it from the last report knows it again."""
    root = robot_tree.stock(tmp_path / "robot")
    kids = []
    for name in ("one", "two"):
        main(["audit", "tree", str(root), "--out", str(tmp_path), "--name", name])
        capsys.readouterr()
        main(["verify", str(tmp_path / f"{name}-audit.json"), "--json"])
        kids.append(json.loads(capsys.readouterr().out)["key"])
    assert kids[0] == kids[1]
    key = tmp_path / "config" / "wachhund" / "auditor.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    assert main(["audit", "tree", str(root), "--out", str(tmp_path)]) == 2
    assert "others can read this key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["tree", "{tmp}/nothing"], "give a folder that holds a robot's files"),
        (["image", "{tmp}/nothing"], "give an image of a card"),
        (["tree", "{tmp}", "--challenge", ""], "--challenge: 1 to 200 characters"),
        (["tree", "{tmp}", "--out", "/dev/null/x"], "give another place with --out"),
        (["diff", "{tmp}/nothing", "{tmp}/nothing"], "give a report"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    """What, where, what to do."""
    assert main(["audit", *(one.format(tmp=tmp_path) for one in arguments)]) == 2
    told = capsys.readouterr().err
    assert line in told and len(told.splitlines()) == 1


def test_a_report_that_was_altered_is_not_proven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and why."""
    main(["audit", "tree", str(robot_tree.stock(tmp_path / "robot")), "--out", str(tmp_path)])
    path = tmp_path / "robot-audit.json"
    path.write_bytes(path.read_bytes().replace(b'"high"', b'"low"', 1))
    assert main(["verify", str(path)]) == 1
    assert "NOT PROVEN: not as it was signed" in capsys.readouterr().out
