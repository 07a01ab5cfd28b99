"""What a witness's statement says against the agent's word, and against its own earlier one. Pure.

In the order of the code: (1) the same statement again, (2) another under its number, (3) one that is older than what
came, (4) one that can't be fresh, (5) counts that go back, another chip, (6) its starts, (7) what happened: case
opened, output used, silences, (8) lines against the agent's word, (9) beats against tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from wachhund.ledger.fault_kinds import (
    WITNESS_BACK,
    WITNESS_CONTRADICTS,
    WITNESS_CUT,
    WITNESS_RESTARTS,
    WITNESS_STALE,
    WITNESS_TAMPER,
)
from wachhund.ledger.fault_records import Sighting
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.witness_records import Beat, Silence, Stand
from wachhund_evidence import StatementClaims, WitnessEvent

MAX_OPEN = 32  # silences, and heads of beats, that wait to be held against evidence; the oldest give way


@dataclass(frozen=True)
class WitnessLimits:
    """Every bound of what is found. Seconds."""

    missing_s: float = 150.0  # without a statement while evidence comes: 15 were due, over a modem 2
    head_s: float = 600.0  # until a token that beats named must be here: what calls a hole in a chain a gap
    stale_s: float = 180.0  # between a statement's nonce and its arrival, while its evidence is fresh
    fresh_s: float = 60.0  # protocol.md: of evidence
    silence_s: float = 30.0  # of the agent: below, a busy board may explain it
    silence_slack_s: float = 15.0  # by which the two clocks may be taken wrong: a statement waits for its token
    keep_silence_s: float = 24 * 3600.0  # backlog may still bring what was made in it
    modem_s: float = 60.0  # powered: a modem needs that long to bring its link up
    restarts: int = 5  # of the witness within...
    restarts_s: float = 600.0
    settled_n: int = 6  # statements of a boot, until it has the host's nonce


@dataclass(frozen=True)
class Carried:
    """The evidence that carried a statement. `nonce_t`: of the evidence; `fresh_t`: of the statement's own nonce."""

    robot: str
    chain: str
    seq: int
    hash: str
    bootseed: str
    mono: float
    received_t: float
    nonce_t: float | None
    fresh_t: float | None
    statement: str  # its hash


def _noticed(carried: Carried, what: str, mark: str, **fields: object) -> Noticed:
    seen = (Sighting("carried the witness's statement", carried.chain, carried.seq, carried.hash),)
    return Noticed(
        carried.robot, what, carried.chain, carried.received_t, mark, carried.seq, carried.seq, seen, fields
    )  # fmt: skip


def _is_later(carried: Carried, before: Stand) -> bool:
    """Whether the evidence was made after that which carried the statement before."""
    if carried.chain == before.chain:
        return carried.seq > before.seq
    return carried.bootseed == before.bootseed and carried.mono > before.mono


def take(
    before: Stand | None, said: StatementClaims, carried: Carried, modem_is_up: Callable[[], bool],
    has_token: Callable[[str], bool], limits: WitnessLimits,
) -> tuple[Stand | None, list[Noticed]]:  # fmt: skip
    """What stands now (None: nothing changes) and what was found."""
    here = f"{said.bootcount}.{said.n}"
    if before is not None and (said.bootcount, said.n) <= before.place:
        if (said.bootcount, said.n) == before.place:
            if carried.statement == before.hash:
                return None, []  # (1)
            return None, [_noticed(carried, WITNESS_BACK, f"fork {here}", why="fork", n=said.n)]  # (2)
        if _is_later(carried, before):
            fields = {"bootcount": said.bootcount, "n": said.n, "held": before.n}
            return None, [_noticed(carried, WITNESS_BACK, f"older {carried.chain}", why="older", **fields)]  # (3)
        return None, []  # from the backlog: newer ones came before it
    found = [*_stale(before, said, carried, limits), *_back(before, said, carried)]
    starts, restarts = _starts(before, said, carried, limits)
    events = _new_events(before, said)
    silences = _silences(before, said, carried, events, limits)
    stand = replace(_stand(before, said, carried), silences=silences, reset_t=starts[0], reset_count=starts[1])
    stand, against = _against(stand, before, said, carried, modem_is_up, has_token, limits)
    return stand, [*found, *restarts, *_happened(events, said, carried), *against]


def _stale(before: Stand | None, said: StatementClaims, carried: Carried, limits: WitnessLimits) -> list[Noticed]:
    """(4) Evidence is fresh, the statement in it is not: it was held up, or kept from the host's confirmations."""
    evidence_is_fresh = carried.nonce_t is not None and carried.received_t - carried.nonce_t <= limits.fresh_s
    if before is None or not evidence_is_fresh or said.n <= limits.settled_n:
        return []
    age = None if carried.fresh_t is None else carried.received_t - carried.fresh_t
    if age is not None and age <= limits.stale_s:
        return []
    return [_noticed(carried, WITNESS_STALE, str(said.bootcount), age_s=None if age is None else round(age))]


def _back(before: Stand | None, said: StatementClaims, carried: Carried) -> list[Noticed]:
    """(5)"""
    if before is None:
        return []
    found = []
    if said.chip != before.chip:
        found.append(_noticed(carried, WITNESS_BACK, f"chip {said.chip}", why="chip"))
    for name, (_, edges) in said.lines.items():
        known = before.lines.get(name)
        if known is not None and edges < known[1]:
            found.append(_noticed(carried, WITNESS_BACK, f"count {name}", why="count", line=name))
    return found


def _starts(
    before: Stand | None, said: StatementClaims, carried: Carried, limits: WitnessLimits
) -> tuple[tuple[float, int], list[Noticed]]:  # fmt: skip
    """(6) Where the span of counting starts stands, and whether there were many in it."""
    now = carried.received_t
    if before is None or now - before.reset_t > limits.restarts_s:
        known = said.bootcount if before is None else before.bootcount
        begun = (now, known)
    else:
        begun = (before.reset_t, before.reset_count)
    number = said.bootcount - begun[1]
    if number < limits.restarts:
        return begun, []
    return begun, [_noticed(carried, WITNESS_RESTARTS, f"{begun[1]}", number=number)]


def _new_events(before: Stand | None, said: StatementClaims) -> list[WitnessEvent]:
    seen = before.seen_event if before is not None and before.bootcount == said.bootcount else 0
    return [event for event in said.events if event.number > seen]


def _happened(events: list[WitnessEvent], said: StatementClaims, carried: Carried) -> list[Noticed]:
    """(7)"""
    found = []
    for event in events:
        mark = f"{said.bootcount}.{event.number}"
        if event.what == "tamper":
            found.append(_noticed(carried, WITNESS_TAMPER, mark, opened=event.value == 1))
        elif event.what == "cut":
            found.append(_noticed(carried, WITNESS_CUT, mark))
    return found


def _silences(
    before: Stand | None, said: StatementClaims, carried: Carried, events: list[WitnessEvent], limits: WitnessLimits
) -> tuple[Silence, ...]:  # fmt: skip
    """(7) Spans in which the agent was not heard, in its own clock, kept until evidence of then has come."""
    known = before.silences if before is not None else ()
    offset_s = _offset(before, said, carried)
    for event in events:
        if event.what == "silent" and type(event.value) is int and event.value >= limits.silence_s * 1000:
            end = event.up_ms / 1000 + offset_s
            begin = end - event.value / 1000
            mark = f"silent {said.bootcount}.{event.number}"
            known = (
                *known,
                Silence(carried.bootseed, begin, end, event.value / 1000, carried.received_t, mark),
            )
    return known[-MAX_OPEN:]


def _offset(before: Stand | None, said: StatementClaims, carried: Carried) -> float:
    """The agent's clock less the witness's: the least seen is nearest, as a statement waits for its token."""
    offset_s = carried.mono - said.up_ms / 1000
    if before is not None and (before.bootcount, before.bootseed) == (said.bootcount, carried.bootseed):
        return min(offset_s, before.offset_s)
    return offset_s


def _stand(before: Stand | None, said: StatementClaims, carried: Carried) -> Stand:
    same_boot = before is not None and before.bootcount == said.bootcount
    seen = before.seen_event if before is not None and same_boot else 0
    return Stand(
        bootcount=said.bootcount, n=said.n, hash=carried.statement, up_ms=said.up_ms, received_t=carried.received_t,
        fresh_t=carried.fresh_t, chain=carried.chain, seq=carried.seq, bootseed=carried.bootseed, mono=carried.mono,
        offset_s=_offset(before, said, carried), chip=said.chip, cause=said.cause, kept=said.kept,
        lines=dict(said.lines), armed=said.armed, cut=said.cut, beats=said.beats, silent_ms=said.silent_ms,
        longest_ms=said.longest_ms, seen_event=max([seen, *(event.number for event in said.events)]), lost=said.lost,
        statements=1 if before is None else before.statements + 1, reset_t=carried.received_t,
        reset_count=said.bootcount, powered=before.powered if before else False,
        modem_t=before.modem_t if before else None, beats_open=before.beats_open if before else (),
    )  # fmt: skip


def _against(
    stand: Stand, before: Stand | None, said: StatementClaims, carried: Carried, modem_is_up: Callable[[], bool],
    has_token: Callable[[str], bool], limits: WitnessLimits,
) -> tuple[Stand, list[Noticed]]:  # fmt: skip
    """(8), (9)"""
    found = []
    power = said.lines.get("pi-power", (0, 0))[0]
    unpowered = 0 if power or not stand.powered else (before.unpowered if before else 0) + 1
    if unpowered >= 2:
        found.append(_noticed(carried, WITNESS_CONTRADICTS, f"power {said.bootcount}", why="power"))
    modem_t = None
    if said.lines.get("modem", (0, 0))[0]:
        modem_t = carried.received_t if stand.modem_t is None else stand.modem_t
        if carried.received_t - modem_t >= limits.modem_s and not modem_is_up():
            found.append(_noticed(carried, WITNESS_CONTRADICTS, f"modem {modem_t:.0f}", why="modem"))
    beats = stand.beats_open
    if said.head is not None and said.beats and all(beat.head != said.head for beat in beats):
        beats = (*beats, *(() if has_token(said.head) else (Beat(said.head, carried.received_t),)))[-MAX_OPEN:]
    powered = stand.powered or power == 1
    return replace(stand, unpowered=unpowered, powered=powered, modem_t=modem_t, beats_open=beats), found


def hold_against_evidence(
    stand: Stand, robot: str, now: float, has_token: Callable[[str], bool],
    tokens_between: Callable[[str, float, float], list[tuple[str, int, str]]], limits: WitnessLimits,
) -> tuple[Stand, list[Noticed]]:  # fmt: skip
    """What waited for evidence: silences in which the agent says that it was well, and beats that name no token."""
    found, silences, beats = [], [], []
    for silence in stand.silences:
        slack = limits.silence_slack_s
        made = tokens_between(silence.bootseed, silence.from_mono + 2.0, silence.to_mono - slack)
        if made:
            seen = tuple(Sighting("the agent's word of that time", *one) for one in made)
            chain, seq = made[0][0], made[0][1]
            fields = {"why": "silent", "seconds": round(silence.seconds)}
            told = Noticed(robot, WITNESS_CONTRADICTS, chain, now, silence.mark, seq, made[-1][1], seen, fields)
            found.append(told)
        elif now - silence.told_t < limits.keep_silence_s:
            silences.append(silence)
    for beat in stand.beats_open:
        if has_token(beat.head):
            continue
        if now - beat.told_t < limits.head_s:
            beats.append(beat)
            continue
        fields = {"why": "head"}
        found.append(Noticed(robot, WITNESS_CONTRADICTS, stand.chain, now, "head", stand.seq, stand.seq, (), fields))
    return replace(stand, silences=tuple(silences), beats_open=tuple(beats)), found
