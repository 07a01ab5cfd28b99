"""Making a report of an enrolled robot: what the ledger holds of a span is checked, judged again by nobody, and signed.

The evidence is checked as a recipient would: it is written as a bundle and that is verified, with the robot's keys as
the host knows them.
"""

import hashlib
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from wachhund.audit.exporting import Wanted, export, ranges_of
from wachhund.audit.proven import Proven
from wachhund.audit.verifying_bundle import verify_bundle
from wachhund.inspection.known_robot import ANY
from wachhund.inspection.report import MAX_CHALLENGE_CHARS, Kept, Run, Subject, in_one_line, make
from wachhund.inspection.sealed_report import seal
from wachhund.judge.coverage import CoverageState
from wachhund.ledger import Ledger, Robot, Unobserved
from wachhund.ledger.places import hash_at
from wachhund.ledger.reading_elsewhere import may_read_a_replica
from wachhund.ledger.reports import IssuedReport
from wachhund.ledger.session_search import Wanted as SessionsWanted
from wachhund.reports.answering import MAX_LISTED, Gathered, answers_of
from wachhund_evidence import MisuseError, load_public_key_pem, thumbprint

MAX_SPAN_S = 400 * 86_400.0
MAX_BYTES = 512 << 20  # of evidence in one report: some days of a busy robot take a minute to check
MAX_INCIDENTS = 500
_SOON_S = 60.0  # an honest robot's first token comes within as long


class Busy(MisuseError):
    """Another report is being made."""


class Reports:
    """Makes reports, one at a time. `key`: the host's, which signs them. `scratch`: a folder with room for a bundle."""

    def __init__(self, ledger: Ledger, key: Ed25519PrivateKey, scratch: Path) -> None:
        self._ledger, self._key, self._scratch = ledger, key, scratch
        self._one = threading.Lock()

    def make(self, robot: str, from_t: float, to_t: float, by: str, challenge: str | None = None) -> IssuedReport:
        """The report of a robot (its id) and a span of host time, signed and kept. Raises MisuseError, LedgerError."""
        begun_t = time.time()
        to_t = min(to_t, begun_t)
        if not 0 < to_t - from_t <= MAX_SPAN_S:
            raise MisuseError("report: give a span that runs forwards, up to now, of at most 400 days")
        if challenge is not None and not 0 < len(challenge) <= MAX_CHALLENGE_CHARS:
            raise MisuseError(f"challenge: 1 to {MAX_CHALLENGE_CHARS} characters, as the reader gave it")
        if not self._one.acquire(blocking=False):
            raise Busy("report: another one is being made: try again in a minute")
        try:
            with may_read_a_replica():
                return self._make(self._ledger.robot(robot), from_t, to_t, by, challenge, begun_t)
        finally:
            self._one.release()

    def _make(
        self, robot: Robot, from_t: float, to_t: float, by: str, challenge: str | None, begun_t: float
    ) -> IssuedReport:  # fmt: skip
        proven, kept = self._checked(robot, from_t, to_t, begun_t)
        found = self._gathered(robot, from_t, to_t, proven)
        subject = Subject("ledger", robot.name, kept=kept)
        report = make(subject, ANY, answers_of(found), begun_t, time.time(), challenge)
        sealed = seal(report, self._key)
        kid, digest = thumbprint(self._key.public_key()), hashlib.sha256(sealed).hexdigest()
        row = IssuedReport(
            secrets.token_hex(8), robot.id, from_t, to_t, report["ended_t"], by, kid, digest, in_one_line(report),
            report["worst"],
        )  # fmt: skip
        self._ledger.reports.add(row, sealed)
        return row

    def _checked(self, robot: Robot, from_t: float, to_t: float, now: float) -> tuple[Proven, Kept]:
        """What a recipient of the span's bundle would find, and which tokens those are."""
        own = {one.kid: load_public_key_pem(one.public_key_pem.encode()) for one in self._ledger.robot_keys(robot.id)}
        host = self._key.public_key()
        wanted = Wanted(robot.id, from_t, to_t)
        # Gone from the disk with its descriptor, whatever ends this.
        with tempfile.TemporaryFile(dir=self._scratch) as stream:
            with self._ledger.moment() as connection:
                written = export(connection, wanted, self._key, now, stream, MAX_BYTES)
                runs = tuple(_runs(connection, wanted))
            stream.flush()
            found = verify_bundle(Path(f"/dev/fd/{stream.fileno()}"), own, {thumbprint(host): host}).robot
        return found, Kept(from_t, to_t, written.tokens, tuple(sorted(found.keys)), runs)

    def _gathered(self, robot: Robot, from_t: float, to_t: float, proven: Proven) -> Gathered:
        ledger = self._ledger
        count, raised = ledger.lists.incidents_of_span(robot.id, from_t, to_t, MAX_INCIDENTS)
        incidents = [one for one in raised if one.get("joined") is None]
        asked = SessionsWanted(from_t, to_t, only={"robot": frozenset({robot.id})})
        sessions = ledger.session_search.page(asked, MAX_LISTED)
        faults = [one for one in ledger.integrity.all(robot.id) if one.since_t <= to_t
                  and (one.since_t >= from_t or one.acknowledged is None)]  # fmt: skip
        return Gathered(
            robot.name, from_t, to_t, proven, faults, sorted(incidents, key=lambda one: (one["first_t"], one["id"])),
            count - len(raised), ledger.handling.lives([str(one["id"]) for one in incidents]), sessions,
            max(0, ledger.session_search.count(asked).sessions - len(sessions)),
            self._unobserved(robot.id, from_t, to_t), self._blind(robot.id, to_t),
        )  # fmt: skip

    def _unobserved(self, robot: str, from_t: float, to_t: float) -> list[Unobserved]:
        """Times of the span in which nobody looked; the time before the robot's first evidence is one."""
        first_t = min((line.first_received_t for line in self._ledger.chain_line(robot)), default=to_t)
        before = [Unobserved(from_t, first_t, "this host had no evidence of the robot yet")]
        found = [one for one in self._ledger.unobserved(robot, from_t) if one.from_t <= to_t]
        return [*(before if first_t > from_t + _SOON_S else []), *found]

    def _blind(self, robot: str, until_t: float) -> Sequence[str]:
        coverage = CoverageState()
        for told in self._ledger.newest_observations(robot, 1, ("coverage",), until_t):
            coverage.told(told.observation.fields)
        return coverage.blind_spots()


def _runs(connection: Connection, wanted: Wanted) -> Iterator[Run]:
    for chain, of in ranges_of(connection, wanted).items():
        for first, last in of:
            yield Run(chain, first, last, hash_at(connection, wanted.robot, chain, last))
