"""The agent onto robots, as a deploy of pyinfra 3: `pyinfra robots.py agent.py` (docs/server.md, Fleets by pyinfra).

It runs where `wachhund` finds the host's data folder. What it does on a robot is what the bundle's own installer does;
a robot that has what it should have is only looked at. No part of the host: nothing of Wachhund imports it.
"""

import hashlib
import json
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from pyinfra import host
from pyinfra.api import DeployError, FactBase
from pyinfra.facts.server import Arch
from pyinfra.operations import files, python, server

FOLDER = "/run/wachhund-deploy"  # root's own, and gone with the next start: others must not exchange what root runs
INVITE_S = 60
STATUS = "/opt/wachhund/current/installer"


class Agent(FactBase[dict[str, Any]]):
    """What the installer says of itself on a robot (`status --json`); empty where nothing is installed."""

    def command(self) -> str:
        return f"if test -e {STATUS}; then python3 -I -S -B {STATUS} status --json; else echo '{{}}'; fi"

    def process(self, output: Iterable[str]) -> dict[str, Any]:
        return dict(json.loads("".join(output)))


def bundle_for(machine: str, folder: Path) -> Path:
    """The newest bundle for a machine, as `uname -m` names it. Raises DeployError."""
    found = sorted(folder.glob(f"wachhund-agent-*-{machine}.run"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise DeployError(f"{folder}: no wachhund-agent-*-{machine}.run: make bundle, or set wachhund_bundles")
    return found[-1]


def installed_name(bundle: Path) -> str:
    """As the installer names this bundle's folder on a robot."""
    with ZipFile(bundle) as archive:
        described = json.loads(archive.read("bundle.json"))
    sha256 = re.search(rb"^# sha256: ([0-9a-f]{64})$", bundle.read_bytes()[:4096], re.MULTILINE)
    if sha256 is None:
        raise DeployError(f"{bundle}: is not a bundle of Wachhund")
    return f"{described['version']}-{sha256[1].decode()[:12]}"


def invitation(name: str, command: str) -> str:
    """A token for a new robot of that name, drawn by the host's own command. Raises DeployError."""
    argv = [*shlex.split(command), "robots", "invite", name]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the operator names the command
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INVITE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeployError(f"{argv[0]}: {error}: set `wachhund` to the host's command") from None
    if done.returncode:
        raise DeployError(f"no invitation for {name}: {done.stderr.strip()}")
    return done.stdout.split()[-1]


def bring(act: str, sent: str, sha256: str, name_of_robot: str, command: str, within: int, enrols: bool) -> None:
    """Run the installer, with a token on its standard input where the robot has not enrolled."""
    # The sum first, of what root will run. Its input is the pipe's: the token is still there for the installer.
    check = f"echo {shlex.quote(f'{sha256}  {sent}')} | sha256sum --quiet -c -"
    # An invitation that nobody uses keeps the name for a day: none is drawn for a robot that the installer refuses.
    server.shell(commands=[f"{check} && {shlex.join(['sh', sent, act, '--dry-run'])}"], _sudo=True)
    words = ["sh", sent, act, "--within", str(within), *(["--enrol", "-"] if enrols else [])]
    token = invitation(name_of_robot, command) if enrols else ""
    server.shell(commands=[f"{check} && {shlex.join(words)}"], _sudo=True, _stdin=token)


agent = host.get_fact(Agent, _sudo=True)
if agent is None:
    raise DeployError(f"{host.name}: {STATUS} says nothing: look at it there, or install by hand (docs/flash.md)")
bundle = bundle_for(host.get_fact(Arch), Path(host.data.get("wachhund_bundles", "dist")))
wanted = installed_name(bundle)
current = agent.get("current")
enrols = not agent.get("enrolled", False)
if current != wanted or enrols:
    sent = f"{FOLDER}/{bundle.name}"
    files.directory(name="wachhund-agent: a folder for root only", path=FOLDER, user="root", mode="700", _sudo=True)
    files.put(name="wachhund-agent: the bundle", src=str(bundle), dest=sent, mode="600", _sudo=True)
    python.call(
        name="wachhund-agent: install or update",
        function=bring,
        act="install" if current in (None, wanted) else "update",
        sent=sent,
        sha256=hashlib.sha256(bundle.read_bytes()).hexdigest(),
        name_of_robot=host.data.get("wachhund_name", host.name),
        command=host.data.get("wachhund", "wachhund"),
        within=int(host.data.get("wachhund_within", 120)),
        enrols=enrols,
    )
    files.directory(name="wachhund-agent: take the bundle away", path=FOLDER, present=False, _sudo=True)
