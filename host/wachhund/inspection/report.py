"""A report: what was asked of which robot, when, by whose challenge, what came of it, and what is not proven by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wachhund import __version__
from wachhund.inspection.finding import FAILED, NOT_SEEN, Answer, worst
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.sealed_report import FORMAT
from wachhund.judge.meaning import LEVELS

EXIT_CLEAN, EXIT_HIGH, EXIT_NOT_SEEN = 0, 3, 4
MAX_CHALLENGE_CHARS = 200
# What no look at files can answer.
_NOT_WATCHED = (
    "who is connected or logged in: no file shows it",
    "which ports are open, and which programs run",
)
_WATCHED = ("what happened before and after the robot was watched: no file shows it",)
_WHICH = "That this is the robot that it is said to be: "
_FROM_FILES = _WHICH + "nothing in its files proves which machine they are from."
_OVER_SSH = _WHICH + "its SSH host key is told, and whoever held its card may have that key too."
_BY_ITS_KEY = _WHICH + "its evidence is signed by the key that was accepted for it; whoever was root may have that too."
_OF_THE_SPAN = "what happened before and after the span, and what no sense of this robot looks at"
_BY_THE_HOST = (
    "That this host left nothing out: it made this report. The bundle of the same span has what the robot signed."
)
_UNHIDDEN = "That nobody hides from this look: whoever is root on a robot may have changed what it shows of itself."


@dataclass(frozen=True)
class Subject:
    """What was audited. `kind`: image, tree, ssh or ledger; `name`: as given; `digest`: of an image's bytes (SHA-256).

    `host_key`: the fingerprint of the SSH host key that a robot showed. `lost`: why not all of it could be looked at.
    `watched`: the observations of a running robot, which lie beside the report. `kept`: of an enrolled robot, the
    evidence that it was answered from.
    """

    kind: str
    name: str
    digest: str | None = None
    host_key: str | None = None
    lost: str | None = None
    watched: "Record | None" = None
    kept: "Kept | None" = None


@dataclass(frozen=True)
class Run:
    """Numbers of a chain, and the hash of the last token that was there: it holds those of all before it."""

    chain: str
    from_seq: int
    to_seq: int
    last_hash: str | None


@dataclass(frozen=True)
class Kept:
    """Evidence of a span of host time, as a host keeps it. `keys`: thumbprints of the robot's keys that signed it."""

    from_t: float
    to_t: float
    tokens: int
    keys: tuple[str, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Record:
    """A file of observations, a line each. `seconds`: for how long the robot was watched."""

    seconds: float
    observations: int
    sha256: str


def make(
    subject: Subject, robot: KnownRobot, answers: Sequence[Answer], begun_t: float, ended_t: float,
    challenge: str | None,
) -> dict[str, Any]:  # fmt: skip
    """The report, as it is signed. Times are this machine's, in seconds since 1970."""
    return {
        "format": FORMAT,
        "made_by": f"wachhund {__version__}",
        "begun_t": round(begun_t, 3),
        "ended_t": round(ended_t, 3),
        "challenge": challenge,
        "subject": {
            "kind": subject.kind, "name": subject.name, "sha256": subject.digest, "host_key": subject.host_key,
        },
        "watched": None if subject.watched is None else {
            "seconds": round(subject.watched.seconds), "observations": subject.watched.observations,
            "sha256": subject.watched.sha256,
        },
        "kept": None if subject.kept is None else {
            **vars(subject.kept), "keys": list(subject.kept.keys),
            "runs": [dict(vars(run)) for run in subject.kept.runs],
        },
        "model": {"name": robot.name, "title": robot.title},
        "worst": worst(answers),
        "answers": [answer.to_json() for answer in answers],
        "unseen": [*([subject.lost] if subject.lost else []), *robot.unseen, *_beyond(subject)],
        "not_proven": [*_unproven(subject), _UNHIDDEN, _freshness(challenge)],
    }  # fmt: skip


def _beyond(subject: Subject) -> tuple[str, ...]:
    if subject.kept is not None:
        return (_OF_THE_SPAN,)
    return _WATCHED if subject.watched else _NOT_WATCHED


def _unproven(subject: Subject) -> tuple[str, ...]:
    if subject.kept is not None:
        return (_BY_ITS_KEY, _BY_THE_HOST)
    return (_FROM_FILES if subject.host_key is None else _OVER_SSH,)


def _freshness(challenge: str | None) -> str:
    if challenge is None:
        return "That it is fresh: its time is by the auditor's clock. A challenge chosen by the reader would show it."
    return "How long after the challenge it was made: that it was not made before is all that a challenge shows."


def exit_status(report: dict[str, Any]) -> int:
    """For scripts: 3 when something high was found; else 4 when something could not be looked at; else 0."""
    if report["worst"] is not None and LEVELS.index(report["worst"]) >= LEVELS.index("high"):
        return EXIT_HIGH
    missed = any(one["result"] == NOT_SEEN or one["missed"] for one in report["answers"])
    return EXIT_NOT_SEEN if missed else EXIT_CLEAN


def in_one_line(report: dict[str, Any]) -> str:
    """The outcome, for a terminal and for the top of a page."""
    results = [one["result"] for one in report["answers"]]
    failed, unseen = results.count(FAILED), results.count(NOT_SEEN)
    parts = [f"{failed} of {len(results)} questions failed" if failed else "no question failed"]
    if unseen:
        parts.append(f"{unseen} could not be answered")
    if report["worst"] is not None:
        parts.append(f"the gravest finding is {report['worst']}")
    return ", ".join(parts)
