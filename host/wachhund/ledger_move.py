"""`wachhund ledger move`: from the data folder's file to a PostgreSQL server, proven before and after."""

import argparse
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from sqlalchemy import URL

    from wachhund.fleet.data_folder import DataFolder

_MOVED = ".moved"
_A_PROCESS_BYTES = 256 * 1024 * 1024  # of a ledger are checked in some 10 s


def add_parser(subparsers: Any) -> None:
    """Add `ledger` to the command line."""
    ledger = subparsers.add_parser("ledger", help="where the ledger is")
    acts = ledger.add_subparsers(dest="act", metavar="ACT", required=True)
    move = acts.add_parser(
        "move",
        help="from its file to a PostgreSQL server",
        description="Copies every row to an empty database, holds what is there against what was read, and lets the "
        "host find it there from then on. Stop the host first. The file stays, as ledger.sqlite.moved: delete it when "
        "the server has its first backup.",
    )
    move.add_argument(
        "address", metavar="URL",
        help="such as postgresql://wachhund@db.example.org/wachhund; no password in it: ~/.pgpass, PGPASSWORD or a "
        "service file",
    )  # fmt: skip
    move.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    move.set_defaults(run=run_move)


def run_move(args: argparse.Namespace) -> int:
    """Move it. Raises MisuseError or LedgerError: the ledger is then where it was."""
    from wachhund.audit.verifying_apart import Verifying
    from wachhund.fleet.data_folder import DataFolder, default_data_folder
    from wachhund.fleet.one_host import nobody_else
    from wachhund.ledger import Ledger, LedgerError, moving
    from wachhund.ledger.alone import alone
    from wachhund.ledger.engine import reading_only
    from wachhund.ledger.opening import database_at
    from wachhund.ledger.place import server_address, server_of, shown

    data = DataFolder(args.data or default_data_folder())
    address = server_address(args.address, "URL")
    if server_of(data.ledger) is not None:
        raise MisuseError(f"ledger move: {data.ledger_address} names a server already: the ledger is there")
    if not data.has_ledger():
        raise MisuseError(f"ledger move: {data.path} holds no ledger: give the host's --data folder")
    began = time.monotonic()

    def done(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s: {what}", flush=True)

    with contextlib.ExitStack() as stack:
        stack.enter_context(nobody_else(data))
        Ledger.open(data.ledger).close()  # brought up to date: both have the same tables then
        # Commands ask for no lock of the data folder. What one wrote after its row was read would be left behind.
        stack.enter_context(alone(data.ledger))
        target, processes = database_at(address), _processes(data.ledger)
        checking: Verifying | None = None
        try:
            with reading_only(data.ledger) as source, target.writing() as connection:
                moving.require_empty(connection, shown(address))
                checking = Verifying(data.ledger, processes)  # beside the copying, which has a processor of its own
                moved = moving.copy(source, connection)
                done("every row is on the server, and was read there again")
                before = checking.result()
                done("the file is checked")
            checking = Verifying(address.render_as_string(), processes)
            after = checking.result()
            done("the server is checked")
        finally:
            if checking is not None:
                checking.stop()
            target.close()
        if after != before:
            raise LedgerError(f"ledger: {shown(address)}: proves other than the file: make that database anew")
        _settle(data, address)
    rows, proven = sum(one.rows for one in moved), sum(one.is_proven for one in after)
    print(f"moved {rows} rows of {len(moved)} tables to {shown(address)}, each held against what was read")
    print(f"{len(after)} robots, the evidence of {proven} proven as before; the file stays: {data.ledger.name}{_MOVED}")
    return 0


def _processes(ledger: Path) -> int:
    """In how many processes it is checked."""
    return min(os.cpu_count() or 1, 1 + ledger.stat().st_size // _A_PROCESS_BYTES)


def _settle(data: "DataFolder", address: "URL") -> None:
    """Let the host find it there from now on. Raises LedgerError: it finds the file then, as before."""
    from wachhund.ledger import LedgerError
    from wachhund.ledger.place import shown, write_address

    try:
        # Between these two both are named, and nothing opens either.
        write_address(data.ledger_address, address)
        _sync(data.path)
        data.ledger.rename(data.ledger.with_name(data.ledger.name + _MOVED))
    except (LedgerError, OSError) as error:
        if data.ledger.exists():
            with contextlib.suppress(OSError):
                data.ledger_address.unlink(missing_ok=True)
        why = f"ledger: {data.ledger}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise LedgerError(f"{why}; the ledger stays its file: mend that, and make {shown(address)} anew") from None
    _sync(data.path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
