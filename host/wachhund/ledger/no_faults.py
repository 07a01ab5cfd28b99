"""What looks odd in a robot's evidence and is no fault: it is shown, and nobody has to answer it."""

from sqlalchemy import Connection, func, select

from wachhund.ledger import reading
from wachhund.ledger.fault_records import Remark
from wachhund.ledger.fault_words import numbers, short
from wachhund.ledger.schema import boots, stated_gaps, tokens

MAX_SHOWN = 10  # of each kind, the newest
MAX_STEP_S = 1e12  # a robot may say what it likes; more than 30,000 years are not told as a number


def remarks(connection: Connection, robot: str) -> list[Remark]:
    """Boots, steps of the robot's clock, and numbers skipped after an unclean stop, the newest first."""
    found = [*_boots(connection, robot), *_clock_steps(connection, robot), *_skips(connection, robot)]
    return sorted(found, key=lambda remark: remark.t, reverse=True)


def _boots(connection: Connection, robot: str) -> list[Remark]:
    query = select(boots.c.booted_t).where(boots.c.robot == robot).order_by(boots.c.booted_t.desc()).limit(MAX_SHOWN)
    return [Remark(max(0.0, t), "The robot was switched on.") for t in connection.execute(query).scalars()]


def _clock_steps(connection: Connection, robot: str) -> list[Remark]:
    found = []
    for told in reading.newest_observations(connection, robot, MAX_SHOWN, ["clock.step"]):
        by = told.observation.fields.get("by_s")
        far = (
            f" by {by:+,.0f} s" if isinstance(by, (int, float)) and not isinstance(by, bool) and abs(by) < 1e12 else ""
        )
        found.append(Remark(told.host_t, f"The robot's own clock was moved{far}: this board has none that runs on."))
    return found


def _skips(connection: Connection, robot: str) -> list[Remark]:
    query = (
        select(stated_gaps)
        .where(stated_gaps.c.robot == robot, func.coalesce(stated_gaps.c.lost, 0) <= 0)
        .order_by(stated_gaps.c.received_t.desc())
        .limit(MAX_SHOWN)
    )
    found = []
    for row in connection.execute(query).all():
        mine = (tokens.c.robot == robot) & (tokens.c.chain == row.chain)
        here = select(func.count()).select_from(tokens).where(mine, tokens.c.seq.between(row.from_seq, row.to_seq))
        held = connection.execute(here).scalar() or 0
        text = f"The robot says that it left out {numbers(row.from_seq, row.to_seq)} of chain {short(row.chain)}"
        if held:
            text += f"; {held} of them are here: its memory had lost them, as when the power is cut"
        found.append(Remark(row.received_t, text + "."))
    return found
