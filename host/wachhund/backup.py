"""`wachhund backup` and `wachhund restore`: the ledger as of one moment and the host's secrets, in a folder.

A backup can be made while the host serves. Whatever is not whole counts for nothing: both put things together beside
the place where they belong and move them there in one step. A restored, older ledger is noticed by the robots: their
receipts go back, and they send again what they still hold (protocol.md, Receipt).
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.keeping.moments import shown
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.fleet.data_folder import DataFolder

_LIST = "backup.json"  # what belongs to a backup: names, sizes, SHA-256, and of when it is
_MAX_LIST_BYTES = 64 * 1024
_CHUNK = 1024 * 1024


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
        help="put a backup into a new data folder",
        description="Puts a backup into a data folder that does not exist yet, or is empty. Robots send again what "
        "they still hold; what is lost for good stays shown as a gap. What was erased after the backup was made is "
        "back: erase it again.",
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
        data.known_robots, data.notify_key,
    ]  # fmt: skip


def run_backup(args: argparse.Namespace) -> int:
    """Make a backup. Raises MisuseError: nothing is left of it then."""
    from wachhund.fleet.data_folder import DataFolder, default_data_folder, make_private_folder
    from wachhund.fleet.host_keys import HostKeys

    data = DataFolder(args.data or default_data_folder())
    if not data.has_ledger():
        raise MisuseError(f"backup: {data.path} holds no ledger: give the host's --data folder")
    with _in_words(args.folder):
        if args.folder.exists():
            raise MisuseError(f"backup: {args.folder}: is there already and is not overwritten: give another name")
        unfinished = _beside(args.folder)
        with _clear(unfinished):
            make_private_folder(unfinished)
            made_t = time.time()
            if data.ledger_address.exists():
                _copy_from_server(data.ledger, unfinished / data.ledger.name)
            else:
                _copy_ledger(data.ledger, unfinished / data.ledger.name)
            for path in _kept(data):
                if path.exists():
                    _copy(path, unfinished / path.name)
            if data.host_key.exists():
                HostKeys.load_or_create(DataFolder(unfinished))  # its key was not being changed meanwhile
            _write_list(unfinished, made_t)
            _sync(unfinished)
            unfinished.rename(args.folder)
            _sync(args.folder.absolute().parent)
    print(f"backup of {data.path} in {args.folder}, as of {shown(made_t)}")
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Put a backup in place. Raises MisuseError: the data folder is then as it was."""
    from wachhund.audit.verifying import verify_ledger
    from wachhund.fleet.data_folder import DataFolder, default_data_folder, make_private_folder
    from wachhund.ledger import Ledger, LedgerError
    from wachhund.ledger.engine import reading_only

    data = DataFolder(args.data or default_data_folder())
    with _in_words(data.path):
        there = next(data.path.iterdir(), None) if data.path.exists() else None
        if there is not None:
            raise MisuseError(f"restore: {there}: is there already and is not overwritten: give an empty --data folder")
        unfinished = _beside(data.path)
        with _clear(unfinished):
            make_private_folder(unfinished)
            made_t = _copy_listed(args.folder, unfinished)
            staged = DataFolder(unfinished)
            try:
                Ledger.open(staged.ledger).close()  # a backup of an older Wachhund is brought up to date
                with reading_only(staged.ledger) as connection:
                    robots = verify_ledger(connection, {})
            except LedgerError as error:
                raise MisuseError(f"restore: {error}") from None
            _sync(unfinished)
            unfinished.rename(data.path)  # over an empty folder too, and over no other
            _sync(data.path.absolute().parent)
    proven = sum(one.is_proven for one in robots)
    print(f"restored {args.folder} into {data.path}: {len(robots)} robots, the evidence of {proven} proven")
    print(f"it is as of {shown(made_t)}: what was erased after that is back: erase it again")
    return 0


def _beside(folder: Path) -> Path:
    """Where something is put together: on the same file system, so that it can be moved in one step."""
    whole = folder.absolute()
    return whole.with_name(whole.name + ".unfinished")


def _copy_ledger(source: Path, target: Path) -> None:
    """One moment of it, whole, also while somebody writes; without empty pages, and remains of what was erased in them.

    Not SQLite's page by page backup: it begins again with each write of another process, and never ends beside a host.
    """
    with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading:
        reading.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)
    with contextlib.closing(sqlite3.connect(target)) as written:
        if written.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise MisuseError(f"backup: {source}: the ledger is damaged: look at it with `wachhund verify`")
    _sync(target)


def _copy_from_server(source: Path, target: Path) -> None:
    """One moment of a ledger on a server, as a file; of a cluster's, as one machine's."""
    from wachhund.ledger import LedgerError, lanes_folded, moving
    from wachhund.ledger.bell import Bell
    from wachhund.ledger.engine import DatabaseFile
    from wachhund.ledger.keeping import Keeping
    from wachhund.ledger.opening import reading_only

    try:
        with contextlib.closing(DatabaseFile(target)) as made:
            with reading_only(source) as reading, made.writing() as writing:
                instead = lanes_folded.folded(reading)
                moving.copy(reading, writing, instead)
            if instead:
                # A judge that reads all again would know what somebody is just having erased, and tell it again.
                keeping = Keeping(made, Bell())
                for erasure in keeping.unfinished():
                    while keeping.erase_requested(erasure, time.time()):
                        pass
            made.clear_wal()
    except LedgerError as error:
        raise MisuseError(f"backup: {error}") from None
    _sync(target)


def _write_list(folder: Path, made_t: float) -> None:
    parts = {path.name: _listed(path) for path in sorted(folder.iterdir())}
    text = json.dumps({"made_t": made_t, "parts": parts}, indent=1).encode("ascii")
    handle = os.open(folder / _LIST, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _copy_listed(source: Path, target: Path) -> float:
    """Copy what a backup's list names, each as it was then; when it was made. Raises MisuseError."""
    try:
        with (source / _LIST).open("rb") as stream:
            listed = json.loads(stream.read(_MAX_LIST_BYTES))
        made_t, parts = float(listed["made_t"]), dict(listed["parts"])
    except FileNotFoundError:
        raise MisuseError(f"restore: {source}: holds no {_LIST}: give a whole folder of `wachhund backup`") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MisuseError(f"restore: {source / _LIST}: is damaged: take another backup") from None
    from wachhund.fleet.data_folder import DataFolder

    known = {path.name for path in (*_kept(DataFolder(source)), DataFolder(source).ledger)}
    if not {"ledger.sqlite", "host.key"} <= set(parts) <= known:
        raise MisuseError(f"restore: {source}: its list names other parts than a backup has: take another backup")
    for name in parts:
        _copy(source / name, target / name)
        if _listed(target / name) != parts[name]:
            raise MisuseError(f"restore: {source / name}: is not as it was backed up: take another backup")
    return made_t


def _listed(path: Path) -> list[Any]:
    """[size, SHA-256 in hexadecimal] of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
            size += len(piece)
    return [size, digest.hexdigest()]


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
        place = getattr(error, "filename", None) or where
        todo = "make room, give this user the right, or choose another place"
        raise MisuseError(f"{place}: {what}: nothing was kept; {todo}") from None
