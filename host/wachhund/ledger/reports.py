"""Issued reports: kept as they were signed, listed, and taken away only by a person with a reason."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from wachhund.ledger import acts, roll
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import Database
from wachhund.ledger.reports_schema import report_rows
from wachhund_evidence import MisuseError

MAX_REPORTS = 2_000  # of all robots; some 50 kB each
_HEAD = [column for column in report_rows.c if column.name != "sealed"]


@dataclass(frozen=True)
class IssuedReport:
    """What a list says of a report. Times: host time. `kid`: of the key that signed; `sha256`: of the signed text."""

    id: str
    robot: str
    from_t: float
    to_t: float
    made_t: float
    by_whom: str
    kid: str
    sha256: str
    outcome: str
    worst: str | None


class IssuedReports:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def add(self, report: IssuedReport, sealed: bytes) -> None:
        """Keep a new one. Raises MisuseError: there are as many as may be."""
        with self._database.writing() as connection:
            if (connection.execute(select(func.count()).select_from(report_rows)).scalar() or 0) >= MAX_REPORTS:
                raise MisuseError(f"report: this host keeps {MAX_REPORTS} at most: remove one that is not needed")
            connection.execute(insert(report_rows).values(**vars(report), sealed=sealed))
            _record(connection, report, "report make", report.by_whom, report.made_t, "")
        self._changes.ring()

    def page(self, limit: int, offset: int = 0, robot: str | None = None) -> tuple[int, list[IssuedReport]]:
        """How many there are (of a robot: its id), and at most `limit` of them, the newest first."""
        mine = [] if robot is None else [report_rows.c.robot == robot]
        query = select(*_HEAD).where(*mine).order_by(report_rows.c.made_t.desc(), report_rows.c.id)
        with self._database.reading() as connection:
            count = connection.execute(select(func.count()).select_from(report_rows).where(*mine)).scalar() or 0
            rows = connection.execute(query.limit(limit).offset(offset)).mappings()
            return count, [IssuedReport(**row) for row in rows]

    def one_before(self, report: IssuedReport) -> str | None:
        """The id of the report of the same robot that was made before this one."""
        earlier = (report_rows.c.robot == report.robot) & (report_rows.c.made_t < report.made_t)
        query = select(report_rows.c.id).where(earlier).order_by(report_rows.c.made_t.desc()).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def find(self, identity: str) -> tuple[IssuedReport, bytes] | None:
        """One, and its signed text."""
        with self._database.reading() as connection:
            row = connection.execute(select(report_rows).where(report_rows.c.id == identity)).mappings().one_or_none()
        if row is None:
            return None
        held = dict(row)
        sealed = held.pop("sealed")
        return IssuedReport(**held), sealed

    def remove(self, identity: str, *, by: str, why: str, t: float) -> bool:
        """Take one away, on record. False when there is none."""
        with self._database.writing() as connection:
            query = select(*_HEAD).where(report_rows.c.id == identity)
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return False
            connection.execute(delete(report_rows).where(report_rows.c.id == identity))
            _record(connection, IssuedReport(**row), "report remove", by, t, why)
        self._changes.ring()
        return True


def _record(connection: Connection, report: IssuedReport, act: str, who: str, t: float, why: str) -> None:
    robot = roll.find(connection, report.robot)
    detail = {"from_t": report.from_t, "to_t": report.to_t, "sha256": report.sha256}
    acts.record(connection, t=t, who=who, act=act, subject=report.id, robot=robot.name, why=why, detail=detail)
