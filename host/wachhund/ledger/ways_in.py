"""Ways in besides a password: one-time links, a second factor, tokens for programs. Secrets are kept as hashes.

But for the secret of a second factor, which must be known to check a code: whoever reads the ledger has that one, and
still no password. Each change is one transaction with its line in the log of acts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from wachhund.ledger import acts, passkeys, people
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.people_records import Person, PersonLink
from wachhund.ledger.people_schema import person_links
from wachhund.ledger.schema import operators, web_sessions
from wachhund.ledger.ways_in_schema import api_tokens, recovery_codes, second_factors
from wachhund_evidence import MisuseError

INVITE, RESET = "invite", "reset"
MAX_TOKENS = 50  # of one person that have not ended
_USE_NOTED_S = 60.0  # a token's last use is written at most so often: a program may ask ten times a second


@dataclass(frozen=True)
class SecondFactor:
    """`secret`: base32, as authenticator programs take it. `last_step`: of the last code that was taken."""

    secret: str
    since_t: float
    last_step: int


@dataclass(frozen=True)
class ApiToken:
    """A token of a person. `roles`: group of robots -> role. Times: host time; `ended_t`: when somebody ended it."""

    id: int
    person: str
    name: str
    roles: Mapping[str, str]
    made_t: float
    expires_t: float
    used_t: float | None
    ended_t: float | None

    def holds(self, t: float) -> bool:
        """Whether a program may still come in with it."""
        return self.ended_t is None and t < self.expires_t


class WaysIn:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    # One-time links

    def invite(
        self, name: str, given: Mapping[str, str], link_hash: str, expires_t: float, *, by: str, why: str, t: float
    ) -> None:
        """Add a person without a password, who sets one by the link. Raises MisuseError."""
        with self._database.writing() as connection:
            people.add(connection, name, "", given, by=by, why=why, t=t)
            _put_link(connection, PersonLink(link_hash, name, INVITE, by, expires_t), t, why)
        self._changes.ring()

    def reset(self, name: str, link_hash: str, expires_t: float, *, by: str, why: str, t: float) -> None:
        """A link to set a new password, for somebody who forgot it or lost the second factor. The link before is void.

        Until it is used the person comes in as before; then password, second factor, passkeys and logins are gone.
        Raises MisuseError.
        """
        with self._database.writing() as connection:
            if people.require(connection, name).disabled_t is not None:
                raise MisuseError(f"person {name!r}: is disabled: enable them first")
            _put_link(connection, PersonLink(link_hash, name, RESET, by, expires_t), t, why)
        self._changes.ring()

    def link(self, link_hash: str, now: float) -> PersonLink | None:
        """The link of that hash, while it holds."""
        with self._database.reading() as connection:
            return _link(connection, link_hash, now)

    def use_link(self, link_hash: str, password_hash: str, now: float) -> str | None:
        """Set a password by a link, which is used up. Returns whose, or None when it is wrong, old or used."""
        with self._database.writing() as connection:
            link = _link(connection, link_hash, now)
            if link is None:
                return None
            mine = operators.c.name == link.person
            connection.execute(update(operators).where(mine).values(password_hash=password_hash))
            connection.execute(delete(person_links).where(person_links.c.person == link.person))
            connection.execute(delete(web_sessions).where(web_sessions.c.operator == link.person))
            _drop_factor(connection, link.person)
            detail = {"passkeys removed": passkeys.drop(connection, link.person)}
            act = f"person {link.purpose} used"
            acts.record(connection, t=now, who=link.person, act=act, subject=link.person, detail=detail)
        self._changes.ring()
        return link.person

    def open_links(self, now: float) -> dict[str, PersonLink]:
        """Who has a link that holds."""
        with self._database.reading() as connection:
            rows = connection.execute(select(person_links).where(person_links.c.expires_t > now)).mappings()
            return {row["person"]: PersonLink(**row) for row in rows}

    # The second factor

    def factor(self, name: str) -> SecondFactor | None:
        """The second factor of a person; None: the password is enough."""
        with self._database.reading() as connection:
            row = connection.execute(select(second_factors).where(second_factors.c.person == name)).one_or_none()
            return None if row is None else SecondFactor(row.secret, row.since_t, row.last_step)

    def save_factor(self, name: str, factor: SecondFactor, codes: Sequence[str], *, by: str, t: float) -> None:
        """Ask for it from now on. `codes`: hashes of recovery codes. Those of before are void."""
        with self._database.writing() as connection:
            people.require(connection, name)
            _drop_factor(connection, name)
            connection.execute(insert(second_factors).values(person=name, **vars(factor)))
            connection.execute(insert(recovery_codes), [{"person": name, "code_hash": code} for code in codes])
            acts.record(connection, t=t, who=by, act="second factor on", subject=name)

    def drop_factor(self, name: str, *, by: str, t: float) -> None:
        """Ask for the password only."""
        with self._database.writing() as connection:
            _drop_factor(connection, name)
            acts.record(connection, t=t, who=by, act="second factor off", subject=name)

    def take_step(self, name: str, step: int) -> bool:
        """Note that a code of that step of the clock was used. False when it, or a later one, was used before."""
        newer = (second_factors.c.person == name) & (second_factors.c.last_step < step)
        with self._database.writing() as connection:
            return connection.execute(update(second_factors).where(newer).values(last_step=step)).rowcount == 1

    def take_recovery_code(self, name: str, code_hash: str, t: float) -> bool:
        """Use a recovery code up. False when there is none like it."""
        mine = (recovery_codes.c.person == name) & (recovery_codes.c.code_hash == code_hash)
        with self._database.writing() as connection:
            taken = connection.execute(delete(recovery_codes).where(mine)).rowcount == 1
            if taken:
                acts.record(connection, t=t, who=name, act="recovery code used", subject=name)
            return taken

    def recovery_codes_left(self, name: str) -> int:
        """How many recovery codes a person still has."""
        with self._database.reading() as connection:
            codes = connection.execute(select(recovery_codes.c.code_hash).where(recovery_codes.c.person == name))
            return len(codes.all())

    # Tokens for programs

    def make_token(
        self, name: str, title: str, roles: Mapping[str, str], token_hash: str, expires_t: float, *, by: str, t: float
    ) -> int:
        """Keep a token of a person. Returns its id. Raises MisuseError."""
        mine = (api_tokens.c.person == name) & api_tokens.c.ended_t.is_(None) & (api_tokens.c.expires_t > t)
        with self._database.writing() as connection:
            people.require(connection, name)
            if len(connection.execute(select(api_tokens.c.id).where(mine)).all()) >= MAX_TOKENS:
                raise MisuseError(f"token: you have {MAX_TOKENS} already: end one that is not needed")
            row = {"person": name, "name": title, "roles": json.dumps(dict(roles)), "token_hash": token_hash}
            made = insert(api_tokens).values(**row, made_t=t, expires_t=expires_t).returning(api_tokens.c.id)
            number = int(connection.execute(made).scalar_one())
            detail = {"id": number, "roles": dict(roles), "expires_t": expires_t}
            acts.record(connection, t=t, who=by, act="token make", subject=title, detail=detail)
        return number

    def tokens(self, name: str) -> list[ApiToken]:
        """The tokens of a person, the newest first."""
        query = select(api_tokens).where(api_tokens.c.person == name).order_by(api_tokens.c.id.desc())
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(query).mappings()]

    def token(self, token_hash: str, now: float) -> tuple[ApiToken, Person] | None:
        """The token of that hash while it holds, and whose it is; notes that it was used."""
        with self._database.reading() as connection:
            row = connection.execute(select(api_tokens).where(api_tokens.c.token_hash == token_hash)).mappings().first()
            found = None if row is None else _token(row)
            person = None if found is None else people.find(connection, found.person)
        if found is None or person is None or person.disabled_t is not None or not found.holds(now):
            return None
        if found.used_t is None or now - found.used_t > _USE_NOTED_S:
            with self._database.writing() as connection:
                connection.execute(update(api_tokens).where(api_tokens.c.id == found.id).values(used_t=now))
        return found, person

    def end_token(self, name: str, number: int, *, by: str, t: float) -> bool:
        """End a token of a person. False when there is none of that id that holds."""
        mine = (api_tokens.c.person == name) & (api_tokens.c.id == number) & api_tokens.c.ended_t.is_(None)
        with self._database.writing() as connection:
            ended = connection.execute(update(api_tokens).where(mine).values(ended_t=t)).rowcount == 1
            if ended:
                acts.record(connection, t=t, who=by, act="token end", subject=f"{name}: token {number}")
        return ended


def _put_link(connection: Connection, link: PersonLink, t: float, why: str) -> None:
    connection.execute(delete(person_links).where(person_links.c.person == link.person))
    connection.execute(insert(person_links).values(**vars(link)))
    detail = {"expires_t": link.expires_t}
    acts.record(
        connection, t=t, who=link.made_by, act=f"person {link.purpose}", subject=link.person, why=why, detail=detail
    )


def _link(connection: Connection, link_hash: str, now: float) -> PersonLink | None:
    row = connection.execute(select(person_links).where(person_links.c.token_hash == link_hash)).mappings().first()
    if row is None or row["expires_t"] <= now:
        return None
    person = people.find(connection, row["person"])
    return None if person is None or person.disabled_t is not None else PersonLink(**row)


def _drop_factor(connection: Connection, name: str) -> None:
    connection.execute(delete(second_factors).where(second_factors.c.person == name))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.person == name))


def _token(row: RowMapping) -> ApiToken:
    fields = {name: value for name, value in row.items() if name != "token_hash"}
    return ApiToken(**{**fields, "roles": json.loads(row["roles"])})
