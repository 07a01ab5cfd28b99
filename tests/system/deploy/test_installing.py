"""Install, update, take away, from the real bundle into a file system of its own: what is there, what is refused.

With a running systemd: test_on_a_robot.py.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.robots import bundles
from tests.system.deploy.conftest import Run, tree

ROBOT_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON", sys.executable)


def current(root: Path) -> str:
    return (root / "opt" / "wachhund" / "current").resolve().name


@pytest.mark.needs_root("an installation is root's")
def test_what_is_installed_starts_and_taken_away_leaves_the_tree_as_it_was(bundle: Path, run: Run, root: Path) -> None:
    """The owner gets his robot back as it was, to the byte; and a second call of each changes nothing."""
    before = tree(root)
    done = run(bundle, "install", "--root", str(root))
    assert done.returncode == 0, done.stdout + done.stderr
    installed = tree(root)
    version = root / "opt" / "wachhund" / "current"
    said = subprocess.run(
        [ROBOT_PYTHON, "-I", "-S", "-B", str(version / "agent.py"), "--version"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert said.stdout.startswith("wachhund-agent ")
    assert {path: what for path, what in installed.items() if path in before} == before, "nothing else was touched"
    added = {path for path in installed if path not in before and not path.startswith("opt/wachhund")}
    assert added == {
        "etc/systemd/system/wachhund-agent.service",
        "etc/systemd/system/multi-user.target.wants",
        "etc/systemd/system/multi-user.target.wants/wachhund-agent.service",
        "var/lib/private",
        "var/lib/private/wachhund",
    }
    assert all(not mode & 0o022 for path, (mode, _) in installed.items() if path in added or path.startswith("opt/w")
               if not (root / path).is_symlink())  # fmt: skip
    assert run(bundle, "install", "--root", str(root)).returncode == 0
    assert tree(root) == installed, "a second time changes nothing"
    # By the installed code, without the bundle.
    away = [ROBOT_PYTHON, "-I", "-S", "-B", str(version / "installer"), "uninstall", "--root", str(root)]
    subprocess.run(away, capture_output=True, timeout=60, check=True)
    assert tree(root) == before
    again = run(bundle, "uninstall", "--root", str(root))
    assert (again.returncode, again.stderr) == (18, "wachhund: nothing of Wachhund is installed here\n")


@pytest.mark.thorough
@pytest.mark.needs_root("an installation is root's")
def test_an_update_stands_beside_the_old_version_until_it_is_the_current_one(
    bundle: Path, run: Run, root: Path, tmp_path: Path
) -> None:
    """And each of the refusals around versions is one line with the way out."""
    newer, newest = (bundles.varied(bundle, tmp_path, version) for version in ("9.0.0", "9.1.0"))
    done = run(newer, "update", "--root", str(root))
    assert (done.returncode, done.stderr) == (18, "wachhund: nothing is installed here: say install\n")
    assert run(bundle, "install", "--root", str(root)).returncode == 0
    first = current(root)
    done = run(newer, "install", "--root", str(root))
    assert done.returncode == 17 and done.stderr == f"wachhund: {first} is installed: say update\n"
    assert run(newer, "update", "--root", str(root)).returncode == 0
    assert current(root).startswith("9.0.0-")
    done = run(bundle, "update", "--root", str(root))
    assert done.returncode == 17 and "give --older" in done.stderr
    assert run(newest, "update", "--root", str(root)).returncode == 0
    assert run(newer, "update", "--older", "--root", str(root)).returncode == 0
    assert current(root).startswith("9.0.0-")


@pytest.mark.needs_root("an installation is root's")
def test_who_drives_it_reads_a_json_object_a_step_and_the_status_at_the_end(bundle: Path, run: Run, root: Path) -> None:
    """`wachhund flash ssh` shows progress by it; so the names of the steps are for good."""
    done = run(bundle, "install", "--json", "--root", str(root))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    steps = [line["step"] for line in lines if line["state"] == "begun"]
    assert steps == ["check", "clean", "unpack", "try", "place", "state", "switch", "unit", "reload", "enrol", "start",
                     "verify"]  # fmt: skip
    assert lines[-1]["step"] == "end" and lines[-1]["status"] == 0
    found = json.loads(run(bundle, "status", "--json", "--root", str(root)).stdout)
    assert found["versions"] == [found["current"]] and not found["enrolled"] and not found["half_finished"]
    dry = run(bundle, "uninstall", "--json", "--dry-run", "--root", str(root))
    assert [json.loads(line)["step"] for line in dry.stdout.splitlines()][-1] == "end"
    assert (root / "opt" / "wachhund" / "current").exists()


@pytest.mark.needs_root("an installation is root's")
def test_what_was_meant_otherwise_is_one_line(bundle: Path, run: Run, root: Path) -> None:
    """A folder that is not there, a number that is none; and a dry run says what a real one would refuse."""
    done = run(bundle, "install", "--root", str(root / "none"))
    assert (done.returncode, done.stderr) == (2, f"wachhund: {root}/none: no such folder: name a robot's file system\n")
    done = run(bundle, "install", "--within", "soon", "--root", str(root))
    assert done.returncode == 2 and "not a number of seconds" in done.stderr
    done = run(bundle, "update", "--dry-run", "--root", str(root))
    assert (done.returncode, done.stdout) == (18, "")
    before = tree(root)
    done = run(bundle, "install", "--dry-run", "--root", str(root))
    assert done.returncode == 0 and "would unpack" in done.stdout and tree(root) == before


@pytest.mark.needs_root("another user to be")
def test_who_is_not_root_gets_one_line(bundle: Path, run: Run, root: Path) -> None:
    """And nothing is tried first."""
    shared = Path("/tmp") / f"wachhund-test-{os.getpid()}.run"
    shared.write_bytes(bundle.read_bytes())
    shared.chmod(0o644)
    try:
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", str(shared), "install"],
            env=dict(os.environ, WACHHUND_PYTHON="/usr/bin/python3"), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    finally:
        shared.unlink()
    assert (done.returncode, done.stderr) == (13, "wachhund: needs root: say sudo\n")


@pytest.mark.needs_root("a small disk, and one that can't be written to")
def test_a_full_or_read_only_disk_is_one_line_and_nothing_half_done_is_left(
    bundle: Path, run: Run, root: Path, tmp_path: Path
) -> None:
    """Both before anything is written, and when the room ends in the middle."""
    opt = root / "opt"
    for options, status, word in (("size=8m", 15, "make room"), ("size=64m,ro", 16, "remount,rw")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(opt)], check=True)
        try:
            before = tree(root)
            done = run(bundle, "install", "--root", str(root))
            assert done.returncode == status and word in done.stderr and len(done.stderr.splitlines()) == 1
            assert tree(root) == before
        finally:
            subprocess.run(["umount", str(opt)], check=True)
    # Room by statvfs, and none by the count of files: it ends in the middle of unpacking.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=100", "tmpfs", str(opt)], check=True)
    try:
        before = tree(root)
        done = run(bundle, "install", "--root", str(root))
        assert done.returncode == 15 and "make room" in done.stderr.splitlines()[-1], done.stderr
        assert tree(root) == before
    finally:
        subprocess.run(["umount", str(opt)], check=True)


@pytest.mark.needs_root("an installation is root's")
def test_one_installer_at_a_time(bundle: Path, run: Run, root: Path) -> None:
    """Two laptops at one robot."""
    folder = os.open(root / "etc" / "systemd" / "system", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        done = run(bundle, "install", "--root", str(root))
    finally:
        os.close(folder)
    assert (done.returncode, done.stderr) == (19, "wachhund: another installer runs here: wait for it\n")


@pytest.mark.needs_root("an installation is root's")
def test_a_library_that_does_not_fit_is_found_before_the_switch(
    bundle: Path, run: Run, root: Path, tmp_path: Path
) -> None:
    """The agent is started once where it lies; a robot is never left with a version that can't."""

    def spoil(agent: dict[str, bytes]) -> None:
        agent["wachhund_agent/cli.py"] = b"import no_such_library\n"

    before = tree(root)
    done = run(bundles.varied(bundle, tmp_path, "9.0.0", spoil), "install", "--root", str(root))
    assert done.returncode == 1 and "no_such_library" in done.stderr and len(done.stderr.splitlines()) == 1
    assert tree(root) == before
