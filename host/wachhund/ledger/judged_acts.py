"""What people say that changes how facts are judged: authorisations and baselines, in one row of numbers.

One row, so that the judge takes both in the order in which they were said, also when it judges everything again.
"""

from sqlalchemy import Connection, func, select

from wachhund.ledger.authorisation_schema import authorisation_acts
from wachhund.ledger.baseline_schema import baseline_acts
from wachhund.ledger.keeping_schema import used_ids
from wachhund.ledger.schema import faults, observations


def next_number(connection: Connection) -> int:
    """The number of the next act, whatever it is."""
    held = (authorisation_acts.c.number, baseline_acts.c.number)
    return max(connection.execute(select(func.max(number))).scalar() or 0 for number in held) + 1


def place_now(connection: Connection) -> dict[str, int]:
    """The last observation, also one that was erased since, and the last fault: an act's place among them."""
    last = connection.execute(select(func.max(observations.c.id))).scalar() or 0
    return {
        "after": max(last, connection.execute(select(used_ids.c.observation)).scalar() or 0),
        "after_fault": connection.execute(select(func.max(faults.c.id))).scalar() or 0,
    }
