"""A robot with a real systemd: PID 1 of namespaces of its own, on an overlay of this machine's files.

What is written there goes into memory and is gone at the end. It shares this machine's network, so that an agent in it
reaches a test's host on loopback. It has process ids of its own, while the kernel's trace events name those of the
whole machine: so an agent in it hears no events for its own probe, and polls. Needs root and cgroups that can be made.

WACHHUND_SYSTEMD names another systemd than this machine's: a folder into which one was installed (`DESTDIR`), built
with /usr as its root prefix. docs/flash.md says which one a Go1 has and how it is had.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import until

SYSTEMD = os.environ.get("WACHHUND_SYSTEMD")
_BOOT_S = 60.0
_COMMAND_S = 180.0
_MASKED = [
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "systemd-journal-flush.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-modules-load.service",
    "systemd-sysctl.service",
    "systemd-binfmt.service",
    "systemd-remount-fs.service",
    "systemd-random-seed.service",
    "systemd-update-utmp.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "keyboard-setup.service",
    "console-setup.service",
    "kmod-static-nodes.service",
    "modprobe@configfs.service",
    "modprobe@drm.service",
    "modprobe@fuse.service",
    "modprobe@efi_pstore.service",
    "timers.target",
    "getty.target",
]
# One step of the boot a line; $1 is the folder of this machine, $2 the Python that is its python3, $3 the units that
# are not for it, $4 where the systemd lies that takes the place of this machine's.
_BOOT = textwrap.dedent("""\
    set -eu
    root=$1/root
    mount --make-rprivate /
    mount -t tmpfs tmpfs "$1/changes"
    mkdir "$1/changes/upper" "$1/changes/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes/upper,workdir=$1/changes/work" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    # By the mounts in /sys its systemd would act on the whole machine's cgroups; mounted here they begin with its own.
    grep -E '^[^ ]+ [^ ]+ cgroup2? ' /proc/self/mounts > "$1/hierarchies"
    umount -R "$root/sys/fs/cgroup"
    grep -q ' cgroup ' "$1/hierarchies" && mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
    while read -r _ where kind options _; do
      case $where in /sys/fs/cgroup*) ;; *) continue;; esac
      mkdir -p "$root$where"
      only=$(echo "$options" | tr , '\\n' | grep -vxE 'rw|ro|nosuid|nodev|noexec|relatime' | paste -sd,)
      [ "$kind" = cgroup ] || only=rw
      mount -t "$kind" -o "$only" cgroup "$root$where"
    done < "$1/hierarchies"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    # Else what other programs of this machine leave there would come and go in it.
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount --bind "$1/shared" "$root/mnt"
    if [ -n "$4" ]; then
      rm -rf "$root/usr/lib/systemd" "$root/etc/systemd"
      cp -a "$4/." "$root/"
    fi
    rm -rf "$root"/etc/systemd/system/* "$root"/var/lib/private "$root"/opt/* "$root"/var/lib/wachhund
    mkdir "$root/etc/systemd/system/multi-user.target.wants"
    : > "$root/etc/fstab"
    for unit in $3; do ln -s /dev/null "$root/etc/systemd/system/$unit"; done
    ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
    for unit in "$root"/lib/systemd/system/multi-user.target.wants/*; do
      ln -sf /dev/null "$root/etc/systemd/system/${unit##*/}"
    done
    if [ -n "$2" ]; then
      mkdir "$root/usr/local/robot-python"
      mount --bind "$(dirname "$(dirname "$2")")" "$root/usr/local/robot-python"
      printf '#!/bin/sh\\nexec /usr/local/robot-python/bin/python3 "$@"\\n' > "$root/usr/local/bin/python3"
      chmod 755 "$root/usr/local/bin/python3"
      # Its library too must be found by others than root, whose home it may come from.
      echo /usr/local/robot-python/lib > "$root/etc/ld.so.conf.d/robot-python.conf"
      chroot "$root" ldconfig
    fi
    # A root of its own, not a chroot: in that the kernel lets no service have user ids of its own (PrivateUsers).
    cd "$root"
    mkdir run/before
    pivot_root . run/before
    umount -l /run/before
    path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    exec /usr/bin/env -i container=wachhund PATH=$path \\
      /lib/systemd/systemd --system --log-target=null --show-status=0
    """)
_NUMBERS = itertools.count(1)  # of the machines of one process: two may be there at once


class NoCgroups(Exception):
    """This machine lets nobody make a cgroup: no systemd can run in it."""


class SystemdMachine:
    """Use it as a context. `folder`: for it alone. `python`: its installation becomes the machine's, when given.

    `shared` is a folder that the machine sees as /mnt. `network`: a namespace's file, in place of this machine's.
    """

    def __init__(self, folder: Path, python: str | None = None, network: Path | None = None) -> None:
        self._folder, self._python, self._network = folder, python, network
        self.shared = folder / "shared"
        self._process: subprocess.Popen[bytes] | None = None
        self._cgroups: list[Path] = []
        self.pid = 0

    def __enter__(self) -> Self:
        for name in ("root", "changes", "shared"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._cgroups = _make_cgroups(f"wachhund-machine-{os.getpid()}-{next(_NUMBERS)}")
        try:
            self.boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def boot(self) -> None:
        """Start it and wait until it has come up."""
        # exec: unshare itself becomes our child, so that its end is the end of all of it.
        enter = "".join(f'echo $$ > "{path}/cgroup.procs"; ' for path in self._cgroups)
        with (self._folder / "boot.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-ec", f"{enter}exec {self._in_network()} unshare -m -p -f -i -u -C --kill-child \"$@\"", "sh",
                 "sh", "-c", _BOOT, "sh", str(self._folder), self._python or "", " ".join(_MASKED), SYSTEMD or ""],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        until(lambda: children.read_text().split(), _BOOT_S, "its first process is there")
        self.pid = int(children.read_text().split()[0])
        until(lambda: Path(f"/proc/{self.pid}/comm").read_text().strip() == "systemd", _BOOT_S, "it is systemd")
        until(self._is_up, _BOOT_S, "it has come up")

    def _in_network(self) -> str:
        return "" if self._network is None else f"nsenter --net={self._network}"

    def _is_up(self) -> bool:
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() in ("running", "degraded")

    def run(
        self, *argv: str, check: bool = True, given: str | None = None, environ: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """A command in it, as root."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-p", "-i", "-u", "-C", "-n", "-r", "-w", "env", "-i",
             "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             *(f"{name}={value}" for name, value in (environ or {}).items()), *argv],
            input=given, capture_output=True, text=True, timeout=_COMMAND_S, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{argv}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def path(self, absolute: str) -> Path:
        """A path of the machine, as we reach it."""
        return Path(f"/proc/{self.pid}/root{absolute}")

    def _end(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(30)
        for path in self._cgroups:
            until(lambda one=path: _remove_cgroup(one), 20, f"{path} is gone")  # type: ignore[misc]
        shutil.rmtree(self._folder / "root", ignore_errors=True)


def _make_cgroups(name: str) -> list[Path]:
    """One in each hierarchy, below the one that we are in. Raises NoCgroups."""
    made = []
    for hierarchy, where in hierarchies("self"):
        path = hierarchy / where.lstrip("/") / name
        try:
            path.mkdir()
        except OSError as error:
            for one in made:
                one.rmdir()
            raise NoCgroups(f"{path}: {error.strerror}") from None
        made.append(path)
        if (path / "cpuset.cpus").exists():
            for knob in ("cpuset.cpus", "cpuset.mems"):
                (path / knob).write_text((path.parent / knob).read_text())
    if not made:
        raise NoCgroups("no hierarchy of cgroups is mounted")
    return made


def hierarchies(pid: str) -> Iterator[tuple[Path, str]]:
    """Where each hierarchy of cgroups is mounted, and the group of a process in it."""
    mounts = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == "cgroup2":
            mounts[""] = where
        elif kind == "cgroup":
            for option in options.split(","):
                mounts[option] = where
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        first = names.split(",")[0]
        if first in mounts:
            yield Path(mounts[first]), path


def _remove_cgroup(path: Path) -> bool:
    for folder, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not path.exists()
