"""A robot whose connection ended although its agent had not said that it stops: told long before it is late.

That the connection ended is the broker's word, not the robot's: so this is never a fault that makes evidence `broken`.
"""

from sqlalchemy import Connection, func, select

from wachhund.ledger.fault_kinds import SILENCED
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.roll import ACTIVE, NEW
from wachhund.ledger.schema import newest, observations, robot_keys, robots, tokens
from wachhund.ledger.sightings import sighting, token_upto

# The broker takes a connection for dead after one and a half times the agent's keep-alive (30 s; MQTT 3.1.1, 3.1.2.10).
# What ended sooner after its last evidence was closed by the robot's own kernel, because the process was gone; later it
# may as well be a robot without power or out of reach, which is everyday life: its presence says so.
CLOSED_WITHIN_S = 40.0
_CUT_OFF_S = 60.0  # so near to the end of a key of it, this host cut off what still came with that key


def silenced(connection: Connection, robot: str, gone_t: float) -> Noticed | None:
    """What is to be noticed of a robot that is gone since `gone_t`; None when there is an everyday reason for it."""
    row = connection.execute(
        select(newest, robots.c.state).join(robots, robots.c.id == newest.c.robot).where(newest.c.robot == robot)
    ).one_or_none()
    if row is None or row.state not in (NEW, ACTIVE):
        return None
    quiet_s = gone_t - (row.received_t if row.last_t is None else row.last_t)
    if not 0.0 <= quiet_s <= CLOSED_WITHIN_S:
        return None
    said_stop = (
        select(observations.c.id)
        .join(tokens, tokens.c.id == observations.c.token)
        .where(tokens.c.robot == robot, tokens.c.chain == row.chain, tokens.c.seq == row.seq)
        .where(observations.c.kind == "agent.stop")
    )
    if connection.execute(said_stop).first() is not None:
        return None
    ended_t = connection.execute(select(func.max(robot_keys.c.until_t)).where(robot_keys.c.robot == robot)).scalar()
    if ended_t is not None and abs(gone_t - ended_t) < _CUT_OFF_S:
        return None
    shown = sighting("the last that it said", token_upto(connection, robot, row.chain, row.seq))
    fields = {"quiet_s": round(quiet_s, 1)}
    return Noticed(robot, SILENCED, row.chain, gone_t, str(row.seq), row.seq, row.seq, shown, fields)
