"""`wachhund backup` and `wachhund restore`: the ledger as of one moment and the host's secrets, in a folder.

A backup can be made while the host serves. A restored, older ledger is noticed by the robots: their receipts go back,
and they send again what they still hold (protocol.md, Receipt).
"""

import argparse
import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.fleet.data_folder import DataFolder

_PAGES_A_STEP = 1000  # 4 MB: between two steps a running host may write


def add_parser(subparsers: Any) -> None:
    """Add `backup` and `restore` to the command line."""
    backup = subparsers.add_parser(
        "backup",
        help="copy the ledger and the host's keys into a new folder",
        description="Copies the ledger as of one moment, and the host's keys, into a new folder for its owner only; "
        "also while the host serves. Whoever has the folder can speak for the host: keep it as you keep the host.",
    )
    backup.add_argument("folder", metavar="FOLDER", type=Path, help="a folder that does not exist yet")
    backup.set_defaults(run=run_backup)
    restore = subparsers.add_parser(
        "restore",
        help="put a backup into a data folder that holds no ledger",
        description="Puts a backup into a data folder that holds no ledger. Robots send again what they still hold; "
        "what is lost for good stays shown as a gap.",
    )
    restore.add_argument("folder", metavar="FOLDER", type=Path, help="what `wachhund backup` made")
    restore.set_defaults(run=run_restore)
    for command in (backup, restore):
        command.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")


def _kept(data: "DataFolder") -> list[Path]:
    """Everything beside the ledger without which robots would not know the host again."""
    return [
        data.host_key, data.succession, data.nonce_secret, data.recovery_key, data.authority_key,
        data.authority_certificate, data.door_key, data.door_certificate, data.doors,
    ]  # fmt: skip


def run_backup(args: argparse.Namespace) -> int:
    """Make a backup. Raises MisuseError: nothing is left of it then."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder, make_private_folder
    from wachhund.fleet.host_keys import HostKeys

    data = DataFolder(args.data or default_data_folder())
    if not data.ledger.is_file():
        raise MisuseError(f"backup: {data.path} holds no ledger: give the host's --data folder")
    if args.folder.exists():
        raise MisuseError(f"backup: {args.folder}: is there already and is not overwritten: give another name")
    unfinished = args.folder.with_name(args.folder.name + ".unfinished")
    with _clear(unfinished), _in_words(args.folder):
        make_private_folder(unfinished)
        _copy_ledger(data.ledger, unfinished / data.ledger.name)
        for path in _kept(data):
            if path.exists():
                _copy(path, unfinished / path.name)
        if data.host_key.exists():
            HostKeys.load_or_create(DataFolder(unfinished))  # its key was not being changed meanwhile
        unfinished.rename(args.folder)
    print(f"backup of {data.path} in {args.folder}")
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Put a backup in place. Raises MisuseError: the data folder is then as it was."""
    from wachhund.audit.verifying import verify_ledger
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.ledger.engine import LedgerError, reading_only

    source = DataFolder(args.folder)
    data = DataFolder(args.data or default_data_folder()).make()
    there = [path for path in (data.ledger, *_kept(data)) if path.exists()]
    if there:
        raise MisuseError(f"restore: {there[0]}: is there already and is not overwritten: give an empty --data folder")
    try:
        with reading_only(source.ledger) as connection:
            robots = verify_ledger(connection, {})
    except LedgerError as error:
        raise MisuseError(f"restore: {error}") from None
    made: list[Path] = []
    try:
        with _in_words(data.path):
            for path in (*_kept(source), source.ledger):  # the ledger last: with it the folder counts
                if path.exists():
                    made.append(data.path / path.name)
                    _copy(path, data.path / path.name)
    except MisuseError:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    proven = sum(one.is_proven for one in robots)
    print(f"restored {args.folder} into {data.path}: {len(robots)} robots, the evidence of {proven} proven")
    return 0


def _copy_ledger(source: Path, target: Path) -> None:
    """By SQLite's own backup: one moment, whole, also while somebody writes."""
    target.touch(mode=0o600)
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing, pages=_PAGES_A_STEP)
        writing.execute("PRAGMA journal_mode=DELETE")
        if writing.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise MisuseError(f"backup: {source}: the ledger is damaged: look at it with `wachhund verify`")
    _sync(target)


def _copy(source: Path, target: Path) -> None:
    """With its rights, and on disk."""
    with source.open("rb") as reading:
        rights = os.fstat(reading.fileno()).st_mode & 0o777
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, rights & 0o600)
        with os.fdopen(handle, "wb") as writing:
            shutil.copyfileobj(reading, writing)
            writing.flush()
            os.fsync(writing.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _clear(folder: Path) -> Iterator[None]:
    """What is unfinished goes, also what an earlier try left."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _in_words(where: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise MisuseError(f"{where}: {what}: nothing was kept; make room, or choose another place") from None
