"""The virtual robot's disk, kernel and key to log in: made once for a recipe, kept in build/robot.

It gets its name when it is whole, so that one half made is never taken for one; the next maker sweeps such away.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.robots.virtual import emulation, recipe, stock

_ROOT = Path(__file__).resolve().parents[3]
KEPT = _ROOT / "build" / "robot"
_LOG = "made.log"
_NEW = ".new"
_PROGRAMS = ("mmdebstrap", "arch-test", "mke2fs", "ssh-keygen", "setpriv", "unshare")


class NotMade(Exception):
    """The image could not be made; says why and what would help."""


class Image(NamedTuple):
    """`key`: of who may log in as recipe.USER."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk.ext4"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"


def kept(mirror: str | None = None, folder: Path = KEPT) -> Image:
    """The recipe's image, made when there is none; images of other recipes and halves go then. Raises NotMade."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image(folder / recipe.digest())
    with _alone(folder):
        if image.folder.exists():
            return image
        if os.geteuid() != 0:
            raise NotMade("needs root: files of many users are made")
        for other in folder.iterdir():
            if other.is_dir():
                shutil.rmtree(other)
        _make(image.folder, mirror or _own_mirror())
    return image


def _own_mirror() -> str:
    """Of Debian's archive, as this machine's apt has it. Raises NotMade.

    The suite is taken as it was released: its security updates moved, and not all mirrors still hold them.
    """
    told = _said(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    found = next((line for line in told.splitlines() if line.rstrip("/").endswith("/debian")), None)
    if found is None:
        raise NotMade("apt here has no mirror of Debian's archive: say --mirror URL")
    return found


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One maker at a time; the others wait."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, mirror: str) -> None:
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking:
        raise NotMade(f"needs {', '.join(lacking)} (Debian: mmdebstrap arch-test qemu-user-static e2fsprogs)")
    new, log = folder.with_name(folder.name + _NEW), folder.with_name(_LOG)
    new.mkdir(mode=0o700)
    log.unlink(missing_ok=True)
    try:
        image, tree = Image(new), new / "tree"
        _said(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "virtual-robot", "-f", str(image.key)])
        _install(tree, image.key.with_suffix(".pub"), mirror, log)
        stock.furnish(tree)
        shutil.copy(_only(tree / "boot", "vmlinuz-*"), image.kernel)
        shutil.copy(_only(tree / "boot", "initrd.img-*"), image.initrd)
        # Written without being mounted.
        _said(["mke2fs", "-q", "-t", "ext4", "-L", "robot", "-d", str(tree), str(image.disk), recipe.DISK])
        shutil.rmtree(tree)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _install(tree: Path, key: Path, mirror: str, log: Path) -> None:
    """Debian's own packages, installed by themselves, into an empty folder."""
    boot = 'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"; ' \
        'echo MODULES=list > "$1/etc/initramfs-tools/conf.d/virtual"; ' \
        'printf "virtio_pci\\nvirtio_blk\\next4\\n" > "$1/usr/share/initramfs-tools/modules.d/virtual"'  # fmt: skip
    argv = [
        "mmdebstrap", "--mode=root", "--variant=minbase", f"--architectures={recipe.ARCHITECTURE}",
        f"--include={','.join(recipe.PACKAGES)}", '--aptopt=Apt::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude={path}" for path in recipe.LEFT_OUT),
        f"--essential-hook={boot}",
        f'--customize-hook=sh {recipe.FURNISH} "$1" {key} {recipe.USER}',
        recipe.SUITE, str(tree), mirror,
    ]  # fmt: skip
    try:
        status = emulation.run(argv, log)
    except emulation.CannotEmulate as error:
        raise NotMade(str(error)) from None
    if status:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        why = next((line for line in reversed(said) if line.startswith(("E:", "W:"))), said[-1] if said else "no word")
        raise NotMade(f"mmdebstrap ended with {status}: {why.strip()} ({log})")


def _only(folder: Path, pattern: str) -> Path:
    found = [path for path in folder.glob(pattern) if not path.is_symlink()]
    if len(found) != 1:
        raise NotMade(f"{len(found)} files are called {pattern} in the image's {folder.name}: one was to be there")
    return found[0]


def _said(argv: list[str]) -> str:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMade(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip() or 'no word'}")
    return done.stdout
