"""What robots last said of their connection to the broker: told at once, believed by nobody."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from wachhund.ledger.dialects import upsert
from wachhund.ledger.records import Link
from wachhund.ledger.schema import links


def note(connection: Connection, told: Sequence[Link]) -> None:
    """Keep the newest word of each robot."""
    made = upsert(links)
    changed = {name: made.excluded[name] for name in ("online", "t")}
    connection.execute(
        made.on_conflict_do_update(index_elements=["robot"], set_=changed), [dict(vars(one)) for one in told]
    )


def of_robot(connection: Connection, robot: str) -> Link | None:
    """The newest word of a robot (its id); None when it never said any."""
    row = connection.execute(select(links).where(links.c.robot == robot)).mappings().one_or_none()
    return None if row is None else Link(row["robot"], bool(row["online"]), row["t"])
