"""Reading invitations back: what became of the way in that was offered to a robot."""

from sqlalchemy import Connection, select

from wachhund.ledger.records import Invited
from wachhund.ledger.schema import invitations


def newest_of(connection: Connection, name: str) -> Invited | None:
    """The newest invitation under that name; None when there was none."""
    query = select(invitations).where(invitations.c.name == name).order_by(invitations.c.made_t.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Invited(**row)


def since(connection: Connection, made_t: float, limit: int) -> list[Invited]:
    """The newest invitation under each name, of those made at `made_t` or later (host time), in the order of making."""
    query = select(invitations).where(invitations.c.made_t >= made_t).order_by(invitations.c.made_t, invitations.c.name)
    rows = [Invited(**row) for row in connection.execute(query.limit(limit)).mappings()]
    newest = {row.name: row for row in rows}
    return [row for row in rows if newest[row.name] is row]
