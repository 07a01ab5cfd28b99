"""Where a card's image is made: a folder beside what it becomes, nobody else's, that goes with it."""

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from wachhund.flash.outcome import FAILED, NO_SPACE, FlashRefused

_WRITTEN_BYTES = 64 << 20  # beside the bundle: a journal that is played back, tables that are made
_PIECE = 64 << 10
_NAME = ".wachhund-{}.part"


@contextlib.contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A folder for the new image while it is made; those of runs that were killed are taken away: they hold tokens.

    Raises OSError.
    """
    for left in folder.glob(_NAME.format("*")):
        with contextlib.suppress(OSError), _held(left):  # whoever still works there holds it
            shutil.rmtree(left)
    made = folder / _NAME.format(secrets.token_hex(8))
    made.mkdir(0o700)
    try:
        with _held(made):
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Raises OSError: somebody else holds it. By a file in it: NFS locks no folder."""
    within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=within)
    finally:
        os.close(within)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def copy(image: Path, card: Path, out: Path, to_write: int) -> None:
    """With its holes, and without a copy where the file system can share. Nobody else may read it.

    `out`: what is told to a person. `to_write`: bytes that come into it. Raises FlashRefused, OSError.
    """
    card.touch(0o600, exist_ok=False)
    argv = [shutil.which("cp") or "/bin/cp", "--reflink=auto", "--sparse=always", "--", str(image), str(card)]
    done = subprocess.run(argv, capture_output=True, errors="replace", check=False)  # noqa: S603  fixed words, two paths
    # Holes are filled while it is written to, and where that fails e2fsprogs does not say why.
    free, needed = shutil.disk_usage(card.parent).free, 2 * to_write + _WRITTEN_BYTES
    if free < needed:
        why = f"no room: {free / 1e6:.0f} MB are free for what is written to it, {needed / 1e6:.0f} MB are wanted"
        raise FlashRefused(NO_SPACE, f"{out}: {why}: give --out ELSEWHERE/FILE")
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise FlashRefused(FAILED, f"{out}: {said[-1][:300] if said else 'the copy failed'}")


def taken_out(card: Path, start: int, size: int, alone: Path) -> None:
    """One of its file systems as a file of its own, with its holes. Raises OSError."""
    with card.open("rb") as source, alone.open("wb") as target:
        source.seek(start)
        at = 0
        while piece := source.read(min(_PIECE, size - at)):
            if piece.count(0) < len(piece):
                target.seek(at)
                target.write(piece)
            at += len(piece)
        target.truncate(at)


def put_back(alone: Path, card: Path, start: int) -> None:
    """What differs, so that holes stay holes. Raises OSError."""
    with alone.open("rb") as source, card.open("r+b") as target:
        at = start
        while piece := source.read(_PIECE):
            target.seek(at)
            if target.read(len(piece)) != piece:
                target.seek(at)
                target.write(piece)
            at += len(piece)
