"""The roll: which robots there are, with which keys, who was invited to become one, and what was done to them.

What may happen to a robot stands in one table, LIFECYCLE. Every change leaves an act, and acts are append-only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from wachhund.ledger import acts as log
from wachhund.ledger import lanes
from wachhund.ledger.database import LedgerRefused
from wachhund.ledger.dialects import breaks_unique
from wachhund.ledger.places import rows_at
from wachhund.ledger.records import Invited, Robot, RobotAct, RobotKey
from wachhund.ledger.schema import invitations, robot_acts, robot_keys, robots
from wachhund_evidence import MisuseError, WachhundError

INVITED, NEW, ACTIVE, REVOKED, RETIRED = "invited", "new", "active", "revoked", "retired"
# Who does things to robots and is nobody: what they do is no person's act.
THE_ROBOT, THE_DOOR, THE_HOST = "the robot itself", "the enrolment door", "the host"
NO_PERSON = frozenset({THE_ROBOT, THE_DOOR, THE_HOST})
LET_IN = frozenset({NEW, ACTIVE})  # at the broker; they get receipts


@dataclass(frozen=True)
class Step:
    """From which states an act is allowed, where it leads (None: nowhere else), and what it is for people."""

    before: frozenset[str]
    after: str | None
    meaning: str

    def lead(self, state: str) -> str:
        """The state after it."""
        return self.after or state


# docs/lifecycle.svg is drawn from this table. `invited`: a robot without a key, for which an invitation stands.
LIFECYCLE: Mapping[str, Step] = {
    "enrol": Step(frozenset({INVITED}), NEW, "a key came with the invitation"),
    "accept": Step(frozenset({NEW}), ACTIVE, "an operator compared the six words"),
    "rotate": Step(frozenset({NEW, ACTIVE}), None, "a new key of the same board; the old one ends with it"),
    "replace": Step(frozenset({NEW, ACTIVE, REVOKED}), NEW, "another board under the same name: new key, ueid, chain"),
    "revoke": Step(frozenset({NEW, ACTIVE}), REVOKED, "not trusted any more: no way in, no receipt"),
    "retire": Step(frozenset({NEW, ACTIVE, REVOKED}), RETIRED, "out of service; its evidence stays"),
}
FIRST, ROTATE, REPLACE = "first", "rotate", "replace"
_ACT_OF = {ROTATE: "rotate", REPLACE: "replace"}


class EnrolmentRefused(WachhundError):
    """A key may not enrol. `reason` is a stable word: unknown, expired, withdrawn, used, key or state."""

    def __init__(self, reason: str, text: str, robot: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.robot = robot


class NotLetIn(LedgerRefused):
    """Evidence of boards that are not let in. `reasons`: revoked, retired, or ueid (another board took its place), by
    robot and ueid of each."""

    def __init__(self, reasons: Mapping[tuple[str, str], str]) -> None:
        super().__init__(f"ledger: takes no evidence of {', '.join(robot for robot, _ in reasons)}: not let in")
        self.reasons = reasons


def require_let_in(connection: Connection, boards: Collection[tuple[str, str]]) -> None:
    """Raises NotLetIn when a board (robot, ueid) of these is not let in any more, as this transaction sees it."""
    query = select(robots.c.id, robots.c.ueid, robots.c.state)
    rows = connection.execute(query.where(robots.c.id.in_(sorted({robot for robot, _ in boards}))))
    present = {identity: (ueid, state) for identity, ueid, state in rows}
    reasons = {
        (robot, ueid): "ueid" if present[robot][0] != ueid else present[robot][1]
        for robot, ueid in boards
        if robot in present and (present[robot][0] != ueid or present[robot][1] not in LET_IN)
    }
    if reasons:
        raise NotLetIn(reasons)


def add(connection: Connection, robot: Robot, by: str, act: str, detail: str) -> None:
    """Put a robot on the roll. Raises MisuseError when its name or its key is there already."""
    try:
        lane = lanes.lane_of(robot.id, lanes.count(connection))
        connection.execute(insert(robots).values(**{**vars(robot), "lane": lane}))
        connection.execute(insert(robot_keys).values(**vars(_key_of(robot, robot.created_t))))
    except IntegrityError as error:
        if breaks_unique(error, "robots", "name"):
            raise MisuseError(f"robot {robot.name!r}: there is one of that name: give another name") from None
        raise MisuseError(
            f"robot {robot.name!r}: its key is registered already: a key is registered once in its life, "
            "make a new one with `wachhund-agent keygen`"
        ) from None
    note(connection, robot.id, act, by, detail, robot.created_t)


def _key_of(robot: Robot, t: float) -> RobotKey:
    return RobotKey(robot.kid, robot.id, robot.ueid, robot.public_key_pem, t, None)


def find(connection: Connection, wanted: str) -> Robot:
    """The robot of that id or name. Raises MisuseError when there is none."""
    query = select(robots).where((robots.c.id == wanted) | (robots.c.name == wanted))
    rows = connection.execute(query).mappings().all()
    # A name can look like another robot's id: the id comes first, because nobody chose it.
    chosen = sorted(rows, key=lambda row: row["id"] != wanted)
    if not chosen:
        raise MisuseError(f"robot {wanted!r}: no such robot: see `wachhund robots list`")
    return Robot(**chosen[0])


def change(connection: Connection, wanted: str, act: str, by: str, why: str, t: float) -> Robot:
    """Do an act of LIFECYCLE to the robot of that id or name. Raises MisuseError when it may not be done now."""
    robot = find(connection, wanted)
    step = LIFECYCLE[act]
    if robot.state not in step.before:
        raise MisuseError(f"robot {robot.name!r}: it is {robot.state}: {act} is for robots that are {_names(step)}")
    connection.execute(update(robots).where(robots.c.id == robot.id).values(state=step.lead(robot.state)))
    if step.after in (REVOKED, RETIRED):
        _end_keys(connection, robot.id, t)
        _withdraw(connection, robot.id, t)
    note(connection, robot.id, act, by, why, t)
    return find(connection, robot.id)


def _names(step: Step) -> str:
    return " or ".join(sorted(step.before))


def _end_keys(connection: Connection, robot: str, t: float) -> None:
    mine = (robot_keys.c.robot == robot) & robot_keys.c.until_t.is_(None)
    connection.execute(update(robot_keys).where(mine).values(until_t=t))


def _withdraw(connection: Connection, robot: str, t: float) -> None:
    mine = (invitations.c.robot == robot) & invitations.c.used_t.is_(None) & invitations.c.withdrawn_t.is_(None)
    connection.execute(update(invitations).where(mine).values(withdrawn_t=t))


def withdraw(connection: Connection, robot: str, by: str, why: str, t: float) -> None:
    """An invitation (the id that its robot would have) that nobody used counts no more."""
    _withdraw(connection, robot, t)
    note(connection, robot, "withdraw", by, why, t)


def note(connection: Connection, robot: str, act: str, by: str, detail: str, t: float) -> None:
    """Keep that something was done to a robot, or asked of it."""
    connection.execute(insert(robot_acts).values(robot=robot, t=t, act=act, by_whom=by, detail=detail))
    if by not in NO_PERSON:
        name = connection.execute(select(robots.c.name).where(robots.c.id == robot)).scalar()
        log.record(connection, t=t, who=by, act=f"robot {act}", subject=name or robot, robot=robot, why=detail)


def keys(connection: Connection, robot: str) -> list[RobotKey]:
    """All keys that a robot ever had, the newest first."""
    return keys_of_all(connection, [robot])[robot]


def keys_of_all(connection: Connection, wanted: Sequence[str]) -> dict[str, list[RobotKey]]:
    """All keys that each of these robots ever had, the newest first."""
    found: dict[str, list[RobotKey]] = {robot: [] for robot in wanted}
    rows = [RobotKey(**row) for row in rows_at(connection, robot_keys, ["robot"], [[robot] for robot in found])]
    for one in sorted(rows, key=lambda one: one.since_t, reverse=True):
        found[one.robot].append(one)
    return found


def newest_act(connection: Connection) -> int:
    """The number of the last act of all robots; 0 before the first."""
    return connection.execute(select(func.max(robot_acts.c.id))).scalar() or 0


def acts(connection: Connection, robot: str) -> list[RobotAct]:
    """What was done to a robot, the oldest first."""
    wanted = (robot_acts.c.robot, robot_acts.c.t, robot_acts.c.act, robot_acts.c.by_whom, robot_acts.c.detail)
    query = select(*wanted).where(robot_acts.c.robot == robot).order_by(robot_acts.c.id)
    return [RobotAct(*row) for row in connection.execute(query)]


def check_invited(connection: Connection, invited: Invited) -> None:
    """That its name is free, or its robot in a state to be invited. Raises MisuseError."""
    if invited.purpose == FIRST:
        taken = select(robots.c.id).where(robots.c.name == invited.name)
        asked = select(invitations.c.robot).where(
            invitations.c.name == invited.name, invitations.c.used_t.is_(None), invitations.c.withdrawn_t.is_(None),
            invitations.c.expires_t > invited.made_t, invitations.c.purpose == FIRST,
        )  # fmt: skip
        if connection.execute(taken).first() is not None or connection.execute(asked).first() is not None:
            raise MisuseError(f"robot {invited.name!r}: there is one of that name, or it is invited: give another name")
    else:
        robot = find(connection, invited.robot)
        step = LIFECYCLE[_ACT_OF[invited.purpose]]
        if robot.state not in step.before:
            raise MisuseError(
                f"robot {robot.name!r}: it is {robot.state}: {invited.purpose} is for robots that are {_names(step)}"
            )


def invite(connection: Connection, invited: Invited, by: str) -> None:
    """Keep an invitation; an earlier one for the same robot that nobody used counts no more. Raises MisuseError."""
    check_invited(connection, invited)
    _withdraw(connection, invited.robot, invited.made_t)
    connection.execute(insert(invitations).values(**vars(invited)))
    note(connection, invited.robot, "invite", by, f"{invited.purpose}, until {invited.expires_t:.0f}", invited.made_t)


def enrol(connection: Connection, hashed: str, key: RobotKey, password_hash: str, said: str) -> tuple[Robot, bool]:
    """Let a key in by an invitation (its hash). Returns the robot, and whether it had enrolled with it before.

    `key.robot` is left empty by the caller; `said` goes on record. The same key gets the same again: a power cut burns
    nothing. Raises EnrolmentRefused.
    """
    row = connection.execute(select(invitations).where(invitations.c.token_hash == hashed)).mappings().one_or_none()
    if row is None:
        raise EnrolmentRefused("unknown", "no such invitation")
    invited = Invited(**row)
    if invited.kid == key.kid:
        connection.execute(update(robots).where(robots.c.id == invited.robot).values(password_hash=password_hash))
        robot = find(connection, invited.robot)
        if robot.state in (REVOKED, RETIRED) or robot.kid != key.kid:
            raise EnrolmentRefused("state", f"this robot is {robot.state}, or has another key by now", robot.id)
        note(connection, robot.id, "enrol", THE_ROBOT, said, key.since_t)  # its broker has to learn the new password
        return robot, True
    if invited.kid is not None:
        raise EnrolmentRefused("used", "the invitation was used by another key", invited.robot)
    if invited.withdrawn_t is not None:
        raise EnrolmentRefused("withdrawn", "the invitation was withdrawn", invited.robot)
    if invited.expires_t <= key.since_t:
        raise EnrolmentRefused("expired", "the invitation has expired", invited.robot)
    if connection.execute(select(robot_keys.c.kid).where(robot_keys.c.kid == key.kid)).first() is not None:
        raise EnrolmentRefused("key", "this key enrolled before: a key enrols once in its life", invited.robot)
    used = {"kid": key.kid, "used_t": key.since_t}
    connection.execute(update(invitations).where(invitations.c.token_hash == hashed).values(**used))
    if invited.purpose == FIRST:
        state = LIFECYCLE["enrol"].lead(INVITED)
        robot = Robot(
            invited.robot, invited.name, key.ueid, key.kid, key.public_key_pem, password_hash, key.since_t, state
        )
        add(connection, robot, THE_ROBOT, "enrol", said)
        return robot, False
    return _take_over(connection, invited, key, password_hash, said), False


def _take_over(connection: Connection, invited: Invited, key: RobotKey, password_hash: str, said: str) -> Robot:
    """A new key for a robot that is on the roll."""
    robot = find(connection, invited.robot)
    act = _ACT_OF[invited.purpose]
    step = LIFECYCLE[act]
    if robot.state not in step.before:
        raise EnrolmentRefused("state", f"this robot is {robot.state}", robot.id)
    ueid = robot.ueid if invited.purpose == ROTATE else key.ueid
    state = step.lead(robot.state)
    _end_keys(connection, robot.id, key.since_t)
    fresh = RobotKey(key.kid, robot.id, ueid, key.public_key_pem, key.since_t, None)
    connection.execute(insert(robot_keys).values(**vars(fresh)))
    changed = {
        "kid": key.kid, "public_key_pem": key.public_key_pem, "ueid": ueid, "state": state,
        "password_hash": password_hash,
    }  # fmt: skip
    connection.execute(update(robots).where(robots.c.id == robot.id).values(**changed))
    note(connection, robot.id, act, THE_ROBOT, said, key.since_t)
    return find(connection, robot.id)
