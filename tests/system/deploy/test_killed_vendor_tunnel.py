"""The vendor's tunnel disabled and restored in a robot's file system: exactly, whatever goes wrong, and whenever it is
killed. The installer's own code as it lies here, by the robot's Python where one is named.

With a running systemd and processes: test_vendor_tunnel.py.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.robots.vendor_tunnel import START_LIST_PATH, WANTED, furnish
from tests.system.deploy.conftest import exact_tree

INSTALLER = Path(__file__).resolve().parents[3] / "deploy" / "installer"
ROBOT_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON", sys.executable)
BACKUP = "var/lib/wachhund-vendor-tunnel"
DISABLE, RESTORE = "disable-vendor-tunnel", "restore-vendor-tunnel"
pytestmark = pytest.mark.needs_root("a vendor's files are other users'")
# `at`: before which change it is killed; 0: never. The last line is how many changes there were.
_LIFE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from wachhund_install.cli import main
from wachhund_install.disk import Disk
at, count = int(sys.argv[2]), 0
def on_change(what):
    global count
    count += 1
    if count == at:
        sys.stderr.write(what)
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
words = sys.argv[3:]
sys.argv = [sys.argv[1]]
status = main(words, Disk(on_change))
print(count)
sys.exit(status)
"""


def life(root: Path, *words: str, killed_before: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [ROBOT_PYTHON, "-I", "-S", "-B", "-c", _LIFE, str(INSTALLER), str(killed_before), *words, "--root", str(root)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def changes(done: "subprocess.CompletedProcess[str]") -> int:
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.splitlines()[-1])


def refused(done: "subprocess.CompletedProcess[str]", status: int, words: str) -> None:
    """One clear line, and this exit status."""
    assert done.returncode == status and words in done.stderr, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A robot's file system with the vendor's tunnel as a Go1 has it."""
    made = tmp_path / "robot"
    for name in ("etc/systemd/system", "var/lib", "opt"):
        (made / name).mkdir(parents=True)
    furnish(made, 1000)
    return made


def test_what_was_disabled_is_put_back_to_the_byte_the_owner_and_the_time(root: Path) -> None:
    """And nothing else was changed meanwhile: no program of the vendor's, no other file."""
    before = exact_tree(root)
    assert changes(life(root, DISABLE)) > 0
    disabled = exact_tree(root)
    assert b"tunnel" not in (root / START_LIST_PATH).read_bytes() and WANTED not in disabled
    assert {path for path in before if disabled.get(path) != before[path]} == {START_LIST_PATH, WANTED}
    assert {path for path in disabled if path not in before} == {
        BACKUP, f"{BACKUP}/1", f"{BACKUP}/record",
    }  # fmt: skip
    assert (root / BACKUP).stat().st_mode & 0o777 == 0o700
    again = life(root, DISABLE)
    assert "is disabled already" in again.stdout and changes(again) == 0
    assert changes(life(root, RESTORE)) > 0
    assert exact_tree(root) == before
    again = life(root, RESTORE)
    assert "was not disabled here: nothing was changed" in again.stdout and changes(again) == 0


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("act", [DISABLE, RESTORE])
def test_killed_before_each_single_change_it_goes_on_or_back(root: Path, act: str) -> None:
    """Power goes when it goes: the same command again ends as if it had not, and the other one puts all back."""
    before = exact_tree(root)

    def begin() -> None:
        """As it is before `act`."""
        assert life(root, RESTORE).returncode == 0
        assert exact_tree(root) == before
        if act == RESTORE:
            assert life(root, DISABLE).returncode == 0

    begin()
    count = changes(life(root, act))
    wanted = contents(root)
    assert count >= 6
    for at in range(1, count + 1):
        for then in (act, RESTORE if act == DISABLE else DISABLE):
            begin()
            killed = life(root, act, killed_before=at)
            assert killed.returncode == -signal.SIGKILL, (at, killed.stdout)
            told = f"{act} killed before change {at} of {count} ({killed.stderr}), then {then}"
            assert life(root, "status", "--json").returncode in (0, 18), told
            assert life(root, then).returncode == 0, told
            if then == act:
                assert contents(root) == wanted, told
            assert life(root, RESTORE).returncode == 0, told
            assert exact_tree(root) == before, told


def contents(root: Path) -> dict[str, object]:
    """What the vendor's files are, without what our own change of one says of time."""
    found = exact_tree(root)
    return {path: one[:4] for path, one in found.items() if not path.startswith(BACKUP)}


def test_a_robot_without_any_of_it_is_told_so_in_one_line(tmp_path: Path) -> None:
    """Not every robot is a Go1; and an earlier half-made backup does not stay."""
    for name in ("etc/systemd/system", "var/lib"):
        (tmp_path / name).mkdir(parents=True)
    before = exact_tree(tmp_path)
    (tmp_path / BACKUP).mkdir()
    done = life(tmp_path, DISABLE)
    assert changes(done) > 0
    assert done.stdout.splitlines()[:-1] == ["the vendor's tunnel is not on this robot: nothing was changed"]
    assert exact_tree(tmp_path) == before
    done = life(tmp_path, RESTORE, "--dry-run")
    assert changes(done) == 0 and "was not disabled here" in done.stdout


def test_programs_that_nothing_starts_are_named_and_left(root: Path) -> None:
    """The tunnel lies there, and somebody took the word and the link out before."""
    (root / WANTED).unlink()
    (root / START_LIST_PATH).write_bytes(b"programming bmsMonitor\n")
    before = exact_tree(root)
    done = life(root, DISABLE)
    assert changes(done) == 0 and "lies here and neither runs nor starts by itself" in done.stdout
    assert exact_tree(root) == before


def test_a_vendors_list_that_names_it_anew_is_disabled_anew_and_the_newer_one_comes_back(root: Path) -> None:
    """An update of the vendor's software wrote it; no backup is written over."""
    assert life(root, DISABLE).returncode == 0
    (root / START_LIST_PATH).write_bytes(b"newer tunnel list\n")
    newer = (root / START_LIST_PATH).stat()
    assert life(root, DISABLE).returncode == 0
    assert (root / START_LIST_PATH).read_bytes() == b"newer list\n"
    assert {path.name for path in (root / BACKUP).iterdir()} == {"1", "2", "record"}
    assert life(root, RESTORE).returncode == 0
    assert (root / START_LIST_PATH).read_bytes() == b"newer tunnel list\n"
    assert (root / START_LIST_PATH).stat().st_mtime_ns == newer.st_mtime_ns
    assert (root / WANTED).is_symlink() and not (root / BACKUP).exists()


def test_a_file_that_was_changed_since_is_not_written_over_and_both_ways_out_work(root: Path) -> None:
    """By its command the old one comes back, exactly; by the option the new one stays."""
    before = exact_tree(root)
    assert life(root, DISABLE).returncode == 0
    (root / START_LIST_PATH).write_bytes(b"by hand\n")
    changed = exact_tree(root)
    done = life(root, RESTORE)
    refused(
        done, 24, "was changed since it was disabled: nothing was put back: `sudo cp /var/lib/wachhund-vendor-tunnel/1 "
    )
    assert "--keep-changed" in done.stderr and exact_tree(root) == changed
    (root / START_LIST_PATH).write_bytes((root / BACKUP / "1").read_bytes())
    assert life(root, RESTORE).returncode == 0
    assert exact_tree(root) == before

    assert life(root, DISABLE).returncode == 0
    (root / START_LIST_PATH).unlink()
    refused(life(root, RESTORE), 24, "was taken away since it was disabled")
    done = life(root, RESTORE, "--keep-changed")
    assert done.returncode == 0 and not (root / START_LIST_PATH).exists() and (root / WANTED).is_symlink()
    assert not (root / BACKUP).exists()


@pytest.mark.parametrize("what", ["1", "record"])
def test_a_backup_that_is_damaged_is_said_to_be_and_not_put_back(root: Path, what: str) -> None:
    """By a bad card. Nothing is half put back."""
    assert life(root, DISABLE).returncode == 0
    (root / BACKUP / what).write_bytes(b"\x00" * 40)
    before = exact_tree(root)
    refused(life(root, RESTORE), 25, "damaged")
    assert exact_tree(root) == before


def test_a_link_in_the_place_of_the_vendors_list_is_refused(root: Path) -> None:
    """Whoever is pi there could have root write elsewhere."""
    secret = root / "etc" / "shadow"
    secret.write_text("tunnel\n")
    (root / START_LIST_PATH).unlink()
    (root / START_LIST_PATH).symlink_to("/etc/shadow")
    before = exact_tree(root)
    refused(life(root, DISABLE), 1, "a link, which is not as known of this vendor")
    assert exact_tree(root) == before


def test_a_read_only_or_full_disk_is_one_line_and_nothing_is_half_done(root: Path) -> None:
    """Before anything is changed, and when the room ends in the middle."""
    autostart = (root / START_LIST_PATH).parent
    start_list = (root / START_LIST_PATH).read_bytes()
    for options, status, words in (
        ("size=1m,ro", 16, "remount,rw"),
        ("size=16k", 15, "make room"),
        ("size=8m,nr_inodes=2", 15, "make room"),
    ):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options.replace(",ro", ""), "tmpfs", str(autostart)], check=True)
        try:
            (root / START_LIST_PATH).write_bytes(start_list)
            if options.endswith("ro"):
                subprocess.run(["mount", "-o", "remount,ro", str(autostart)], check=True)
            before = exact_tree(root)
            refused(life(root, DISABLE), status, words)
            assert exact_tree(root) == before, options
        finally:
            subprocess.run(["umount", str(autostart)], check=True)


def test_who_is_not_root_gets_one_line(root: Path) -> None:
    """And nothing is tried first."""
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-I", "-S", "-B", "-",
         DISABLE, "--root", "/"],
        input=f"import sys\nsys.path.insert(0, {str(INSTALLER)!r})\nsys.argv[0] = '/'\n"
        "from wachhund_install.cli import main\nsys.exit(main())\n",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (13, "wachhund: needs root: say sudo\n")


def test_the_plan_for_programs_has_steps_with_fixed_names(root: Path) -> None:
    """`wachhund flash ssh` shows progress by them; a dry run looks and changes nothing."""
    before = exact_tree(root)
    dry = life(root, DISABLE, "--dry-run", "--json")
    assert changes(dry) == 0 and exact_tree(root) == before
    for act, steps in (
        (DISABLE, ["check", "look", "backup", "list", "service", "reload", "stop", "watch", "finish"]),
        (RESTORE, ["check", "begin", "list", "service", "reload", "start", "finish"]),
    ):
        lines = [json.loads(line) for line in life(root, act, "--json").stdout.splitlines()[:-1]]
        assert [line["step"] for line in lines if line["state"] == "begun"] == steps
        assert lines[-1]["step"] == "end" and lines[-1]["status"] == 0
