"""Who comes in by single sign-on. A person is bound to the first subject that came under that name, and to no other."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from wachhund.ledger import acts, people
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.sign_on_schema import sign_ons
from wachhund_evidence import MisuseError

BY = "single sign-on"
_SEE = "ask an admin: Settings, People"


@dataclass(frozen=True)
class Comer:
    """Somebody whom an issuer vouches for. `role`: of all robots, by their groups there; None: by none of these."""

    issuer: str
    subject: str
    name: str
    role: str | None


class SignOns:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def person(self, comer: Comer, by_groups: bool, t: float) -> str:
        """The name of the person here; bound, added or given another role as need be, each on record. MisuseError.

        `by_groups`: people of known groups need not be there before. Roles of those who were are given here only.
        """
        mine = (sign_ons.c.issuer == comer.issuer) & (sign_ons.c.subject == comer.subject)
        with self._database.writing() as connection:
            bound = connection.execute(select(sign_ons.c.person, sign_ons.c.is_added).where(mine)).one_or_none()
            found = people.find(connection, comer.name if bound is None else bound.person)
            if bound is None:
                taken = (sign_ons.c.issuer == comer.issuer) & (sign_ons.c.person == comer.name)
                if connection.execute(select(sign_ons.c.subject).where(taken)).first() is not None:
                    raise MisuseError(f"{BY}: another account of the provider is {comer.name!r} here: {_SEE}")
                is_added = found is None
                if found is None:
                    if not by_groups or comer.role is None:
                        raise MisuseError(f"{BY}: nobody here is called {comer.name!r}: {_SEE}")
                    given, why = {people.ALL: comer.role}, "came by a group that has a role"
                    found = people.add(connection, comer.name, "", given, by=BY, why=why, t=t)
                if found.disabled_t is not None:
                    raise MisuseError(f"{BY}: you are disabled here: {_SEE}")
                row = {"issuer": comer.issuer, "subject": comer.subject, "person": found.name, "is_added": is_added}
                connection.execute(insert(sign_ons).values(**row, since_t=t))
                detail = {"issuer": comer.issuer, "subject": comer.subject}
                acts.record(connection, t=t, who=BY, act="single sign-on bind", subject=found.name, detail=detail)
            elif found is None or found.disabled_t is not None:
                raise MisuseError(f"{BY}: you are disabled here: {_SEE}")
            elif bound.is_added and by_groups:
                if comer.role is None:
                    raise MisuseError(f"{BY}: none of your groups has a role here: {_SEE}")
                if dict(found.grants) != {people.ALL: comer.role}:
                    people.regrant(connection, found, {people.ALL: comer.role}, by=BY, why="as their groups say", t=t)
        self._changes.ring()
        return found.name

    def refused(self, comer: Comer, why: str, t: float) -> None:
        """Put on record that somebody whom the issuer vouches for did not come in."""
        detail = {"issuer": comer.issuer, "subject": comer.subject}
        with self._database.writing() as connection:
            acts.record(
                connection, t=t, who=BY, act="single sign-on refused", subject=comer.name, why=why, detail=detail
            )
        self._changes.ring()

    def bound(self, person: str) -> list[str]:
        """The issuers by which a person comes in."""
        query = select(sign_ons.c.issuer).where(sign_ons.c.person == person).order_by(sign_ons.c.issuer)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def unbind(self, person: str, *, by: str, why: str, t: float) -> None:
        """Let the next account that comes under that name be this person. Raises MisuseError: none is bound."""
        with self._database.writing() as connection:
            if connection.execute(delete(sign_ons).where(sign_ons.c.person == person)).rowcount == 0:
                raise MisuseError(f"person {person!r}: is bound to no account of single sign-on")
            acts.record(connection, t=t, who=by, act="single sign-on unbind", subject=person, why=why)
        self._changes.ring()
