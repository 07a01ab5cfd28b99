"""Runs a command as root where programs of arm64 run too, without a change to this machine.

Where the kernel hands such programs to QEMU already, or is arm64 itself, that is all. Else the command gets a user
namespace with a table of foreign programs (binfmt_misc) of its own, which Linux has since 6.7.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.waiting import until

_BINFMT = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")  # of Debian's qemu-user-static
# Waits for its user ids; mounts its own /proc, for it has process ids of its own; and registers QEMU.
_ENTER = """
read -r _ && mount -t proc proc /proc && mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc &&
cat "$0" > /proc/sys/fs/binfmt_misc/register && exec "$@" < /dev/null
"""
_ENTER_S = 20.0
_ALL_IDS = "0 0 65536"  # each id is itself: what is made belongs to whom it says


class CannotEmulate(Exception):
    """Programs of arm64 can't be run here; says what would help."""


def run(argv: Sequence[str], log: Path) -> int:
    """Run a command to its end; what it prints goes into `log`. Returns its exit status. Raises CannotEmulate."""
    with log.open("ab") as out:
        if _runs_arm64():
            return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode
        if not _BINFMT.exists():
            raise CannotEmulate("nothing runs programs of arm64 here: install qemu-user-static (Debian)")
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL",
             "unshare", "--user", "--keep-caps", "--mount", "--pid", "--fork", "--kill-child",
             "sh", "-c", _ENTER, str(_BINFMT), *argv],
            stdin=subprocess.PIPE, stdout=out, stderr=out,
        )  # fmt: skip
        try:
            assert process.stdin is not None
            its, ours = Path(f"/proc/{process.pid}/ns/user"), Path("/proc/self/ns/user").readlink()
            until(lambda: process.poll() is not None or its.readlink() != ours, _ENTER_S, "it has ids of its own")
            if process.poll() is None:
                for table in ("uid_map", "gid_map"):
                    Path(f"/proc/{process.pid}/{table}").write_text(_ALL_IDS)
            with contextlib.suppress(BrokenPipeError):  # it has ended; its status says so
                process.stdin.write(b"\n")
                process.stdin.close()
            return process.wait()
        finally:
            process.kill()  # and with it all of its process ids
            process.wait()


def _runs_arm64() -> bool:
    if shutil.which("arch-test") is None:
        raise CannotEmulate("install arch-test (Debian): mmdebstrap asks it what runs here")
    return subprocess.run(["arch-test", "arm64"], capture_output=True, check=False).returncode == 0
