"""What people do about incidents: acknowledge, assign, comment, close, open again; one or many.

Two who act on the same one do not undo each other: the second is told what the first did, and nothing of either is
lost. Nor does anybody decide about what was not to be seen when the page was loaded: the mark says what was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wachhund.alerts.life import ACK_S, REASONS, STATES, TABLE, standing
from wachhund.alerts.looks import growth, look, mark
from wachhund.judge.wording import moment, shown
from wachhund.ledger import Ledger
from wachhund.ledger.handling_records import (
    ACKNOWLEDGE,
    ACKNOWLEDGED,
    ASSIGN,
    CLOSE,
    CLOSED,
    COMMENT,
    OPEN,
    REOPEN,
    IncidentAct,
    Life,
)
from wachhund_evidence import MisuseError

ACTS = (ACKNOWLEDGE, ASSIGN, COMMENT, CLOSE, REOPEN)
MAX_TEXT_CHARS = 2_000
MAX_AT_ONCE = 100  # incidents of one act: a page of them
_DONE = {
    ACKNOWLEDGE: "acknowledged it", ASSIGN: "assigned it", COMMENT: "wrote", CLOSE: "closed it",
    REOPEN: "opened it again",
}  # fmt: skip


class Overtaken(MisuseError):
    """Somebody else was first, or the incident became another than was seen. Nothing was changed."""


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to do. `by`: who; `t`: host time. `text`: a comment, or why. `detail`: the assignee (empty
    for nobody), or the reason of a close."""

    act: str
    by: str
    t: float
    text: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Shown:
    """The incident as it was shown to who acts. `version` of its life and `mark` of what was to be seen; None: whatever
    is true at the moment of the act, for who looks and acts in one go."""

    id: str
    version: int | None = None
    mark: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one of many. `refused`: why nothing was done to it; None when it was."""

    id: str
    life: Life | None
    refused: str | None


def handle(ledger: Ledger, of: Shown, wanted: Wanted, is_person: Callable[[str], bool] = lambda name: True) -> Life:
    """Do an act to one incident; what it is left at. Raises MisuseError, such as Overtaken: then nothing changed.

    `is_person`: whether an incident may be assigned to that name.
    """
    wanted = checked(wanted, is_person)
    try:
        return ledger.handling.act(of.id, lambda incident, life: decide(incident, life, of, wanted))
    except Overtaken as error:
        done = [act for act in ledger.handling.acts(of.id) if of.version is not None and act.number > of.version]
        first = "; ".join(told(act) for act in done if act.act != COMMENT)
        raise Overtaken(f"{error}{f': {first}' if first else ''}. Nothing was changed.") from None


def handle_many(
    ledger: Ledger, many: Sequence[Shown], wanted: Wanted, is_person: Callable[[str], bool] = lambda name: True
) -> list[Outcome]:
    """Do an act to several, each for itself. Raises MisuseError when it can be done to none."""
    wanted = checked(wanted, is_person)
    if not 1 <= len(many) <= MAX_AT_ONCE:
        raise MisuseError(f"choose 1 to {MAX_AT_ONCE} incidents. Nothing was changed.")
    found = []
    for of in many:
        try:
            found.append(Outcome(of.id, handle(ledger, of, wanted, is_person), None))
        except MisuseError as error:
            found.append(Outcome(of.id, None, str(error)))
    return found


def checked(wanted: Wanted, is_person: Callable[[str], bool]) -> Wanted:
    """The same with its text tidied. Raises MisuseError."""
    if wanted.act not in ACTS:
        raise MisuseError(f"{wanted.act!r}: one of {', '.join(ACTS)}")
    text = wanted.text.replace("\r\n", "\n").strip()
    if len(text) > MAX_TEXT_CHARS or not text.replace("\n", "").isprintable():
        raise MisuseError(f"text: give at most {MAX_TEXT_CHARS} printable characters: it stays on record")
    if wanted.act == COMMENT and not text:
        raise MisuseError("comment: write something")
    if wanted.act == CLOSE and wanted.detail not in REASONS:
        raise MisuseError(f"reason: one of {', '.join(REASONS)}")
    if wanted.act == ASSIGN and wanted.detail and not is_person(wanted.detail):
        raise MisuseError(f"assign: {shown(wanted.detail)!r}: there is no such person here")
    return replace(wanted, text=text, detail=wanted.detail if wanted.act in (ASSIGN, CLOSE) else "")


def decide(incident: Mapping[str, Any] | None, life: Life, of: Shown, wanted: Wanted) -> tuple[IncidentAct, Life]:
    """What an act makes of an incident and its life. Raises MisuseError. Pure."""
    if incident is None:
        raise MisuseError(f"incident {shown(of.id)!r}: there is none: `wachhund incidents list` shows them")
    act = IncidentAct(life.incident, wanted.act, wanted.by, wanted.t, wanted.text, wanted.detail)
    if wanted.act == COMMENT:
        return act, life
    if of.version is not None and of.version != life.version:
        raise Overtaken("somebody was there before you")
    stands = standing(incident, life, wanted.t).state
    became = TABLE.get((stands, wanted.act))
    if became is None or (wanted.act == REOPEN and incident.get("joined") is not None):
        raise MisuseError(
            f"incident {life.incident}: it is {stands}: {wanted.act} is not possible. Nothing was changed."
        )
    if wanted.act == ASSIGN:
        return act, replace(life, assignee=wanted.detail or None)
    if of.mark is not None and not _is_seen(of.mark, mark(incident), wanted.act):
        more = f" ({', '.join(growth(incident, life.seen))})" if life.seen and growth(incident, life.seen) else ""
        raise Overtaken(f"it has changed since you loaded the page{more}: look at it, then do it again")
    return act, replace(
        life, state={ACKNOWLEDGE: ACKNOWLEDGED, CLOSE: CLOSED, REOPEN: OPEN}[wanted.act], by=wanted.by, t=wanted.t,
        why=wanted.text, until_t=wanted.t + ACK_S if wanted.act == ACKNOWLEDGE else None,
        reason=wanted.detail if wanted.act == CLOSE else None, seen=look(incident), came_back=stands == STATES[1],
    )  # fmt: skip


def _is_seen(shown_mark: str, now: str, act: str) -> bool:
    """Whether what was to be seen is still all there is. Who acknowledges answers for what would make it ring again;
    an attacker who goes on must not keep him from it."""
    if act == ACKNOWLEDGE:
        return shown_mark.partition(".")[0] == now.partition(".")[0]
    return shown_mark == now


def told(act: IncidentAct) -> str:
    """An act in words: who did what, when, and what they said."""
    what = _DONE[act.act]
    if act.act == ASSIGN:
        what = f"assigned it to {shown(act.detail)}" if act.detail else "assigned it to nobody"
    elif act.act == CLOSE:
        what += f" ({act.detail})"
    return f"{shown(act.by)} {what} at {moment(act.t)}{f': {shown(act.text)}' if act.text else ''}"
