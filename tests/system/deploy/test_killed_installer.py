"""Install, update and uninstall, killed before each single change that they make to the robot's files, and run again.

The test prints the matrix. The bundle is as the real one, but for its libraries, which are one small file: each life
then has some fifty places to die instead of seven hundred.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.robots import bundles
from tests.system.deploy.conftest import tree

ROBOT_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON", sys.executable)
# The installer's own code, from the bundle; `on_change` is told of each change before it comes.
_KILLED = """
import os, signal, sys
bundle, at = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, bundle)
sys.argv = [bundle]
from wachhund_install.cli import main
from wachhund_install.disk import Disk
count = 0
def on_change(what):
    global count
    count += 1
    if count == at:
        sys.stderr.write(what)
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
status = main(WORDS, Disk(on_change))
print(count)
sys.exit(status)
"""


def life(bundle: Path, words: list[str], killed_before: int = 0) -> tuple[int, str]:
    """One run of the installer: its exit status (-9: killed); what it was about to do, or how many changes it made."""
    script = _KILLED.replace("WORDS", repr(words))
    done = subprocess.run(
        [ROBOT_PYTHON, "-I", "-S", "-B", "-c", script, str(bundle), str(killed_before)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr if done.returncode else done.stdout.splitlines()[-1]


def small(agent: dict[str, bytes]) -> None:
    """An agent that can say its version and nothing else."""
    for name in list(agent):
        if name != "wachhund_agent/__init__.py":
            del agent[name]
    agent["wachhund_agent/cli.py"] = b"def main():\n    print('small')\n    return 0\n"


class Robot:
    """A file system in a folder, before and after each plan without a kill."""

    def __init__(self, folder: Path, old: Path, new: Path) -> None:
        self.folder, self.old, self.new = folder, old, new
        self.stages: dict[str, Path] = {}

    def fresh(self, stage: str) -> Path:
        """A copy of the robot as it was at a stage."""
        root = self.folder / "robot"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.stages[stage], root, symlinks=True)
        return root

    def keep(self, stage: str) -> None:
        self.stages[stage] = self.folder / f"robot-{stage}"
        shutil.copytree(self.folder / "robot", self.stages[stage], symlinks=True)


def matrix(folder: Path, old: Path, new: Path) -> Counter[str]:
    """Kills everything everywhere once; raises AssertionError where a second run does not mend it. What was done."""
    robot = Robot(folder, old, new)
    root = folder / "robot"
    for name in ("opt", "etc/systemd/system", "var/lib"):
        (root / name).mkdir(parents=True)
    robot.keep("empty")
    counts: Counter[str] = Counter()
    where = ["--root", str(root)]
    for plan, bundle, before, after in (
        ("install", old, "empty", "installed"),
        ("update", new, "enrolled", "updated"),
        ("uninstall", new, "updated", "empty"),
    ):
        if before == "enrolled":
            # As the agent would: an update of an enrolled robot has a trial.
            robot.fresh("installed")
            (root / "var/lib/private/wachhund/agent.json").write_text("{}")
            robot.keep("enrolled")
        robot.fresh(before)
        status, changes = life(bundle, [plan, *where])
        assert status == 0, (plan, changes)
        if after not in robot.stages:
            robot.keep(after)
        wanted = tree(robot.stages[after])
        for at in range(1, int(changes) + 1):
            robot.fresh(before)
            status, what = life(bundle, [plan, *where], killed_before=at)
            assert status == -signal.SIGKILL, (plan, at, status)
            told = f"{plan} killed before change {at} of {changes}: {what}"
            if plan == "update":
                assert (root / "opt/wachhund/current/agent.py").is_file(), told
            life_status, _ = life(bundle, ["status", *where])
            assert life_status in (0, 18), told
            again, said = life(bundle, [plan, *where])
            if plan == "uninstall" and again == 18:
                counts["uninstall: was all done but for the last word"] += 1
            else:
                assert again == 0, f"{told}; again: {again} {said}"
            assert tree(root) == wanted, told
            counts[f"{plan}: killed once, run again, as if never killed"] += 1
            if plan == "install":
                robot.fresh(before)
                life(bundle, [plan, *where], killed_before=at)
                away, said = life(bundle, ["uninstall", *where])
                assert away in (0, 18), f"{told}; then uninstall: {away} {said}"
                assert tree(root) == tree(robot.stages["empty"]), f"{told}; then uninstall"
                counts["install: killed once, then uninstalled: nothing is left"] += 1
    return counts


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.needs_root("an installation is root's")
def test_each_change_of_each_plan_killed_once_ends_as_if_it_had_not_been(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Power goes when it goes; whoever comes back says the same command again."""
    thin = shrink(bundle, tmp_path)
    old, new = (bundles.varied(thin, tmp_path, version, small) for version in ("8.0.0", "8.1.0"))
    counts = matrix(tmp_path / "kills", old, new)
    with capsys.disabled():
        print("\n" + table(counts))
    assert sum(counts.values()) > 100


def shrink(bundle: Path, folder: Path) -> Path:
    """The bundle without the libraries of others."""
    import io
    import zipfile

    from deploy.bundling import archive
    from deploy.bundling.bundles import AGENT_MINORS
    from deploy.bundling.sealing import Target, seal

    files = {
        name: data
        for name, data in archive.unpack(bundle.read_bytes()).items()
        if not name.startswith("wheels/") or name.startswith("wheels/wachhund_agent-")
    }
    with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as whole:
        described = json.loads(whole.read("bundle.json"))
    described["wheels"] = [one for one in described["wheels"] if one["name"].startswith("wachhund_agent-")]
    files["bundle.json"] = json.dumps(described).encode()
    name = f"wachhund-agent-0.0.0-{bundles.MACHINE}.run"
    path = folder / name
    payload = archive.pack(files, described["epoch"], stored=True)
    path.write_bytes(seal(name, "0.0.0", Target(bundles.MACHINE, AGENT_MINORS), payload, None))
    return path


def table(counts: Counter[str]) -> str:
    """The matrix, a line each."""
    return "\n".join(f"{number:4} x {what}" for what, number in sorted(counts.items()))
