"""What /proc says: odd names do not shift fields, and a process that has gone is None, never an error."""

import os
import pathlib
import subprocess
import sys
from typing import Optional

import pytest

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.addresses import parse_default_routes

GONE = 2**22 + 1  # above every possible pid


def test_a_name_with_brackets_and_spaces_does_not_shift_the_fields() -> None:
    line = b"7 (a) R 1 (b) S 3 " + b" ".join(str(number).encode() for number in range(5, 40))
    stat = procfs.parse_stat(line)
    assert stat is not None
    assert (stat.pid, stat.comm, stat.state, stat.ppid) == (7, b"a) R 1 (b", "S", 3)
    assert stat.start_ticks == 22, "field 22, as proc(5) counts"


def test_a_line_that_is_no_stat_is_none() -> None:
    for line in (b"", b"7", b"7 (x", b"7 (x) S 1"):
        assert procfs.parse_stat(line) is None


def test_we_see_ourselves() -> None:
    pid = os.getpid()
    stat, argv = procfs.stat(pid), procfs.cmdline(pid)
    assert stat is not None and stat.ppid == os.getppid()
    assert argv and procfs.exe(pid) == (os.path.realpath(sys.executable), False)
    assert procfs.cwd(pid) == str(pathlib.Path.cwd())
    assert procfs.uid(pid) == os.geteuid()
    assert pid in set(procfs.all_pids())
    assert procfs.namespace(pid) == pathlib.Path("/proc/self/ns/net").stat().st_ino


def test_a_process_that_has_gone_is_none_everywhere() -> None:
    assert (
        procfs.stat(GONE) is procfs.cmdline(GONE) is procfs.cwd(GONE) is procfs.uid(GONE) is procfs.unit(GONE) is None
    )
    assert procfs.exe(GONE) == (None, False)
    assert procfs.socket_inodes(GONE) == set()


def test_a_deleted_program_is_called_deleted(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "gone"
    program.write_bytes(pathlib.Path("/bin/sleep").read_bytes())
    program.chmod(0o700)
    child = subprocess.Popen([str(program), "30"])
    try:
        program.unlink()
        assert procfs.exe(child.pid) == (str(program), True)
    finally:
        child.kill()
        child.wait()


def test_arguments_arrive_byte_for_byte() -> None:
    odd = [b"x\xff", b"", b"two\nlines", b"last"]
    code = "import os; os.write(1, b'.'); os.read(0, 1)"
    process = subprocess.Popen(
        [sys.executable.encode(), b"-c", code.encode(), *odd], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        # Between the exec and the program's first step the kernel shows no arguments at all.
        assert process.stdout is not None and process.stdout.read(1) == b"."
        argv = procfs.cmdline(process.pid)
        assert argv is not None and argv[-4:] == odd
    finally:
        process.communicate(b"x")


def test_an_unknown_user_keeps_its_number() -> None:
    assert procfs.user_name(0) == "root"
    assert procfs.user_name(3999999999) == "3999999999"


@pytest.mark.parametrize(
    "cgroup, name",
    [
        (b"0::/system.slice/docker-" + b"ab" * 32 + b".scope\n", "abababababab"),
        (b"12:pids:/docker/" + b"0c" * 32 + b"\n1:name=systemd:/docker/" + b"0c" * 32, "0c0c0c0c0c0c"),
        (b"0::/kubepods/besteffort/pod12/" + b"1f" * 32 + b"\n", "1f1f1f1f1f1f"),
        (b"0::/machine.slice/libpod-" + b"9e" * 32 + b".scope/container\n", "9e9e9e9e9e9e"),
        (b"3:cpu:/lxc/web1\n", "web1"),
        (b"0::/lxc.payload.web1\n", "web1"),
        (b"0::/user.slice/user-1000.slice/session-2.scope\n", None),
        (b"", None),
    ],
)
def test_a_container_is_known_by_its_control_group(cgroup: bytes, name: Optional[str]) -> None:
    assert procfs.container_of(cgroup) == name


def test_what_leaves_over_a_modem_is_known_by_the_default_route() -> None:
    head = b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    modem = b"ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
    lan = b"eth0\t007BA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    assert parse_default_routes(head + lan + modem) == {"ppp0"}
    assert parse_default_routes(b"") == parse_default_routes(head + b"\xff\n") == set()
