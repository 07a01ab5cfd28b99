"""The virtual robot at work: a QEMU with a copy of the image, and a way in by ssh.

The core and the memory of a Go1's Raspberry Pi, two cores instead of four. QEMU ends with the process that started it,
whatever ends that.
"""

import contextlib
import shlex
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.robots.ports import free_port
from tests.robots.virtual import recipe
from tests.robots.virtual.image import Image
from tests.waiting import until

HOST = "10.0.2.2"  # this machine's loopback, as QEMU's user network shows it to the guest
_BOOT_S = 600.0
_STOP_S = 60.0
_OFF_S = 180.0  # systemd gives each of its services 90 s
_COMMAND_S = 900.0
# A robot has no clock of its own: it believes this. systemd will not go back behind the day that it was built.
_CLOCK = "2021-06-01T00:00:00"


class NotBooted(Exception):
    """It did not come up; says why."""


class VirtualRobot:
    """Use it as a context. `folder`: for it alone, with its card, and what the kernel said in `console.log`.

    `disk`: the card that is in it; another one may be put in while it is off.
    """

    def __init__(self, image: Image, folder: Path) -> None:
        self._image, self._folder = image, folder
        self.console, self.disk = folder / "console.log", folder / "disk.ext4"
        self.port = free_port()
        self._qemu: subprocess.Popen[bytes] | None = None
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(exist_ok=True)
            subprocess.run(["cp", "--sparse=always", "--reflink=auto", self._image.disk, self.disk], check=True)
            self.boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def wait(self) -> None:
        """Until it is switched off."""
        assert self._qemu is not None
        self._qemu.wait()

    def cut_power(self) -> None:
        """It is off, from one instruction to the next; what it had not written to its disk is lost."""
        for process in (self._qemu, self._master):
            if process is not None:
                process.kill()
                process.wait()

    def switch_off(self) -> None:
        """As its owner does it: everything ends, and is on the disk."""
        assert self._qemu is not None and self._master is not None
        self.run("systemctl --no-block poweroff")
        self._master.terminate()  # before the robot ends it: that would be told as a fault
        try:
            self._qemu.wait(_OFF_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not off within {_OFF_S:g} s ({self.console})") from None
        self._end()

    def boot(self) -> None:
        """Start it, and wait until somebody may log in. Raises NotBooted, AssertionError when that takes too long."""
        if shutil.which("qemu-system-aarch64") is None:
            raise NotBooted("needs qemu-system-aarch64 (Debian: qemu-system-arm)")
        with (self._folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "qemu-system-aarch64",
                 "-M", "virt", "-accel", "tcg,thread=multi", "-cpu", "cortex-a72", "-smp", "2", "-m", "1800M",
                 "-chardev", f"file,id=console,append=on,path={self.console}",
                 "-nodefaults", "-no-user-config", "-display", "none", "-serial", "chardev:console",
                 "-rtc", f"base={_CLOCK}", "-no-reboot",
                 "-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd),
                 "-append", "root=/dev/vda rw console=ttyAMA0 panic=-1",
                 "-drive", f"if=none,id=disk,format=raw,file={self.disk}",
                 "-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci",
                 "-netdev", f"user,id=lan,hostfwd=tcp:127.0.0.1:{self.port}-:22",
                 "-device", "virtio-net-pci,netdev=lan,romfile="],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        until(self._lets_in, _BOOT_S, f"it lets somebody log in ({self.console})", pause_s=1)
        self._log_in()

    def _lets_in(self) -> bool:
        assert self._qemu is not None
        if self._qemu.poll() is not None:
            said = (self._folder / "qemu.log").read_text(errors="replace").strip()
            raise NotBooted(f"qemu ended with {self._qemu.returncode}: {said or 'no word'} ({self.console})")
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(self.ssh("true"), capture_output=True, timeout=60, check=False).returncode == 0
        return False

    @property
    def key(self) -> Path:
        """Opens the account of recipe.USER."""
        return self._image.key

    def ssh(self, *words: str, own_login: bool = True, port: int | None = None) -> list[str]:
        """The command line of a login. `own_login`: not over the connection that is kept for `run`. `port`: of this
        machine, from where something else leads to the robot."""
        shared = ["-o", "ControlPath=none"] if own_login else ["-o", f"ControlPath={self._control}"]
        return [
            "ssh", "-F", "none", *shared, "-i", str(self.key), "-p", str(port or self.port),
            "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "LogLevel=ERROR",
            "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self._folder / 'known_hosts'}",
            f"{recipe.USER}@127.0.0.1", *words,
        ]  # fmt: skip

    @property
    def _control(self) -> Path:
        return self._folder / "ssh"

    def _log_in(self) -> None:
        """One connection for all commands: a login takes an emulated machine seconds."""
        self._control.unlink(missing_ok=True)
        self._master = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self.ssh("-M", "-N", "-S", str(self._control))],
            stdin=subprocess.DEVNULL,
        )
        master = self._master

        def is_there() -> bool:
            if master.poll() is not None:
                raise NotBooted(f"ssh ended with {master.returncode}")
            return self._control.exists()

        until(is_there, 60, "the connection for commands is there", pause_s=0.1)

    def run(self, command: str, given: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """A command line of its shell, as root. Raises AssertionError when it fails and `check` is set."""
        done = subprocess.run(
            self.as_root(command), input=given, capture_output=True, text=True, errors="backslashreplace",
            timeout=_COMMAND_S, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def as_root(self, command: str) -> list[str]:
        """The command line of `run`."""
        return self.ssh(f"sudo sh -c {shlex.quote(command)}", own_login=False)

    def put(self, path: Path, name: str) -> None:
        """Copy a file into the user's home, by scp."""
        argv = self.ssh(own_login=False)
        options = argv[1:-1]
        options[options.index("-p")] = "-P"
        subprocess.run(["scp", "-q", *options, str(path), f"{argv[-1]}:{name}"], check=True, timeout=_COMMAND_S)

    def _end(self) -> None:
        for process in (self._master, self._qemu):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
