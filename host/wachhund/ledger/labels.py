"""Sites and tags of robots: what people at this host call them by. A robot has no word in it."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from wachhund.ledger import roll
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.labels_schema import robot_labels
from wachhund_evidence import MisuseError

MAX_LABEL_CHARS = 40  # shown in a pill
MAX_TAGS = 20  # of one robot
MAX_ROBOTS = 20_000  # in one act
_IN_ONE_QUERY = 500  # SQLite takes some thousand parameters


@dataclass(frozen=True)
class Labels:
    """`site`: where it stands, empty for nowhere; `tags`: in their order."""

    site: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relabel:
    """What is to become of the labels of some robots. `site`: None leaves it, an empty text takes it away."""

    site: str | None = None
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def words(self) -> str:
        """As it stands in the list of acts."""
        parts = [] if self.site is None else [f"site {self.site}" if self.site else "no site"]
        return ", ".join([*parts, *(f"tag {tag}" for tag in self.add), *(f"not {tag}" for tag in self.drop)])


def check_label(what: str, text: str) -> str:
    """The label, without spaces at its ends. Raises MisuseError."""
    text = text.strip()
    if not 1 <= len(text) <= MAX_LABEL_CHARS or not text.isprintable() or '"' in text:
        raise MisuseError(f"{what}: give 1 to {MAX_LABEL_CHARS} printable characters on one line, without quotes")
    return text


def checked(wanted: Relabel) -> Relabel:
    """The same with each label checked. Raises MisuseError; also when nothing is wanted."""
    made = Relabel(
        wanted.site if not wanted.site else check_label("site", wanted.site),
        tuple(check_label("tag", tag) for tag in wanted.add),
        tuple(check_label("tag", tag) for tag in wanted.drop),
    )
    if made == Relabel():
        raise MisuseError("labels: give a site, a tag to add or a tag to drop")
    return made


class RobotLabels:
    """A part of the ledger; its methods may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def of(self, robot: str) -> Labels:
        """The labels of a robot (its id)."""
        with self._database.reading() as connection:
            return read(connection, [robot]).get(robot, Labels())

    def change(self, wanted: Sequence[str], relabel: Relabel, by: str) -> int:
        """Change the labels of robots (ids or names), all or none of them. Returns how many there are.

        Raises MisuseError: no such robot, a label that is none, or too many.
        """
        relabel = checked(relabel)
        if not 1 <= len(wanted) <= MAX_ROBOTS:
            raise MisuseError(f"labels: choose 1 to {MAX_ROBOTS} robots")
        now = time.time()
        with self._database.writing() as connection:
            for identity in dict.fromkeys(roll.find(connection, one).id for one in wanted):
                _change(connection, identity, relabel, by, now)
                roll.note(connection, identity, "label", by, relabel.words(), now)
        self._changes.ring()
        return len(set(wanted))


def _change(connection: Connection, robot: str, relabel: Relabel, by: str, now: float) -> None:
    mine = robot_labels.c.robot == robot
    if relabel.site is not None:
        connection.execute(delete(robot_labels).where(mine, robot_labels.c.kind == "site"))
        if relabel.site:
            connection.execute(
                insert(robot_labels).values(robot=robot, kind="site", value=relabel.site, t=now, by_whom=by)
            )
    if relabel.drop:
        gone = (robot_labels.c.kind == "tag") & robot_labels.c.value.in_(relabel.drop)
        connection.execute(delete(robot_labels).where(mine, gone))
    for tag in relabel.add:
        row = {"robot": robot, "kind": "tag", "value": tag, "t": now, "by_whom": by}
        connection.execute(upsert(robot_labels).values(**row).on_conflict_do_nothing())
    if relabel.add and len(read(connection, [robot])[robot].tags) > MAX_TAGS:
        raise MisuseError(f"labels: robot {robot}: more than {MAX_TAGS} tags: drop some")


def read(connection: Connection, robots: Collection[str] | None = None) -> dict[str, Labels]:
    """Labels by robot (id), of those that have any. `robots`: only of these."""
    query = select(robot_labels.c.robot, robot_labels.c.kind, robot_labels.c.value)
    sites: dict[str, str] = {}
    tags: dict[str, list[str]] = {}
    for part in batches(robots):
        chosen = query if part is None else query.where(robot_labels.c.robot.in_(part))
        for robot, kind, value in connection.execute(chosen.order_by(robot_labels.c.value)):
            if kind == "site":
                sites[robot] = value
            else:
                tags.setdefault(robot, []).append(value)
    return {robot: Labels(sites.get(robot, ""), tuple(tags.get(robot, ()))) for robot in {*sites, *tags}}


def batches(robots: Collection[str] | None) -> list[list[str] | None]:
    """Ids in parts that fit into one query; one part None for all."""
    if robots is None:
        return [None]
    ordered = sorted(robots)
    return [ordered[start : start + _IN_ONE_QUERY] for start in range(0, len(ordered), _IN_ONE_QUERY)]
