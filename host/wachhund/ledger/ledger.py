"""The ledger: one door to everything that was stated, and to what the host concluded from it."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from wachhund.ledger import (
    chain,
    current,
    evidence,
    lanes,
    links,
    present,
    reading,
    roll,
    unjudged,
    verdicts,
    watch,
)
from wachhund.ledger.accepting import Baselines
from wachhund.ledger.act_log import ActLog
from wachhund.ledger.authorisation_tellings import AuthorisationTellings
from wachhund.ledger.authorisation_uses import AuthorisationUses
from wachhund.ledger.authorising import Authorisations
from wachhund.ledger.bell import Bell
from wachhund.ledger.campaigns import Campaigns
from wachhund.ledger.counted_attempts import CountedAttempts
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import upsert
from wachhund.ledger.fault_records import Fault
from wachhund.ledger.handling import Handling
from wachhund.ledger.held_once import HeldOnce
from wachhund.ledger.integrity import Integrity
from wachhund.ledger.keeping import Keeping
from wachhund.ledger.kept_hunts import KeptHunts
from wachhund.ledger.labels import RobotLabels
from wachhund.ledger.lanes import Lane, LaneBook, Lanes
from wachhund.ledger.listing import Lists
from wachhund.ledger.notifying import Notifying
from wachhund.ledger.opening import database_of, database_with_replica
from wachhund.ledger.overdue import OverdueWatch
from wachhund.ledger.passkeys import Passkeys
from wachhund.ledger.people import People
from wachhund.ledger.records import (
    ChainLine,
    CurrentState,
    Gap,
    Held,
    Invited,
    Link,
    Newest,
    Rejection,
    Robot,
    RobotAct,
    RobotKey,
    Standing,
    StoredObservation,
    StoredToken,
    Unobserved,
    VerifiedToken,
)
from wachhund.ledger.reports import IssuedReports
from wachhund.ledger.roll import EnrolmentRefused
from wachhund.ledger.schema import rejections, robots
from wachhund.ledger.session_search import SessionSearch
from wachhund.ledger.sign_ons import SignOns
from wachhund.ledger.silencing import Silencing
from wachhund.ledger.unread import Place, Unread, unread
from wachhund.ledger.ways_in import WaysIn
from wachhund.ledger.witnesses import Witnesses


class Ledger:
    """Safe to use from several threads. Every method may raise LedgerError, whose text is for a person.

    `changes` rings after each commit that somebody may want to see at once. `integrity`: the faults of evidence.
    `notifying`: who is told what.
    `keeping`: forgetting, and holds. `authorisations`: what operators allow.
    `people`: who may log in. `ways_in`, `passkeys`, `sign_ons`: with what besides a password. `log`: what people did.
    `authorisation_uses`: what these cover, and covered last. `authorisation_tellings`: whose end was told.
    `baselines`: what they accepted as usual.
    `lists`: long lists in parts. `session_search`: sessions of all robots, of any moment.
    `handling`: what they did about incidents. `silencing`: what they
    are not told of for a while. `labels`: sites and tags of robots.
    `witnesses`: hardware witnesses, and what each last said. `campaigns`: who was on many robots at a time.
    `lanes`: the shares of a fleet on several machines.
    `held_once`, `counted_attempts`, `kept_hunts`: what all processes of the pages share for minutes.
    """

    def __init__(self, database: Database, path: Path, changes: Bell | None = None, lane: int | None = None) -> None:
        """`changes`: the bell of another that it shares the database with. `lane`: see `of_lane`."""
        self._database, self._lane = database, lane
        self.path = path  # by which it was opened: the file that holds it, or in whose place a server does
        self._written: Counter[str] = Counter()
        self._overdue = OverdueWatch()
        self.changes = changes or Bell()
        self.notifying = Notifying(database, self.changes)
        self.integrity = Integrity(database, self.changes)
        self.keeping = Keeping(database, self.changes)
        self.authorisations = Authorisations(database, self.changes)
        self.authorisation_tellings = AuthorisationTellings(database)
        self.authorisation_uses = AuthorisationUses(database)
        self.baselines = Baselines(database, self.changes)
        self.labels = RobotLabels(database, self.changes)
        self.session_search = SessionSearch(database)
        self.people = People(database, self.changes)
        self.ways_in = WaysIn(database, self.changes)
        self.passkeys = Passkeys(database, self.changes)
        self.sign_ons = SignOns(database, self.changes)
        self.log = ActLog(database, self.changes)
        self.lists = Lists(database)
        self.handling = Handling(database, self.changes)
        self.silencing = Silencing(database, self.changes)
        self.witnesses = Witnesses(database, self.changes)
        self.reports = IssuedReports(database, self.changes)
        self.lanes = Lanes(database)
        self.held_once = HeldOnce(database)
        self.counted_attempts = CountedAttempts(database)
        self.kept_hunts = KeptHunts(database)
        self.campaigns = Campaigns(database, self.changes)

    @classmethod
    def open(cls, path: Path) -> "Ledger":
        """Open the ledger of this file, or make it, and bring it up to date; where `ledger.url` beside it names a
        server, the one there (see place). Raises LedgerError."""
        return cls(database_of(path), path)

    @classmethod
    def open_with_replica(cls, path: Path) -> "Ledger":
        """The same, for who reads much: what may be read from a standby is, where one is named. Raises LedgerError."""
        return cls(database_with_replica(path), path)

    def on_lanes(self, held: Callable[[], Mapping[int, int]]) -> "Ledger":
        """The same for a worker's intake: its transactions run beside those of workers that hold other lanes.

        `held`: the epochs of its lanes now, by number. What it writes raises LaneLost when one is another's by then, or
        a robot is in none. What people do, and what is done once in a fleet, is written by the plain one. Raises
        LedgerError for a file.
        """
        return Ledger(self._database.beside(held), self.path, self.changes)

    def of_lane(self, lane: Lane) -> "Ledger":
        """The same for the judge of one lane: it reads and keeps what concerns the lane's robots.

        Its `changes` is its own: who takes evidence of the lane in has to ring it, else each would wake all.
        """
        held = {lane.number: lane.epoch}
        return Ledger(self._database.beside(lambda: held), self.path, None, lane.number)

    def book(self, worker: str) -> LaneBook:
        """The lanes of a worker, whose name no other has."""
        return LaneBook(self._database, worker)

    def moment(self) -> contextlib.AbstractContextManager[Connection]:
        """One moment of the ledger, for who reads much of it at once. Raises LedgerError."""
        return self._database.reading()

    def close(self) -> None:
        """Close its connections. Nothing is lost without it."""
        self._database.close()

    # Evidence

    def commit(self, tokens: Sequence[VerifiedToken]) -> list[Standing]:
        """Store tokens durably: once this returns they survive a power cut. What is stored already stays as it is.

        Raises NotLetIn, and stores none, when a robot was revoked, retired or replaced after they were verified.
        """
        if not tokens:
            return []
        try:
            with self._database.writing() as connection:
                lanes.require_robots_held(connection, {token.robot for token in tokens})
                roll.require_let_in(connection, {(token.robot, token.claims.ueid) for token in tokens})
                new, standings = evidence.commit(connection, tokens)
                present.draw(connection, new, self._written)
                newest_t = max(token.received_t for token in tokens)
                self._overdue.look(connection, {token.robot for token in new}, newest_t)
        except BaseException:
            self._overdue = OverdueWatch()  # what it noticed may not have been stored
            raise
        if any(standing.became != "duplicate" for standing in standings):
            self.changes.ring()
        return standings

    def held(self, robot: str, chain_id: str, came: Sequence[int], limit: int) -> Held:
        """What is held of a chain, and at most `limit` runs beyond its first hole, those of `came` before others."""
        with self._database.reading() as connection:
            return evidence.held(connection, robot, chain_id, came, limit)

    def observations_after(
        self, cursor: int, limit: int, robot: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[StoredObservation]:
        """At most `limit` observations whose id is beyond `cursor`, in the order of their commit."""
        with self._database.reading() as connection:
            return reading.observations_after(connection, cursor, limit, robot, kinds, self._lane)

    def last_observation(self) -> int:
        """The id of the newest observation; 0 for none."""
        with self._database.reading() as connection:
            return reading.last_observation(connection)

    def observations_holding(
        self, after: int, up_to: int, robot: str | None, kinds: Sequence[str], words: Sequence[str]
    ) -> tuple[int, list[StoredObservation]]:
        """How many observations of these kinds have an id from beyond `after` to `up_to`, and those with a word."""
        with self._database.reading() as connection:
            return reading.observations_holding(connection, after, up_to, robot, kinds, words)

    def cursor_at(self, since_t: float, robot: str | None = None) -> int | None:
        """The cursor just before what arrived at `since_t` or later; None when nothing did."""
        with self._database.reading() as connection:
            return reading.cursor_at(connection, since_t, robot)

    def newest_observations(
        self, robot: str, limit: int = 100, kinds: Sequence[str] | None = None, until_t: float | None = None
    ) -> list[StoredObservation]:
        """The last `limit` observations that were committed for a robot, newest first. `until_t`: received by then."""
        with self._database.reading() as connection:
            return reading.newest_observations(connection, robot, limit, kinds, until_t)

    def token(self, robot: str, chain_id: str, seq: int) -> StoredToken | None:
        """One token as it was received, with its observations and neighbours."""
        with self._database.reading() as connection:
            return reading.token(connection, robot, chain_id, seq)

    def chain_line(self, robot: str) -> list[ChainLine]:
        """Each chain of the robot from first to last number, the newest chain first."""
        with self._database.reading() as connection:
            return chain.chain_lines(connection, robot)

    def gaps(self, robot: str) -> list[Gap]:
        """Everything that is missing in the robot's chains, stated or not."""
        with self._database.reading() as connection:
            return chain.gaps(connection, robot)

    def faults(self, robot: str) -> list[Fault]:
        """What makes the robot's evidence `broken`, the oldest first."""
        return self.integrity.open(robot)

    # The present

    def newest(self, robot: str) -> Newest | None:
        """The facts that presence is computed from; None when nothing came yet."""
        with self._database.reading() as connection:
            return current.newest_of(connection, robot)

    def current_state(self, robot: str) -> CurrentState:
        """What the robot last said of itself: coverage, heartbeat, running processes, open flows, listeners."""
        with self._database.reading() as connection:
            return current.current_state(connection, robot)

    def pinned_host_key(self, robot: str) -> str | None:
        """The name of the host key that the robot says it believes; None when it never said."""
        with self._database.reading() as connection:
            return current.pinned_host_key(connection, robot)

    def unobserved(self, robot: str, since: float, now: float | None = None) -> list[Unobserved]:
        """The spans of host time after `since` in which nobody looked. `now`: the host's clock, unless a test says."""
        with self._database.reading() as connection:
            return watch.unobserved(connection, robot, since, time.time() if now is None else now)

    # Robots

    def robots(self) -> list[Robot]:
        """All registered robots, by name; of a lane's ledger those in it."""
        mine = lanes.robots_of(robots.c.id, self._lane)
        with self._database.reading() as connection:
            rows = connection.execute(select(robots).where(mine).order_by(robots.c.name)).mappings()
            return [Robot(**row) for row in rows]

    def robot_by_name(self, name: str) -> Robot | None:
        """The robot with that label."""
        with self._database.reading() as connection:
            row = connection.execute(select(robots).where(robots.c.name == name)).mappings().one_or_none()
            return None if row is None else Robot(**row)

    def robot(self, wanted: str) -> Robot:
        """The robot of that id or name. Raises MisuseError when there is none."""
        with self._database.reading() as connection:
            return roll.find(connection, wanted)

    def add_robot(self, robot: Robot, by: str = roll.THE_HOST) -> None:
        """Register a robot. Raises MisuseError when its name or its key is registered already."""
        with self._database.writing() as connection:
            roll.add(connection, robot, by, "add", f"key {robot.kid}")
        self.changes.ring()

    def change_robot(self, wanted: str, act: str, by: str, why: str = "") -> Robot:
        """Do an act of roll.LIFECYCLE to the robot of that id or name. Raises MisuseError when it may not be done."""
        with self._database.writing() as connection:
            robot = roll.change(connection, wanted, act, by, why, time.time())
        self.changes.ring()
        return robot

    def robot_keys(self, robot: str) -> list[RobotKey]:
        """All keys that a robot (its id) ever had, the newest first."""
        with self._database.reading() as connection:
            return roll.keys(connection, robot)

    def keys_of_robots(self, wanted: Sequence[str]) -> dict[str, list[RobotKey]]:
        """The same of all these robots (ids), asked in one go."""
        with self._database.reading() as connection:
            return roll.keys_of_all(connection, wanted)

    def note_act(self, robot: str, act: str, by: str, detail: str) -> None:
        """Keep that something was done with what is known of a robot (its id), such as handing it on."""
        with self._database.writing() as connection:
            roll.note(connection, robot, act, by, detail, time.time())

    def newest_robot_act(self) -> int:
        """The number of the last act that was done to any robot; 0 before the first. Nothing of a robot that its broker
        and intake need changes without one."""
        with self._database.reading() as connection:
            return roll.newest_act(connection)

    def robot_acts(self, robot: str) -> list[RobotAct]:
        """What was done to a robot (its id), the oldest first."""
        with self._database.reading() as connection:
            return roll.acts(connection, robot)

    def invite(self, invited: Invited, by: str) -> None:
        """Keep an invitation. Raises MisuseError when its name is taken or its robot can't be invited now."""
        with self._database.writing() as connection:
            roll.invite(connection, invited, by)

    def check_invited(self, invited: Invited) -> None:
        """That `invite` would keep it now. Raises MisuseError as that does."""
        with self._database.reading() as connection:
            roll.check_invited(connection, invited)

    def withdraw(self, robot: str, by: str, why: str) -> None:
        """Let an invitation that nobody used count no more. `robot`: the id that its robot would have."""
        with self._database.writing() as connection:
            roll.withdraw(connection, robot, by, why, time.time())

    def enrol(self, hashed: str, key: RobotKey, password_hash: str, said: str) -> tuple[Robot, bool]:
        """Let a key in by an invitation's hash. Returns the robot, and whether it asked again. Raises EnrolmentRefused.

        `said` goes on record, and so does a refusal that somebody should know of.
        """
        try:
            with self._database.writing() as connection:
                robot, again = roll.enrol(connection, hashed, key, password_hash, said)
        except EnrolmentRefused as refused:
            if refused.robot:
                with self._database.writing() as connection:
                    detail = f"{refused.reason}: key {key.kid}"
                    roll.note(connection, refused.robot, "enrolment-refused", roll.THE_DOOR, detail, key.since_t)
            raise
        self.changes.ring()
        return robot, again

    # Hints

    def note_links(self, told: Sequence[Link]) -> None:
        """Keep what robots said of their connection to the broker."""
        with self._database.writing() as connection:
            lanes.require_robots_held(connection, {one.robot for one in told})
            links.note(connection, told)
        self.changes.ring()

    def link(self, robot: str) -> Link | None:
        """What a robot (its id) last said of its connection to the broker; None for nothing."""
        with self._database.reading() as connection:
            return links.of_robot(connection, robot)

    # What was refused

    def add_rejections(self, counted: Sequence[Rejection]) -> None:
        """Add to the counts of what was refused."""
        made = upsert(rejections)
        changed = {
            "count": rejections.c["count"] + made.excluded["count"],
            "last_t": made.excluded.last_t,
            "sample": made.excluded.sample,
        }
        with self._database.writing() as connection:
            connection.execute(
                made.on_conflict_do_update(index_elements=["robot", "reason"], set_=changed),
                # In one order: several hosts of a fleet count what is of no robot in the same rows.
                [dict(vars(one)) for one in sorted(counted, key=lambda one: (one.robot, one.reason))],
            )
        self.changes.ring()

    def rejections(self) -> dict[tuple[str, str], Rejection]:
        """What was refused, by (robot, reason)."""
        with self._database.reading() as connection:
            rows = connection.execute(select(rejections)).mappings()
            return {(row["robot"], row["reason"]): Rejection(**row) for row in rows}

    # The judge

    def judge_cursor(self) -> int:
        """The id of the last observation that was judged; 0 before the first."""
        with self._database.reading() as connection:
            return verdicts.cursor(connection, self._lane)

    def unjudged(self) -> tuple[int, float | None]:
        """How many observations no judge has read yet, and when the first of them came (host time); None: none.

        Of lanes that are far behind not all are counted."""
        with self._database.reading() as connection:
            return unjudged.unjudged(connection)

    def judged_faults(self) -> int:
        """The number of the last fault that was judged; 0 before the first."""
        with self._database.reading() as connection:
            return verdicts.faults(connection, self._lane)

    def judged_acts(self) -> int:
        """The number of the last act (of allowing, of accepting) that was judged; 0 before the first."""
        with self._database.reading() as connection:
            return verdicts.acts(connection, self._lane)

    def unread(self, at: Place, limit: int, robot: str | None = None, forgotten: int | None = None) -> Unread:
        """What a judge has not read yet that has read so far: at most `limit` observations (of one robot, if one is
        named), faults and acts. `forgotten`: the last act of forgetting that it knows; None: it does not ask."""
        with self._database.reading() as connection:
            return unread(connection, at, limit, robot, forgotten, self._lane)

    def save_judgement(
        self,
        cursor: int,
        incidents: Sequence[Mapping[str, Any]],
        sessions: Sequence[Mapping[str, Any]],
        faults: int | None = None,
        forgotten: int | None = None,
        acts: int | None = None,
    ) -> bool:
        """Keep incidents and sessions by their ids, and how far the judge has read, in one transaction.

        `faults`: the number of the last fault that was judged; `acts`: of the last act of allowing; None: as before.
        `forgotten`: the last act of forgetting that the judge has taken note of. When there is a later one that it has
        to know of, nothing is kept, and False is returned: what was erased must not be written again.
        """
        with self._database.writing() as connection:
            if forgotten is not None and verdicts.newest_forgetting(connection) > forgotten:
                return False
            verdicts.save(connection, cursor, incidents, sessions, faults, acts, self._lane)
        if incidents or sessions:
            self.changes.ring()
        return True

    def minds(self) -> tuple[tuple[int, int, int, int], dict[str, tuple[str, bytes]]]:
        """What the judge had in mind of each robot (version, body), and how far that knows: the last observation, the
        last fault, the last act of forgetting, the last act of allowing."""
        with self._database.reading() as connection:
            return verdicts.minded(connection, self._lane), verdicts.read_minds(connection, self._lane)

    def save_minds(self, known: tuple[int, int, int, int], version: str, bodies: Mapping[str, bytes | None]) -> bool:
        """Keep what the judge has in mind of the robots that changed; None: nothing, it has to judge that robot again.

        False as with `save_judgement`.
        """
        with self._database.writing() as connection:
            if verdicts.newest_forgetting(connection) > known[2]:
                return False
            verdicts.save_minds(connection, known, version, bodies, self._lane)
        return True

    def newest_forgetting(self) -> int:
        """The last act of forgetting that concerns what a judge has in mind."""
        with self._database.reading() as connection:
            return verdicts.newest_forgetting(connection)

    def incidents(
        self, robot: str | None = None, state: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[dict[str, Any]]:
        """Incidents as `detection.md` describes them, the newest first."""
        with self._database.reading() as connection:
            return verdicts.list_incidents(connection, robot, state, limit, offset)

    def incident(self, identity: str) -> dict[str, Any] | None:
        """One incident."""
        with self._database.reading() as connection:
            return verdicts.incident(connection, identity)

    def incident_counts(self, robot: str | None = None) -> dict[tuple[str, str], int]:
        """How many incidents stand in each (state, level)."""
        with self._database.reading() as connection:
            return verdicts.count_incidents(connection, robot)

    def sessions(
        self, robot: str | None = None, open_only: bool = False, limit: int = 100, at_t: float | None = None
    ) -> list[dict[str, Any]]:
        """Sessions on the robots' surfaces, the newest first; `at_t`: those that were open then (host time)."""
        with self._database.reading() as connection:
            return verdicts.list_sessions(connection, robot, open_only, limit, at_t)

    def sessions_since(self, since_t: float, limit: int) -> list[dict[str, Any]]:
        """Sessions that went on after that time, or still do, the newest first."""
        with self._database.reading() as connection:
            return verdicts.sessions_since(connection, since_t, limit)
