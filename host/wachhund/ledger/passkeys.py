"""Passkeys of people. Each change is one transaction with its line in the log of acts."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from wachhund.ledger import acts, people
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.passkeys_schema import passkey_rows
from wachhund_evidence import MisuseError

MAX_PASSKEYS = 20  # of one person


@dataclass(frozen=True)
class Passkey:
    """One passkey. `key_id`, `handle`: base64url. `site`: the host name that it is for. `public_key`: COSE.

    Times: host time. `count`: of its signatures, as it told last; `refused_t`: when that count last went back.
    """

    person: str
    name: str
    key_id: str
    handle: str
    site: str
    public_key: bytes
    count: int
    is_synced: bool
    made_t: float
    used_t: float | None = None
    refused_t: float | None = None
    id: int = 0


class Passkeys:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def of(self, person: str) -> list[Passkey]:
        """Those of a person, the oldest first."""
        query = select(passkey_rows).where(passkey_rows.c.person == person).order_by(passkey_rows.c.id)
        with self._database.reading() as connection:
            return [_passkey(row) for row in connection.execute(query).mappings()]

    def find(self, key_id: str) -> Passkey | None:
        """The one that its device names so."""
        query = select(passkey_rows).where(passkey_rows.c.key_id == key_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else _passkey(row)

    def add(self, passkey: Passkey, *, by: str, t: float) -> None:
        """Keep a new one. Raises MisuseError."""
        row = {name: value for name, value in vars(passkey).items() if name != "id"}
        with self._database.writing() as connection:
            people.require(connection, passkey.person)
            held = connection.execute(select(passkey_rows.c.name).where(passkey_rows.c.person == passkey.person))
            names = held.scalars().all()
            if len(names) >= MAX_PASSKEYS:
                raise MisuseError(f"passkey: you have {MAX_PASSKEYS} already: remove one that is not needed")
            if passkey.name in names:
                raise MisuseError(f"passkey {passkey.name!r}: you have one of that name: give another name")
            known = select(passkey_rows.c.id).where(passkey_rows.c.key_id == passkey.key_id)
            if connection.execute(known).first() is not None:
                raise MisuseError("passkey: this one is known already")
            connection.execute(insert(passkey_rows).values(**row))
            detail = {"site": passkey.site, "synced": passkey.is_synced}
            subject = f"{passkey.person}: {passkey.name}"
            acts.record(connection, t=t, who=by, act="passkey add", subject=subject, detail=detail)
        self._changes.ring()

    def use(self, passkey: Passkey, count: int, t: float) -> bool:
        """Note that it was used, and the count that it told. False: it is gone; or the count went back, on record.

        A count that is not larger than the one before was told by a copy, or this one's device is a copy's.
        """
        mine = passkey_rows.c.key_id == passkey.key_id
        with self._database.writing() as connection:
            kept = connection.execute(select(passkey_rows.c.count).where(mine)).scalar_one_or_none()
            if kept is None:
                return False
            if count > kept or count == kept == 0:
                connection.execute(update(passkey_rows).where(mine).values(count=count, used_t=t))
                return True
            connection.execute(update(passkey_rows).where(mine).values(refused_t=t))
            detail = {"kept": kept, "told": count}
            subject = f"{passkey.person}: {passkey.name}"
            acts.record(connection, t=t, who=passkey.person, act="passkey refused", subject=subject,
                        why="its count of signatures went back: there may be a copy of it", detail=detail)  # fmt: skip
        self._changes.ring()
        return False

    def remove(self, person: str, number: int, *, by: str, t: float) -> bool:
        """Take one from a person. False when they have none of that number."""
        mine = (passkey_rows.c.person == person) & (passkey_rows.c.id == number)
        with self._database.writing() as connection:
            name = connection.execute(select(passkey_rows.c.name).where(mine)).scalar_one_or_none()
            if name is None:
                return False
            connection.execute(delete(passkey_rows).where(mine))
            acts.record(connection, t=t, who=by, act="passkey remove", subject=f"{person}: {name}")
        self._changes.ring()
        return True


def drop(connection: Connection, person: str) -> int:
    """Take all from a person, in the caller's transaction. Returns how many there were."""
    return connection.execute(delete(passkey_rows).where(passkey_rows.c.person == person)).rowcount


def _passkey(row: RowMapping) -> Passkey:
    return Passkey(**row)
