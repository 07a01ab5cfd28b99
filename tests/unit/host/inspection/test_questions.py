"""What an audit finds on a stand-in Go1: everything that is there, and nothing else."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.host.inspection import robot_tree
from tests.unit.host.inspection.robot_tree import AUTOSTART, write
from wachhund.inspection.examining import QUESTIONS, examine
from wachhund.inspection.finding import FAILED, NOT_SEEN, PASSED, Answer
from wachhund.inspection.known_files import known_files
from wachhund.inspection.known_robot import KnownRobot
from wachhund.robot_tree.files import Files
from wachhund.robot_tree.folder import Folder

STOCK = {
    "vendor-tunnel-cloudsail-starts", "vendor-tunnel-nps-lies-there", "default-password-pi", "password-login",
    "broker-anonymous", "pages-ask-nobody", "service-programming.py", "service-startup_uploader.py", "nat-pivot",
    "release-ended", "package-sudo-cve-2021-3156",
}  # fmt: skip
ENROLLED = (STOCK - {"vendor-tunnel-cloudsail-starts"}) | {
    "vendor-tunnel-cloudsail-enrolled", "broker-keeps-identity", "started-by-no-package",
}  # fmt: skip
CLEANED = (STOCK | {"vendor-tunnel-cloudsail-lies-there"}) - {
    "vendor-tunnel-cloudsail-starts", "default-password-pi", "broker-anonymous", "nat-pivot",
}  # fmt: skip


def answers(root: Path) -> dict[str, Answer]:
    folder = Folder(root)
    try:
        return {answer.name: answer for answer in examine(Files(folder))[1]}
    finally:
        folder.close()


def names(root: Path) -> set[str]:
    return {finding.name for answer in answers(root).values() for finding in answer.findings}


@pytest.mark.parametrize(
    ("state", "expected"),
    [(robot_tree.stock, STOCK), (robot_tree.enrolled, ENROLLED), (robot_tree.cleaned, CLEANED)],
    ids=["stock", "enrolled", "cleaned"],
)
def test_a_go1_in_each_of_its_states_has_these_findings_and_no_other(
    tmp_path: Path, state: Callable[[Path], Path], expected: set[str]
) -> None:
    """The expected list, none missing, none extra."""
    assert names(state(tmp_path)) == expected


def test_each_finding_says_what_stands_where_what_may_come_of_it_and_what_to_do(tmp_path: Path) -> None:
    """A finding without one of these helps nobody."""
    for answer in answers(robot_tree.enrolled(tmp_path)).values():
        for finding in answer.findings:
            assert finding.proof and finding.means and finding.fix and finding.recheck and finding.references


def test_an_enrolled_tunnel_is_graver_than_one_that_waits_and_one_that_nothing_starts(tmp_path: Path) -> None:
    """The level follows what is possible today."""
    levels = []
    for number, state in enumerate((robot_tree.enrolled, robot_tree.stock, robot_tree.cleaned)):
        found = answers(state(tmp_path / str(number)))["vendor-tunnel"].findings
        levels.append(next(one.level for one in found if "cloudsail" in one.name))
    assert levels == ["high", "high", "low"]


def test_a_password_that_is_not_the_default_is_no_finding_and_a_method_of_another_age_is_known(tmp_path: Path) -> None:
    """yescrypt is what newer images use."""
    robot_tree.stock(tmp_path, hashed="$y$j9T$wachhundtest$4Wk.js5xky9KcsZd5kILzB5wd5wG6ePRCXPJoTOOZc3")
    assert answers(tmp_path)["default-passwords"].result == FAILED
    robot_tree.stock(tmp_path, hashed="$y$j9T$wachhundtest$5Wk.js5xky9KcsZd5kILzB5wd5wG6ePRCXPJoTOOZc3")
    assert answers(tmp_path)["default-passwords"].result == PASSED


def test_a_hash_that_cannot_be_checked_and_a_file_that_is_not_there_are_not_seen(tmp_path: Path) -> None:
    """Never "passed" where nobody looked."""
    robot_tree.stock(tmp_path, hashed="$99$unheard$of")
    assert answers(tmp_path)["default-passwords"].result == NOT_SEEN
    (tmp_path / "etc/shadow").unlink()
    assert answers(tmp_path)["default-passwords"].result == NOT_SEEN


def test_an_empty_folder_answers_nothing_and_says_so(tmp_path: Path) -> None:
    """Not a single question passes by mistake where its files are needed."""
    found = answers(tmp_path)
    assert len(found) == len(QUESTIONS)
    for name in ("default-passwords", "old-packages", "starting"):
        assert found[name].result == NOT_SEEN


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("etc/ld.so.preload", "/usr/lib/libhide.so\n", "ld-so-preload"),
        ("etc/cron.d/again", "* * * * * root /tmp/x\n", "started-by-no-package"),
        ("etc/cron.d/e2scrub", "* * * * * root /tmp/x\n", "packaged-start-changed"),
        (f"{AUTOSTART}/.startlist.sh", "sportMode zz\n", "start-list-changed"),
        ("etc/ssh/sshd_config", "PermitRootLogin yes\n", "root-login"),
        ("etc/ssh/sshd_config", "PermitEmptyPasswords yes\n", "empty-passwords-allowed"),
        ("root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== x\n", "authorized-keys"),
        ("etc/sysctl.conf", "net.ipv4.ip_forward = 1\n", "nat-pivot"),
    ],
)
def test_what_an_intruder_leaves_is_found(tmp_path: Path, path: str, text: str, name: str) -> None:
    """One change each to a stock robot."""
    robot_tree.stock(tmp_path)
    write(tmp_path, path, text)
    assert name in names(tmp_path)


def test_settings_of_sshd_count_as_sshd_counts_them(tmp_path: Path) -> None:
    """The first word wins, files that are included come where they stand, and what follows Match is for some only."""
    robot_tree.stock(tmp_path)
    write(tmp_path, "etc/ssh/sshd_config.d/a.conf", "PasswordAuthentication no\n")
    config = "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\nMatch User x\nPermitRootLogin yes\n"
    write(tmp_path, "etc/ssh/sshd_config", config)
    assert not {"password-login", "root-login"} & names(tmp_path)


def test_a_known_program_is_found_under_another_name(tmp_path: Path) -> None:
    """By its hash."""
    program = b"\x7fELF" + b"a stand-in" * 100
    robot_tree.stock(tmp_path)
    write(tmp_path, "opt/clock/clockd", program, 0o755)
    robot = KnownRobot("x", "x", hashes={hashlib.sha256(program).hexdigest(): "A tunnel"})
    folder = Folder(tmp_path)
    (finding,) = known_files(Files(folder), robot).findings
    folder.close()
    assert finding.proof[0].startswith("/opt/clock/clockd: ")


def test_text_of_a_robot_is_shown_as_codes(tmp_path: Path) -> None:
    """A file's name or line must not act on whoever reads the report."""
    robot_tree.stock(tmp_path)
    write(tmp_path, "etc/ld.so.preload", "/x\x1b[31m\u202e\n")
    (finding,) = (one for one in answers(tmp_path)["starting"].findings if one.name == "ld-so-preload")
    assert finding.proof == ("/etc/ld.so.preload: /x\\x1b[31m\\u202e",)
