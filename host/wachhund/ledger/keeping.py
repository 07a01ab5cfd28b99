"""Keeping and forgetting, as the rest of the host asks for it: slices of erasing, a preview, holds, the file's room."""

from collections.abc import Callable, Sequence
from math import inf

from sqlalchemy import ColumnElement, Connection, Table, false, func, insert, or_, select

from wachhund.ledger import choosing, erased, erasing, holding, lanes, verdicts
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import greater_of, json_text
from wachhund.ledger.keeping_records import REQUEST, SIZE, Act, ErasedToken, Erasure, Hold, Preview, Room, Slice
from wachhund.ledger.keeping_schema import erasures, rewritings
from wachhund.ledger.schema import incidents, minds, newest, sessions
from wachhund_evidence import MisuseError

_NAMED = 50  # incidents that a preview names
_VERDICTS_AT_ONCE = 200  # incidents, and as many sessions, of one transaction
MAX_SHOWN = 200  # acts of forgetting, or holds, on a page

Spans = Sequence[tuple[float, float]]


class Keeping:
    """Safe to use from several threads. Every method may raise LedgerError, whose text is for a person."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database = database
        self._changes = changes

    # Age and size

    def weights(self) -> list[tuple[str, int]]:
        """Bytes of evidence kept of each robot, the heaviest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(newest.c.robot, newest.c.kept_bytes).order_by(newest.c.kept_bytes.desc()))
            return [(row.robot, row.kept_bytes) for row in rows]

    def oldest(self, robot: str) -> float | None:
        """When the oldest token arrived whose text is kept."""
        with self._database.reading() as connection:
            return choosing.oldest(connection, robot)

    def newest_of(self, robot: str, reason: str) -> Erasure | None:
        """The last act of forgetting of this reason."""
        with self._database.reading() as connection:
            mine = (erasures.c.robot == robot) & (erasures.c.reason == reason)
            identity = connection.execute(select(func.max(erasures.c.id)).where(mine)).scalar()
            return None if identity is None else erased.read_erasure(connection, identity)

    def erase_old(
        self, act: Act, erasure: Erasure | None, after: tuple[float, int], pins: choosing.Pinned
    ) -> tuple[Slice, Erasure | None]:
        """Erase a slice of what arrived before `act.to_t`, beyond `after`; what is held or pinned is passed over.

        What the judge has not got by heart yet is left too. `erasure`: the record of this act, if there is one yet; it
        is made when there is something to take.
        """
        with self._database.writing() as connection:
            held = holding.spans(connection, act.robot)
            judged = verdicts.minded(connection, lanes.lane_in(connection, act.robot))[0]
            rows = choosing.old(connection, act.robot, act.to_t, after, judged)
            gone = choosing.spared(rows, held, pins)
            if gone:
                erasure = erasure or _begun(connection, act)
                erasing.take(connection, erasure, gone)
        return Slice(len(gone), choosing.beyond(rows, held)), erasure

    def erase_old_verdicts(self, act: Act, erasure: Erasure | None) -> tuple[int, Erasure | None]:
        """Take the text out of some of the incidents and sessions that ended before `act.to_t`. How many went.

        A session that nobody told the end of has ended when its robot fell silent.
        """
        with self._database.writing() as connection:
            held = holding.spans(connection, act.robot)
            last_word = select(newest.c.received_t).where(newest.c.robot == act.robot).scalar_subquery()
            wanted = (incidents.c.last_t < act.to_t) & ~_touches(incidents, held)
            ended = func.coalesce(sessions.c.last_t, greater_of(sessions.c.first_t, func.coalesce(last_word, 0.0)))
            told = (ended < act.to_t) & ~_touches(sessions, held)
            if erasing.has_verdicts(connection, act.robot, wanted, told):
                erasure = erasure or _begun(connection, act)
                return erasing.forget_verdicts(connection, erasure, wanted, told, _VERDICTS_AT_ONCE), erasure
            if erasure is not None and not held:
                erasing.forget_beside(connection, erasure, lambda table: table.c.received_t < act.to_t)
        return 0, erasure

    def pinned(self, robot: str, since_t: float) -> choosing.Pinned:
        """The numbers on which incidents with a sign after `since_t` rest."""
        with self._database.reading() as connection:
            return choosing.pinned(connection, robot, since_t)

    def finish(self, erasure: Erasure, t: float) -> None:
        """All that it was to take is gone."""
        with self._database.writing() as connection:
            erasing.finish(connection, erasure.id, t)
        self._changes.ring()

    # On request

    def preview(self, robot: str, from_t: float | None, to_t: float) -> Preview:
        """What an erasing on request would take, and what forbids it."""
        begin_t = -inf if from_t is None else from_t
        with self._database.reading() as connection:
            sure, uncertain = choosing.count_span(connection, robot, begin_t, to_t)
            mine = (incidents.c.robot == robot) & incidents.c.erasure.is_(None) & _touches(incidents, [(begin_t, to_t)])
            title = json_text(incidents.c.body, "$.title")
            found = connection.execute(select(incidents.c.id, title).where(mine).order_by(incidents.c.last_t)).all()
            over = (sessions.c.robot == robot) & _touches(sessions, [(begin_t, to_t)])
            counted = connection.execute(select(func.count()).select_from(sessions).where(over)).scalar() or 0
            held_by = _forbidding(connection, robot, begin_t, to_t)
        named = tuple((one[0], str(one[1])) for one in found[:_NAMED])
        return Preview(sure, uncertain, named, len(found) - len(named), counted, held_by)

    def request(self, act: Act, forget: Callable[[Erasure, str, bytes], bytes | None]) -> Erasure:
        """Begin an erasing on request. `forget`: takes what it concerns out of the judge's mind (version, body); None
        when it cannot. Raises MisuseError when something of it is held.

        From here on nothing of it is written anew: a judge at work has to take note of it before it saves anything.
        """
        with self._database.writing() as connection:
            robot = act.robot
            for first in _forbidding(connection, robot, -inf if act.from_t is None else act.from_t, act.to_t):
                raise MisuseError(f"hold {first.id} ({first.why}): release it first: `wachhund release {first.id}`")
            made = _begun(connection, act)
            row = connection.execute(select(minds.c.version, minds.c.body).where(minds.c.robot == robot)).one_or_none()
            if row is not None:
                body = forget(made, row.version, row.body)
                verdicts.put_mind(connection, robot, row.version, body)
        self._changes.ring()
        return made

    def erase_requested(self, erasure: Erasure, t: float) -> int:
        """Erase a slice of what was asked for. How much went; 0 when all is gone, and that is on record then."""
        begin_t = -inf if erasure.from_t is None else erasure.from_t
        with self._database.writing() as connection:
            rows = choosing.slice_of_span(connection, erasure.robot, begin_t, erasure.to_t, erasure.uncertain)
            erasing.take(connection, erasure, rows)
            if rows:
                return len(rows)
            span = [(begin_t, erasure.to_t)]
            concerned = _touches(incidents, span), _touches(sessions, span)
            gone = erasing.forget_verdicts(connection, erasure, *concerned, _VERDICTS_AT_ONCE)
            if gone:
                return gone
            end_t = erasure.to_t + holding.AROUND_S
            erasing.forget_beside(connection, erasure, lambda table: table.c.received_t.between(begin_t, end_t))
            erasing.forget_present(connection, erasure.robot, begin_t, erasure.to_t)
            erasing.finish(connection, erasure.id, t)
        self._changes.ring()
        return 0

    def unfinished(self) -> list[Erasure]:
        """Erasings on request that were begun and not ended, the oldest first."""
        with self._database.reading() as connection:
            mine = (erasures.c.reason == REQUEST) & erasures.c.finished_t.is_(None)
            ids = connection.execute(select(erasures.c.id).where(mine).order_by(erasures.c.id)).scalars().all()
            return [_there(erased.read_erasure(connection, identity), identity) for identity in ids]

    # What was done

    def erasures(self, robot: str | None = None, after: int = 0, limit: int = MAX_SHOWN) -> list[Erasure]:
        """Acts of forgetting with an id beyond `after`, the newest first."""
        with self._database.reading() as connection:
            return erased.read_erasures(connection, robot, after, limit)

    def forgettings(self, after: int) -> list[Erasure]:
        """Some of the acts of forgetting beyond `after` that concern what a judge has in mind, the oldest first."""
        with self._database.reading() as connection:
            return forgettings(connection, after)

    def erased_token(self, robot: str, chain: str, seq: int) -> ErasedToken | None:
        """What is left of an erased token; None when it was not erased."""
        with self._database.reading() as connection:
            return erased.erased_token(connection, robot, chain, seq)

    # Holds

    def hold(
        self, robot: str, from_t: float | None, to_t: float | None, incident: str | None, by: str, why: str, t: float
    ) -> int:
        """Begin a hold; its number. Raises MisuseError when there is no such incident of the robot."""
        with self._database.writing() as connection:
            identity = holding.put(connection, robot, from_t, to_t, incident, by, why, t)
        self._changes.ring()
        return identity

    def release(self, identity: int, by: str, why: str, t: float) -> Hold:
        """End a hold. Raises MisuseError when there is none of that number that is on."""
        with self._database.writing() as connection:
            ended = holding.release(connection, identity, by, why, t)
        self._changes.ring()
        return ended

    def holds(self, limit: int = MAX_SHOWN) -> list[Hold]:
        """All holds, also released ones, the newest first."""
        with self._database.reading() as connection:
            return holding.every(connection, limit)

    # The file

    def room(self) -> Room:
        """How large the ledger's file is, and how much of it is in use."""
        return self._database.room()

    def give_back(self, pages: int) -> bool:
        """Give at most so many empty pages back to the file system. False when there is none left."""
        return self._database.give_back(pages)

    def clear_wal(self) -> bool:
        """Empty the write-ahead log, in which erased text still stands. False when a reader was in the way."""
        return self._database.clear_wal()

    def rewrite(self, t: float) -> None:
        """Write the whole file anew: as small as can be, and without remains of what was erased in half-used pages.

        Nothing is taken in meanwhile; it needs as much free disk as the ledger has. Raises LedgerError.
        """
        newest_id = max((one.id for one in self.erasures(limit=1)), default=0)
        self._database.rewrite()
        with self._database.writing() as connection:
            connection.execute(insert(rewritings).values(t=t, erasure=newest_id))

    def rewritten(self) -> tuple[float, int] | None:
        """When the file was last written anew, and the last act of forgetting before it."""
        with self._database.reading() as connection:
            row = connection.execute(select(rewritings).order_by(rewritings.c.id.desc()).limit(1)).one_or_none()
            return None if row is None else (float(row[1]), int(row[2]))


def forgettings(connection: Connection, after: int) -> list[Erasure]:
    """Some of the acts of forgetting beyond `after` that concern what a judge has in mind, the oldest first."""
    mine = (erasures.c.id > after) & (erasures.c.reason != SIZE)
    ids = connection.execute(select(erasures.c.id).where(mine).order_by(erasures.c.id).limit(MAX_SHOWN)).scalars().all()
    return [_there(erased.read_erasure(connection, identity), identity) for identity in ids]


def _begun(connection: Connection, act: Act) -> Erasure:
    """The record of an act, made now."""
    identity = erasing.begin(connection, act)
    return _there(erased.read_erasure(connection, identity), identity)


def _there(erasure: Erasure | None, identity: int) -> Erasure:
    if erasure is None:
        raise MisuseError(f"erasure {identity}: there is none of that number")
    return erasure


def _touches(table: Table, spans: Spans) -> ColumnElement[bool]:
    """Whether what stands in a row of `incidents` or `sessions` lies in one of the spans, if only in part."""
    last_t = func.coalesce(table.c.last_t, inf)
    return or_(false(), *((table.c.first_t <= end) & (last_t >= begin) for begin, end in spans))


def _forbidding(connection: Connection, robot: str, begin_t: float, end_t: float) -> tuple[Hold, ...]:
    found = [(hold, holding.span(connection, hold)) for hold in holding.active(connection, robot)]
    return tuple(hold for hold, span in found if holding.is_held([span], begin_t, end_t))
