"""The agent's unit: what systemd thinks of it, offline, and that each line of it means something to systemd."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest

from wachhund_install.unpacking import render_unit

ROOT = pathlib.Path(__file__).resolve().parents[3]
# As docs/flash.md states it. What is left is what sensing takes: the network, the kernel's tables, other users' files.
EXPOSURE = 3.6


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "wachhund-agent.service"
    template = (ROOT / "deploy" / "systemd" / "wachhund-agent.service").read_text(encoding="utf-8")
    path.write_text(render_unit(template, shutil.which("python3") or "/usr/bin/python3"), encoding="utf-8")
    assert not re.search("@[A-Z]+@", path.read_text(encoding="utf-8"))
    return path


def test_systemd_rates_the_sandbox_as_the_documents_say(unit: pathlib.Path) -> None:
    """A line that is taken away later, or misspelt, shows here."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short", str(unit)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    rated = {row["json_field"]: row for row in json.loads(done.stdout)}
    assert rated["UserOrDynamicUser"]["set"] and rated["NoNewPrivileges"]["set"] and rated["ProtectSystem"]["set"]
    threshold = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE * 10:.0f}"]
    done = subprocess.run([*threshold, str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]
    assert f"{EXPOSURE} OK" in done.stdout
    document = (ROOT / "docs" / "flash.md").read_text(encoding="utf-8")
    assert f"exposure of {EXPOSURE}" in document


def test_systemd_knows_every_line(unit: pathlib.Path) -> None:
    """A setting that it does not know is left out in silence, and the door stays open."""
    argv = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert ours == [], "\n".join(ours)
