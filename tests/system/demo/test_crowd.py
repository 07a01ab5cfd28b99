"""`wachhund demo --robots N` on a real host: they come in, are verified, and one of them raises an incident."""

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from wachhund.ledger import Ledger
from wachhund.web.fleet_board import FleetBoard

PATIENCE_S = 240.0
ROBOTS = 12


@pytest.mark.timeout(400)
def test_a_crowd_fills_the_fleet(tmp_path: Path) -> None:
    """Verified by a host that knows nothing of a demo; sites are named; the vendor's tunnel of one is told."""
    wanted = ["demo", "--robots", str(ROBOTS), "--no-browser", "--data", str(tmp_path)]
    command = [sys.executable, "-m", "wachhund", *wanted]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        try:
            ledger_path = tmp_path / "host" / "ledger.sqlite"
            deadline = time.monotonic() + PATIENCE_S
            while not ledger_path.exists():
                assert time.monotonic() < deadline and demo.poll() is None
                time.sleep(0.1)
            with closing(Ledger.open(ledger_path)) as ledger:
                board = FleetBoard(ledger)
                while True:
                    verified = board.view("proof:verified", 1, time.time()).found
                    incidents = ledger.incidents()
                    if verified == ROBOTS and incidents:
                        break
                    assert time.monotonic() < deadline and demo.poll() is None, (verified, incidents)
                    time.sleep(0.25)
                assert {one["title"].rpartition(" ")[2] for one in incidents} <= {"go1-0008"}, json.dumps(incidents)
                assert len(board.view("site:berlin tag:lab", 1, time.time()).rows) > 0
        finally:
            demo.send_signal(signal.SIGTERM)
            said, _ = demo.communicate(timeout=60)
    assert f"{ROBOTS} of {ROBOTS} robots came in" in said
