"""Putting a fleet on a host's roll: keys from a seed, and thousands of robots in one transaction."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from tests.fleet.plan import Robot
from wachhund.fleet.authority import Authority
from wachhund.fleet.credentials import account_of, robot_identity
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import new_robot
from wachhund.ledger import roll
from wachhund.ledger.opening import database_of, reading_only
from wachhund.ledger.schema import robots as table
from wachhund_evidence import MisuseError, make_nonce, private_key_pem, public_key_pem, thumbprint

_AT_ONCE = 2_000  # in one transaction
_MAKERS = 2  # threads: bcrypt and Ed25519 leave the interpreter's lock


def key_of(seed: str, number: int) -> Ed25519PrivateKey:
    """The key of a robot of the fleet: no secret, whoever knows the seed has it."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"wachhund-fleet {seed} {number}".encode()).digest())


def name_of(seed: str, number: int) -> str:
    """What people call it."""
    return f"fleet {seed} {number:06}"


def register(data: Path, seed: str, count: int, say: Callable[[str], None] = lambda line: None) -> int:
    """Put robots 0 to `count` - 1 on the roll, those that are not there yet. Returns how many were new.

    Beside a host that serves, or without one. Raises MisuseError, LedgerError.
    """
    folder = DataFolder(data).make()
    keys = HostKeys.load_or_create(folder)
    with closing(database_of(folder.ledger)) as database:
        with database.reading() as connection:
            there = set(connection.execute(select(table.c.name)).scalars())
        missing = [number for number in range(count) if name_of(seed, number) not in there]
        now = time.time()
        with ThreadPoolExecutor(_MAKERS) as pool:
            for at in range(0, len(missing), _AT_ONCE):
                part = missing[at : at + _AT_ONCE]
                pems = [(name_of(seed, number), public_key_pem(key_of(seed, number).public_key())) for number in part]
                rows = list(pool.map(lambda one: new_robot(one[0], one[1], keys, now)[0], pems))
                with database.writing() as connection:
                    for row in rows:
                        roll.add(connection, row, roll.THE_HOST, "add", f"key {row.kid}")
                say(f"registered {at + len(part)} of {len(missing)}")
    return len(missing)


def enlisted(data: Path, seed: str, count: int) -> list[Robot]:
    """The fleet as it stands on the roll. Raises MisuseError when a robot is missing."""
    folder = DataFolder(data)
    keys = HostKeys.load_or_create(folder)
    with reading_only(folder.ledger) as connection:
        rows = connection.execute(select(table.c.name, table.c.id, table.c.kid, table.c.ueid)).all()
    known = {row.name: row for row in rows}
    return list(_enlisted(known, keys, seed, count))


def _enlisted(known: dict[str, Any], keys: HostKeys, seed: str, count: int) -> Iterator[Robot]:
    now_us = int(time.time() * 1_000_000)
    for number in range(count):
        row = known.get(name_of(seed, number))
        if row is None:
            raise MisuseError(f"fleet: {name_of(seed, number)!r} is not on the roll: register {count} robots first")
        account = account_of(keys, row.kid)
        nonce = make_nonce(keys.nonce_secret, row.ueid, now_us)
        yield Robot(number, row.id, account.client_id, account.password, nonce)


def write_certificates(folder: Path, authority: Authority, seed: str, robots: Sequence[Robot]) -> None:
    """What each shows the broker by TLS, and what it checks the broker's with (see Plan.tls)."""
    folder.mkdir(exist_ok=True)
    (folder / "authority.pem").write_text(authority.certificate)
    for robot in robots:
        key = key_of(seed, robot.number)
        public = key.public_key()
        shown = authority.issue(robot_identity(robot.id, thumbprint(public)), public)
        path = folder / f"{robot.number}.pem"
        path.touch(mode=0o600)
        path.write_bytes(private_key_pem(key) + shown.encode("ascii"))
