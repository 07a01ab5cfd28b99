"""Writing a bundle: one moment of the ledger, a robot, a span or an incident, into a file that speaks for itself."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select

from wachhund.audit.bundle import (
    ABOUT,
    FORMAT,
    INCIDENT,
    MANIFEST,
    PART_BYTES,
    README,
    README_TEXT,
    Listed,
    Sum,
    evidence_name,
    sign_manifest,
)
from wachhund.audit.plain_zip import MAX_ZIP_BYTES, NotPlain, PlainZipWriter
from wachhund.ledger import roll, spans, verdicts
from wachhund.ledger.erased import read_erasure
from wachhund.ledger.keeping_records import HASH_CHARS, ErasedRun
from wachhund.ledger.schema import forks
from wachhund_evidence import MisuseError, public_key_pem, thumbprint

_MAX_ACTS = 2_000  # of a robot, the first and what follows: how it came here stands at the beginning


@dataclass(frozen=True)
class Wanted:
    """What to hand on: a robot (its id), a span of it, or an incident of it (then the span is the incident's).

    Times None: no end there.
    """

    robot: str
    from_t: float | None = None
    to_t: float | None = None
    incident: str | None = None


@dataclass(frozen=True)
class Exported:
    """What was written."""

    tokens: int
    erased: int
    bytes: int


def export(
    connection: Connection, wanted: Wanted, key: Ed25519PrivateKey, made_t: float, stream: IO[bytes],
    limit: int = MAX_ZIP_BYTES,
) -> Exported:  # fmt: skip
    """Write a bundle into a stream that can seek, at most `limit` bytes. Raises MisuseError."""
    robot = roll.find(connection, wanted.robot)
    incident = _incident(connection, wanted)
    ranges = _ranges(connection, wanted, incident)
    if not any(ranges.values()):
        raise MisuseError("export: nothing of that robot and span is here: see `wachhund kept`")
    writer = _Writer(stream, limit)
    try:
        writer.part(README, README_TEXT.encode("ascii"))
        about = _about(connection, wanted, robot, ranges, key, made_t)
        writer.part(ABOUT, _json(about))
        if incident is not None:
            writer.part(INCIDENT, _json(incident))
        writer.evidence(_lines(connection, robot.id, ranges))
        return writer.close(robot.id, made_t, key)
    except NotPlain as error:
        raise MisuseError(f"export: {error}: give a shorter span") from None


def _incident(connection: Connection, wanted: Wanted) -> dict[str, Any] | None:
    if wanted.incident is None:
        return None
    found = verdicts.incident(connection, wanted.incident)
    if found is None or found.get("robot") != wanted.robot:
        raise MisuseError(f"incident {wanted.incident!r}: no such incident of this robot")
    return found


def ranges_of(connection: Connection, wanted: Wanted) -> spans.Ranges:
    """Which numbers of which chains a bundle of that span holds. Raises MisuseError."""
    return _ranges(connection, wanted, _incident(connection, wanted))


def _ranges(connection: Connection, wanted: Wanted, incident: dict[str, Any] | None) -> spans.Ranges:
    robot, from_t, to_t = wanted.robot, wanted.from_t, wanted.to_t
    if incident is not None and (from_t, to_t) == (None, None):
        from_t, to_t = incident["first_t"], incident["last_t"]
    if (from_t, to_t) == (None, None):
        return spans.whole(connection, robot)
    found = spans.of_time(connection, robot, -inf if from_t is None else from_t, inf if to_t is None else to_t)
    rests_on = [] if incident is None else [(one.get("chain"), one.get("seq")) for one in incident.get("evidence", [])]
    numbers = [(chain, seq) for chain, seq in rests_on if isinstance(chain, str) and isinstance(seq, int)]
    found = spans.with_numbers(connection, robot, found, numbers)
    return spans.with_numbers(connection, robot, found, spans.statements(connection, robot, found))


def _about(
    connection: Connection, wanted: Wanted, robot: Any, ranges: spans.Ranges, key: Ed25519PrivateKey, made_t: float
) -> dict[str, Any]:
    host = key.public_key()
    acts = sorted({run.erasure for chain in ranges for run in _runs(connection, robot.id, chain, ranges[chain])})
    erasures = [one for one in (read_erasure(connection, number) for number in acts) if one is not None]
    return {
        "format": FORMAT,
        "made_t": made_t,
        "host": {"kid": thumbprint(host), "key": public_key_pem(host).decode("ascii")},
        "robot": {"id": robot.id, "name": robot.name, "state": robot.state, "ueid": robot.ueid},
        "keys": [
            {
                "kid": one.kid, "ueid": one.ueid, "key": one.public_key_pem, "since_t": one.since_t,
                "until_t": one.until_t,
            }
            for one in roll.keys(connection, robot.id)
        ],
        "acts": [
            {"t": one.t, "act": one.act, "by": one.by, "detail": one.detail}
            for one in roll.acts(connection, robot.id)[:_MAX_ACTS]
        ],
        "span": {"from_t": wanted.from_t, "to_t": wanted.to_t},
        "incident": wanted.incident,
        "ranges": [
            {"chain": chain, "from_seq": first, "to_seq": last} for chain, of in ranges.items() for first, last in of
        ],
        "erasures": [
            {
                "id": one.id, "reason": one.reason, "from_t": one.from_t, "to_t": one.to_t, "begun_t": one.begun_t,
                "finished_t": one.finished_t, "by": one.by, "why": one.why, "tokens": one.tokens,
            }
            for one in erasures
        ],
    }  # fmt: skip


def _runs(connection: Connection, robot: str, chain: str, of: Sequence[tuple[int, int]]) -> Iterator[ErasedRun]:
    for first, last in of:
        yield from spans.erased_runs(connection, robot, chain, first, last)


def _lines(connection: Connection, robot: str, ranges: spans.Ranges) -> Iterator[tuple[bytes, int, int]]:
    """Lines of evidence, each with how many tokens and how many erased numbers it is."""
    for chain, of in ranges.items():
        for first, last in of:
            for entry in spans.entries(connection, robot, chain, first, last):
                if isinstance(entry, ErasedRun):
                    count = entry.last_seq - entry.first_seq + 1
                    yield _json({"erased": _run(entry)}), 0, count
                else:
                    yield (
                        _json({"token": entry["text"], "received_t": entry["received_t"], "nonce_t": entry["nonce_t"]}),
                        1,
                        0,
                    )
            rivals = select(forks.c.text, forks.c.received_t).where(
                forks.c.robot == robot, forks.c.chain == chain, forks.c.seq.between(first, last)
            )
            for text, received_t in connection.execute(rivals):
                yield _json({"fork": text, "received_t": received_t}), 0, 0


def _run(run: ErasedRun) -> dict[str, Any]:
    hashes = [run.hashes[at : at + HASH_CHARS] for at in range(0, len(run.hashes), HASH_CHARS)]
    return {
        "chain": run.chain, "first_seq": run.first_seq, "last_seq": run.last_seq, "prev": run.prev, "hashes": hashes,
        "first_received_t": run.first_received_t, "last_received_t": run.last_received_t, "erasure": run.erasure,
    }  # fmt: skip


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


class _Writer:
    """Parts into a plain ZIP, and what the manifest says of them."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._zip = PlainZipWriter(stream, limit)
        self._listed: list[Listed] = []
        self._tokens = self._erased = 0

    def part(self, name: str, content: bytes) -> None:
        self._zip.begin(name)
        self._zip.write(content)
        summed = Sum()
        summed.add(content)
        self._listed.append(summed.listed(name))

    def evidence(self, lines: Iterator[tuple[bytes, int, int]]) -> None:
        number, summed = 0, Sum()
        for line, tokens, erased in lines:
            if number == 0 or summed.size + len(line) > PART_BYTES:
                if number:
                    self._listed.append(summed.listed(evidence_name(number)))
                number, summed = number + 1, Sum()
                self._zip.begin(evidence_name(number))
            self._zip.write(line)
            summed.add(line)
            self._tokens, self._erased = self._tokens + tokens, self._erased + erased
        if number:
            self._listed.append(summed.listed(evidence_name(number)))

    def close(self, robot: str, made_t: float, key: Ed25519PrivateKey) -> Exported:
        self._zip.begin(MANIFEST)
        self._zip.write(sign_manifest(self._listed, robot, made_t, key))
        self._zip.close()
        return Exported(self._tokens, self._erased, self._zip.size)
