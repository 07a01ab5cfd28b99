"""Of which authorisations somebody was told that they end soon. Who tells is elsewhere: this is what he remembers."""

from collections.abc import Iterable

from sqlalchemy import select

from wachhund.ledger.authorisation_schema import authorisation_tellings
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert


class AuthorisationTellings:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def told(self) -> frozenset[str]:
        """Authorisations (ids) whose end was told."""
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(authorisation_tellings.c.authorisation)).scalars())

    def note(self, authorisations: Iterable[str], t: float) -> None:
        """They were told now (host time). The first time stays."""
        rows = [{"authorisation": name, "told_t": t} for name in authorisations]
        if not rows:
            return
        with self._database.writing() as connection:
            connection.execute(upsert(authorisation_tellings).on_conflict_do_nothing(), rows)
