"""`wachhund report`: three files that say the same, an exit status for scripts, and one line for what can't be done."""

import json
import time
from pathlib import Path

import pytest

from tests.unit.host.web.stage import RELAY_PATH, Player
from wachhund.cli import main
from wachhund.fleet.data_folder import DataFolder
from wachhund.inspection.recipient import read_report
from wachhund.inspection.report import EXIT_CLEAN, EXIT_HIGH, EXIT_NOT_SEEN
from wachhund.keeping.moments import shown
from wachhund.ledger import Ledger


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return DataFolder(tmp_path / "data").make().path


def told(data: Path, out: Path, *words: str) -> int:
    return main(["report", "go1-07", "--data", str(data), "--out", str(out), *words])


def test_the_files_of_a_quiet_robot_open_as_they_were_signed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger.open(DataFolder(data).ledger)
    player = Player(ledger, "go1-07")
    player.say(player.looking(**dict.fromkeys(("camera", "udp"), _HEARS)))
    lately = shown(time.time() - 30)
    assert told(data, tmp_path / "out", "--from", lately, "--challenge", "seven blue horses") == EXIT_CLEAN
    assert "go1-07: no question failed" in capsys.readouterr().out
    held = {read_report(tmp_path / "out" / f"go1-07-audit.{kind}").digest for kind in ("json", "html")}
    assert len(held) == 1 and (tmp_path / "out" / "go1-07-audit.pdf").read_bytes().startswith(b"%PDF")
    assert ledger.reports.page(10)[1][0].sha256 in held
    player.say(player.looking(process={**_HEARS, "state": "blind"}))
    assert told(data, tmp_path / "out") == EXIT_NOT_SEEN
    session = player.session("s1", origin=RELAY_PATH)
    ledger.save_judgement(0, [player.incident("i1", sessions=[session])], [session])
    capsys.readouterr()
    assert told(data, tmp_path / "out", "--json") == EXIT_HIGH
    assert json.loads(capsys.readouterr().out)["report"]["worst"] == "critical"
    ledger.close()


_HEARS = {"source": "stage", "state": "event", "interval_s": None, "dropped": 0, "why": None}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--from", "noon"], "--from"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "forwards"),
        (["--challenge", ""], "challenge"),
        (["--from", "2019-01-01", "--to", "2019-01-02"], "nothing of that robot"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    data: Path, tmp_path: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger.open(DataFolder(data).ledger)
    player = Player(ledger, "go1-07")
    player.say(player.looking())
    ledger.close()
    assert told(data, tmp_path / "out", *words) == 2
    said = capsys.readouterr()
    assert why in said.err and len(said.err.splitlines()) == 1 and not (tmp_path / "out").exists()
