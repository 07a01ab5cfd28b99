"""Our units: what systemd thinks of them, offline, and that each line of them means something to systemd."""

import json
import pathlib
import re
import shutil
import subprocess
from typing import NamedTuple

import pytest

from wachhund_install.unpacking import render_unit

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Rated(NamedTuple):
    """A unit, and what a document says that systemd rates it with."""

    name: str
    exposure: float
    document: str
    folder: str = "systemd"


# What is left is what sensing takes: the network, the kernel's tables, other users' files.
AGENTS = Rated("wachhund-agent.service", 3.6, "flash.md")
SERVICES = [
    AGENTS,
    # The network, which is what it is for.
    Rated("wachhund-host.service", 1.1, "server.md"),
    Rated("wachhund-host-backup.service", 0.3, "server.md"),
    Rated("wachhund-node.service", 1.1, "cluster.md", "cluster/systemd"),
    Rated("wachhund-worker@.service", 1.1, "cluster.md", "cluster/systemd"),
    Rated("wachhund-web@.service", 1.1, "cluster.md", "cluster/systemd"),
]


def rendered(name: str, folder: pathlib.Path, lies_in: str = "systemd") -> pathlib.Path:
    """As it lies on a machine; of a template one of its instances."""
    path = folder / name.replace("@.", "@1.")
    template = (ROOT / "deploy" / lies_in / name).read_text(encoding="utf-8")
    text = render_unit(template, shutil.which("python3") or "/usr/bin/python3")
    if name != "wachhund-agent.service":
        assert text == template, "put in place by hand: there is nothing to fill in"
        # systemd asks whether the program is there; it is not, where tests run.
        text = text.replace("/usr/local/bin/wachhund", "/bin/true")
    path.write_text(text, encoding="utf-8")
    assert not re.search("@[A-Z]+@", text)
    return path


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_systemd_rates_the_sandbox_as_the_documents_say(service: Rated, tmp_path: pathlib.Path) -> None:
    """A line that is taken away later, or misspelt, shows here."""
    unit = rendered(service.name, tmp_path, service.folder)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short", str(unit)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    rated = {row["json_field"]: row for row in json.loads(done.stdout)}
    assert rated["UserOrDynamicUser"]["set"] and rated["NoNewPrivileges"]["set"] and rated["ProtectSystem"]["set"]
    threshold = f"--threshold={service.exposure * 10:.0f}"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", threshold, str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1]
    assert re.search(rf": {service.exposure} (OK|SAFE)", done.stdout), done.stdout.splitlines()[-1]
    document = (ROOT / "docs" / service.document).read_text(encoding="utf-8")
    assert f"exposure of {service.exposure}" in document


OTHERS = [
    Rated("wachhund-host-backup.timer", 0, "server.md"),
    Rated("wachhund-workers.target", 0, "cluster.md", "cluster/systemd"),
]


@pytest.mark.parametrize("service", [*SERVICES, *OTHERS], ids=lambda service: service.name)
def test_systemd_knows_every_line(service: Rated, tmp_path: pathlib.Path) -> None:
    """A setting that it does not know is left out in silence, and the door stays open."""
    unit = rendered(service.name, tmp_path, service.folder)
    if unit.suffix == ".timer":
        rendered(f"{unit.stem}.service", tmp_path)
    argv = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if unit.stem in line]
    assert ours == [], "\n".join(ours)
