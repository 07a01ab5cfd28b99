"""People, what they may do, and their logins. Each change is one transaction with its line in the log of acts.

Roles are words here; what they mean is `wachhund.people.roles`. One rule is kept here, where it can't be raced: there
is always somebody who may change people (`admin` of `all`, not disabled).
"""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from wachhund.ledger import acts
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.people_records import Person, WebLogin
from wachhund.ledger.people_schema import acts as log
from wachhund.ledger.people_schema import grants, person_links, robot_groups
from wachhund.ledger.schema import operators, web_sessions
from wachhund_evidence import MisuseError

ADMIN, ALL = "admin", "all"
LOG_IN = "log in"


class People:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def person(self, name: str) -> Person | None:
        """The person of that name."""
        with self._database.reading() as connection:
            return find(connection, name)

    def all(self) -> list[Person]:
        """Everybody, by name."""
        with self._database.reading() as connection:
            names = connection.execute(select(operators.c.name).order_by(operators.c.name)).scalars()
            return [person for name in names.all() if (person := find(connection, name)) is not None]

    def make(
        self, name: str, password_hash: str, given: Mapping[str, str], *, by: str, why: str, t: float
    ) -> Person:  # fmt: skip
        """Add a person. `given`: group of robots -> role. Raises MisuseError when there is one of that name."""
        with self._database.writing() as connection:
            made = add(connection, name, password_hash, given, by=by, why=why, t=t)
        self._changes.ring()
        return made

    def change_roles(self, name: str, given: Mapping[str, str], *, by: str, why: str, t: float) -> Person:
        """Give a person these roles instead of the present ones. Raises MisuseError: nobody could change people."""
        with self._database.writing() as connection:
            changed = regrant(connection, require(connection, name), given, by=by, why=why, t=t)
        self._changes.ring()
        return changed

    def set_password(self, name: str, password_hash: str, *, by: str, why: str, t: float, keep: str = "") -> None:
        """A new password; all other logins of that person end but the one whose token's hash is `keep`."""
        with self._database.writing() as connection:
            require(connection, name)
            connection.execute(update(operators).where(operators.c.name == name).values(password_hash=password_hash))
            others = (web_sessions.c.operator == name) & (web_sessions.c.token_hash != keep)
            connection.execute(delete(web_sessions).where(others))
            connection.execute(delete(person_links).where(person_links.c.person == name))
            acts.record(connection, t=t, who=by, act="person password", subject=name, why=why)
        self._changes.ring()

    def choose_words(self, name: str, language: str, zone: str, *, by: str, t: float) -> None:
        """In which language and zone pages are told to them; empty: as their browser says."""
        with self._database.writing() as connection:
            require(connection, name)
            connection.execute(update(operators).where(operators.c.name == name).values(language=language, zone=zone))
            detail = {"language": language, "zone": zone}
            acts.record(connection, t=t, who=by, act="person words", subject=name, detail=detail)
        self._changes.ring()

    def disable(self, name: str, *, by: str, why: str, t: float) -> None:
        """Let a person in no more, and end their logins. Raises MisuseError: nobody could change people."""
        with self._database.writing() as connection:
            if require(connection, name).disabled_t is not None:
                raise MisuseError(f"person {name!r}: is disabled already")
            connection.execute(update(operators).where(operators.c.name == name).values(disabled_t=t))
            _require_an_admin(connection, name)
            connection.execute(delete(web_sessions).where(web_sessions.c.operator == name))
            connection.execute(delete(person_links).where(person_links.c.person == name))
            acts.record(connection, t=t, who=by, act="person disable", subject=name, why=why)
        self._changes.ring()

    def enable(self, name: str, *, by: str, why: str, t: float) -> None:
        """Let a person in again, with the roles that they had."""
        with self._database.writing() as connection:
            if require(connection, name).disabled_t is None:
                raise MisuseError(f"person {name!r}: is not disabled")
            connection.execute(update(operators).where(operators.c.name == name).values(disabled_t=None))
            acts.record(connection, t=t, who=by, act="person enable", subject=name, why=why)
        self._changes.ring()

    # Groups of robots

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Each group's names and patterns of names; `all` is none of them, and always there."""
        with self._database.reading() as connection:
            rows = connection.execute(select(robot_groups).order_by(robot_groups.c.name))
            return {row.name: tuple(json.loads(row.patterns)) for row in rows}

    def save_group(self, name: str, patterns: Sequence[str], *, by: str, why: str, t: float) -> None:
        """Make a group, or change which robots it has."""
        if name == ALL:
            raise MisuseError("group 'all': has every robot, and can't be changed: give another name")
        with self._database.writing() as connection:
            old = connection.execute(select(robot_groups.c.patterns).where(robot_groups.c.name == name)).scalar()
            connection.execute(delete(robot_groups).where(robot_groups.c.name == name))
            connection.execute(insert(robot_groups).values(name=name, patterns=json.dumps(list(patterns))))
            detail = {"before": None if old is None else json.loads(old), "after": list(patterns)}
            acts.record(connection, t=t, who=by, act="group save", subject=name, why=why, detail=detail)
        self._changes.ring()

    def remove_group(self, name: str, *, by: str, why: str, t: float) -> None:
        """Remove a group that no person has a role for. Raises MisuseError."""
        with self._database.writing() as connection:
            users = connection.execute(select(grants.c.person).where(grants.c.team == name)).scalars().all()
            if users:
                raise MisuseError(f"group {name!r}: {', '.join(users)} has a role for it: change that first")
            if connection.execute(delete(robot_groups).where(robot_groups.c.name == name)).rowcount != 1:
                raise MisuseError(f"group {name!r}: there is none of that name")
            acts.record(connection, t=t, who=by, act="group remove", subject=name, why=why)
        self._changes.ring()

    # Logins

    def save_login(self, login: WebLogin) -> None:
        """Keep a login, log it, and forget those that have ended. Raises MisuseError for a disabled person."""
        with self._database.writing() as connection:
            person = require(connection, login.person)
            if person.disabled_t is not None:
                raise MisuseError(f"person {login.person!r}: is disabled")
            connection.execute(delete(web_sessions).where(web_sessions.c.expires_t < login.made_t))
            row = {name: value for name, value in vars(login).items() if name != "person"}
            connection.execute(insert(web_sessions).values(**row, operator=login.person))
            detail = {"address": login.address, "way": login.way}
            acts.record(connection, t=login.made_t, who=login.person, act=LOG_IN, subject=login.id, detail=detail)

    def login(self, token_hash: str) -> tuple[WebLogin, Person] | None:
        """The login whose token has that hash, and whose it is."""
        with self._database.reading() as connection:
            row = connection.execute(select(web_sessions).where(web_sessions.c.token_hash == token_hash)).one_or_none()
            person = None if row is None else find(connection, row.operator)
            return None if row is None or person is None else (_login(row._mapping), person)

    def logins(self, name: str, now: float) -> list[WebLogin]:
        """The logins of a person that hold, the newest first."""
        mine = (web_sessions.c.operator == name) & (web_sessions.c.expires_t > now)
        with self._database.reading() as connection:
            rows = connection.execute(select(web_sessions).where(mine).order_by(web_sessions.c.made_t.desc()))
            return [_login(row._mapping) for row in rows]

    def known_addresses(self, since_t: float) -> frozenset[str]:
        """From where people logged in after that time."""
        query = select(log.c.detail).where((log.c.t > since_t) & (log.c.act == LOG_IN))
        with self._database.reading() as connection:
            return frozenset(str(json.loads(detail).get("address")) for detail in connection.execute(query).scalars())

    def end_login(self, name: str, login_id: str, *, by: str, t: float, why: str = "") -> bool:
        """End a login of a person. False when there is none of that id."""
        mine = (web_sessions.c.operator == name) & (func.substr(web_sessions.c.token_hash, 1, 16) == login_id)
        with self._database.writing() as connection:
            ended = connection.execute(delete(web_sessions).where(mine)).rowcount > 0
            if ended:
                acts.record(connection, t=t, who=by, act="log out", subject=f"{name} {login_id}", why=why)
        return ended


def add(
    connection: Connection, name: str, password_hash: str, given: Mapping[str, str], *, by: str, why: str, t: float
) -> Person:
    """Add a person, in the caller's transaction. Raises MisuseError when there is one of that name."""
    if find(connection, name) is not None:
        raise MisuseError(f"person {name!r}: there is one of that name: give another name")
    connection.execute(insert(operators).values(name=name, password_hash=password_hash, created_t=t))
    _give(connection, name, given)
    acts.record(connection, t=t, who=by, act="person add", subject=name, why=why, detail={"roles": dict(given)})
    return require(connection, name)


def regrant(
    connection: Connection, person: Person, given: Mapping[str, str], *, by: str, why: str, t: float
) -> Person:  # fmt: skip
    """Give a person these roles, in the caller's transaction. Raises MisuseError: nobody could change people."""
    _give(connection, person.name, given)
    _require_an_admin(connection, person.name)
    detail = {"before": dict(person.grants), "after": dict(given)}
    acts.record(connection, t=t, who=by, act="person role", subject=person.name, why=why, detail=detail)
    return require(connection, person.name)


def find(connection: Connection, name: str) -> Person | None:
    """The person of that name, at one moment of the ledger."""
    row = connection.execute(select(operators).where(operators.c.name == name)).mappings().one_or_none()
    if row is None:
        return None
    given = connection.execute(select(grants.c.team, grants.c.role).where(grants.c.person == name)).all()
    return Person(**row, grants={one.team: one.role for one in given})


def require(connection: Connection, name: str) -> Person:
    """The person of that name. Raises MisuseError when there is none."""
    person = find(connection, name)
    if person is None:
        raise MisuseError(f"person {name!r}: there is none: see `wachhund people list`")
    return person


def _give(connection: Connection, name: str, given: Mapping[str, str]) -> None:
    known = {ALL, *connection.execute(select(robot_groups.c.name)).scalars()}
    for group in given:
        if group not in known:
            raise MisuseError(f"group {group!r}: there is none of that name: make it first")
    connection.execute(delete(grants).where(grants.c.person == name))
    for group, role in given.items():
        connection.execute(insert(grants).values(person=name, team=group, role=role))


def _require_an_admin(connection: Connection, changed: str) -> None:
    """Raises MisuseError, which undoes the whole act, when nobody is left who may change people."""
    enabled = operators.c.disabled_t.is_(None) & (grants.c.role == ADMIN) & (grants.c.team == ALL)
    query = select(func.count()).select_from(operators).join(grants, grants.c.person == operators.c.name).where(enabled)
    if connection.execute(query).scalar_one() == 0:
        raise MisuseError(f"person {changed!r}: is the last admin: make another one first")


def _login(row: RowMapping) -> WebLogin:
    return WebLogin(**{"person" if name == "operator" else name: value for name, value in row.items()})
