"""Checking a robot's evidence, entry after entry, as a ledger or a bundle holds it: chain by chain, number by number.

Nothing is believed but the keys: who signed what, which number follows which by its hash, which numbers are missing and
what the robot itself signed about that. Memory is bounded, whatever is handed in. Pure: no file, no clock.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.audit.proven import COMPLETENESS, FRESHNESS, ORDER, Proven
from wachhund.ledger.keeping_records import HASH_CHARS, ErasedRun
from wachhund_evidence import (
    EVIDENCE_PROFILE,
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    RejectedEvidence,
    base64url,
    read_evidence,
    read_receipt,
    strict_json,
    token_hash,
)

Keys = Mapping[str, Mapping[str, Ed25519PublicKey]]  # ueid -> kid -> key
Range = tuple[int, int]

MAX_CHAINS = 10_000  # of a robot: an honest one has a chain for each journal that it lost
MAX_RANGES = 100_000  # of numbers that are here, and as many that are stated, of one chain
_RECENT = 1_024  # hashes of a chain kept for the receipts that are shown in it: they speak of what was just before
_FRESH_S = 60.0  # protocol.md, presence
_BACKWARDS_S = 60.0  # a host's clock may be set back so far; beyond that its word of time is none
_NONCE_TIME_BYTES = 8


@dataclass
class _Chain:
    """What is to be remembered of the chain in hand."""

    name: str
    last_seq: int = 0
    last_hash: str = ""
    here: list[Range] = field(default_factory=list)
    stated: list[Range] = field(default_factory=list)
    held_back: Range = (0, -1)
    recent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_RECENT))


class EvidenceCheck:
    """Feed it entries, the numbers of a chain together and in order, then `end`. What it finds goes into `found`.

    `keys`: those that are believed. `host_keys`: under which receipts count. `windows`: for each chain the ranges of
    numbers that are said to be here; None: everything from 1 on.
    """

    def __init__(
        self,
        found: Proven,
        keys: Keys,
        host_keys: Mapping[str, Ed25519PublicKey],
        windows: Mapping[str, Sequence[Range]] | None = None,
    ) -> None:
        self._found, self._keys, self._host_keys, self._windows = found, keys, host_keys, windows
        self._chain: _Chain | None = None
        self._seen: set[str] = set()
        self._named: list[str] = []  # what first tokens name as the one before
        self._lasts: set[str] = set()
        self._used: set[str] = set()

    def token(
        self, text: str, received_t: float, nonce_t: float | None, place: tuple[str, int, str, str] | None = None
    ) -> EvidenceClaims | None:
        """A token's text. `place`: chain, number, hash and prev that stand beside it, when something does.

        Returns its claims when it is proven.
        """
        found = self._found
        found.tokens += 1
        where = f"token {found.tokens}" if place is None else f"chain {place[0]} number {place[1]}"
        hashed = token_hash(text) if text.isascii() else ""
        claims = None
        if place is not None and hashed != place[2]:
            found.fault(f"{where}: its hash is not that of its text")
        else:
            claims = self._read(text, where)
        if claims is not None and place is not None and _place_of(claims) != (place[0], place[1], place[3]):
            found.fault(f"{where}: the token itself names another place")
            claims = None
        if claims is not None:
            found.signatures += 1
            if self._number(claims.chain, claims.seq, claims.seq, claims.prev, hashed, proven=True):
                self._statements(claims)
                self._receipt(claims)
            self._freshness(claims, where, received_t, nonce_t)
        elif place is not None:
            self._number(place[0], place[1], place[1], "", place[2], proven=False)
        return claims

    def erased(self, run: ErasedRun) -> None:
        """Numbers whose text was erased: what stands of them is the host's word, up to the next token's link."""
        count = run.last_seq - run.first_seq + 1
        if count < 1 or len(run.hashes) != HASH_CHARS * count:
            self._found.fault(f"chain {run.chain} from number {run.first_seq}: what was erased has no hashes", ORDER)
            return
        if self._number(run.chain, run.first_seq, run.last_seq, run.prev, run.hash_at(run.last_seq), proven=False):
            self._found.erased += count

    def fork(self, text: str) -> None:
        """Another token that is said to be signed for a number that is here. Empty: its text was erased."""
        if not text or self._read(text, "a rival token") is not None:
            self._found.forks += 1

    def end(self) -> None:
        """There is no more."""
        self._end_chain()
        self._found.joined = sum(named in self._lasts for named in self._named)
        self._found.keys = sorted(self._used)
        for chain in self._windows or {}:
            if chain not in self._seen:
                self._begin_chain(chain)
                self._end_chain()

    def _read(self, text: str, where: str) -> EvidenceClaims | None:
        refused: RejectedEvidence | None = None
        for ueid, of_ueid in self._keys.items():
            try:
                claims = read_evidence(text, of_ueid, ueid)
            except RejectedEvidence as error:
                # Of several boards the one whose key it names has the most to say about it.
                refused = error if refused is None or refused.reason == "key" else refused
                continue
            self._used.add(_kid(text))
            return claims
        self._found.fault(f"{where}: not proven ({refused.reason if refused else 'no key'})")
        return None

    def _number(self, chain: str, first: int, last: int, prev: str, hashed: str, *, proven: bool) -> bool:
        """Numbers `first` to `last` are here; `prev` is what the first names, `hashed` the hash of the last."""
        if self._chain is None or self._chain.name != chain:
            self._end_chain()
            if chain in self._seen:
                self._found.fault(f"chain {chain}: it stands in two places", ORDER)
            self._begin_chain(chain)
        at = self._chain
        if at is None or first <= at.last_seq:
            self._found.fault(f"chain {chain} number {first}: stands after number {at.last_seq if at else 0}", ORDER)
            return False
        if first == at.last_seq + 1 and at.last_hash and prev:
            if prev != at.last_hash:
                self._found.fault(f"chain {chain} number {first}: does not follow the one before", ORDER)
            elif proven:
                self._found.links += 1
        if first == 1 and prev not in ("", ZERO_HASH):
            self._named.append(prev)
        _add(at.here, first, last)
        at.last_seq, at.last_hash = last, hashed
        at.recent.append((last, hashed))
        return True

    def _begin_chain(self, chain: str) -> None:
        if len(self._seen) >= MAX_CHAINS:
            if not self._found.failed[ORDER]:
                self._found.fault(f"more than {MAX_CHAINS} chains", ORDER)
            self._chain = _Chain(chain)
            return
        self._seen.add(chain)
        self._found.chains += 1
        self._chain = _Chain(chain)

    def _end_chain(self) -> None:
        at, found = self._chain, self._found
        if at is None:
            return
        if at.last_hash and len(self._lasts) < MAX_CHAINS:
            self._lasts.add(at.last_hash)
        wanted = _merged([(1, at.last_seq)] if self._windows is None else self._windows.get(at.name, ()))
        stated = _merged(at.stated)
        excused = _merged([*stated, at.held_back])
        for first, last in _holes(wanted, at.here):
            lost, either = _covered(stated, first, last), _covered(excused, first, last)
            found.stated_lost += lost
            found.held_back += either - lost
            found.holes += last - first + 1 - either
        if self._windows is not None:
            beside = sum(last - first + 1 - _covered(wanted, first, last) for first, last in at.here)
            if beside:
                found.fault(f"chain {at.name}: {beside} numbers beside the ranges that are named", COMPLETENESS)
        if len(at.here) >= MAX_RANGES or len(at.stated) >= MAX_RANGES:
            found.fault(f"chain {at.name}: too many holes to account for", COMPLETENESS)
        self._chain = None

    def _statements(self, claims: EvidenceClaims) -> None:
        at = self._chain
        if at is None or claims.profile != EVIDENCE_PROFILE:
            return
        for one in claims.obs:
            if one.kind == "agent.gap":
                gap = _stated_gap(one, claims.seq)
                if gap is not None and len(at.stated) < MAX_RANGES:
                    at.stated.append(gap)
            elif one.kind == "heartbeat":
                first = one.fields.get("held_back_from")
                at.held_back = (first, claims.seq) if type(first) is int else (0, -1)

    def _receipt(self, claims: EvidenceClaims) -> None:
        """The host's own word from back then, which the robot shows at the beginning of a connection."""
        if claims.receipt is None or not self._host_keys or self._chain is None:
            return
        try:
            receipt = read_receipt(claims.receipt, self._host_keys, claims.ueid)
        except RejectedEvidence:
            return  # of another host, or of a key that it had before
        self._found.receipts += 1
        head = dict(self._chain.recent).get(receipt.seq) if receipt.chain == claims.chain else None
        if head is not None and head != receipt.head:
            where = f"chain {claims.chain} number {receipt.seq}"
            self._found.fault(f"{where}: the host once receipted another token for it", ORDER)

    def _freshness(self, claims: EvidenceClaims, where: str, received_t: float, nonce_t: float | None) -> None:
        if nonce_t is None:
            return
        found = self._found
        width = received_t - nonce_t
        try:
            told = int.from_bytes(base64url.decode(claims.eat_nonce)[:_NONCE_TIME_BYTES], "big") / 1e6
        except RejectedEvidence:
            told = -1.0
        if abs(told - nonce_t) > 1e-4:
            found.fault(f"{where}: the time beside it is not that of the challenge in it", FRESHNESS)
        elif width < -_BACKWARDS_S:
            found.fault(f"{where}: said to have arrived before its challenge was issued", FRESHNESS)
        else:
            found.widest_s = max(found.widest_s or 0.0, width)
            found.within_minute += width <= _FRESH_S


def _place_of(claims: EvidenceClaims) -> tuple[str, int, str]:
    return claims.chain, claims.seq, claims.prev


def _stated_gap(observation: Observation, seq: int) -> Range | None:
    """The numbers that an `agent.gap` says are gone. It reaches only up to the token that states it."""
    first, last = observation.fields.get("from_seq"), observation.fields.get("to_seq")
    if type(first) is not int or type(last) is not int or not 1 <= first <= last < seq:
        return None
    return first, last


def _add(ranges: list[Range], first: int, last: int) -> None:
    """Add what lies beyond all that is there."""
    if ranges and (ranges[-1][1] + 1 == first or len(ranges) >= MAX_RANGES):
        ranges[-1] = (ranges[-1][0], last)
    else:
        ranges.append((first, last))


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers in order, no two ranges touching. What runs backwards is none."""
    made: list[Range] = []
    for first, last in sorted(ranges):
        if last < first:
            continue
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return made


def _holes(wanted: Iterable[Range], here: Sequence[Range]) -> Iterator[Range]:
    """What of `wanted` is not here. Both are in order, no two ranges of one touching."""
    place = 0
    for first, last in wanted:
        at = first
        while place < len(here) and here[place][1] < at:
            place += 1
        seen = place
        while seen < len(here) and here[seen][0] <= last:
            if here[seen][0] > at:
                yield at, here[seen][0] - 1
            at = max(at, here[seen][1] + 1)
            seen += 1
        if at <= last:
            yield at, last


def _covered(ranges: Sequence[Range], first: int, last: int) -> int:
    """How many of the numbers from `first` to `last` lie in the ranges, which are in order and do not touch."""
    covered = 0
    for place in range(max(0, bisect_right(ranges, (first, last)) - 1), len(ranges)):
        begin, end = ranges[place]
        if begin > last:
            break
        covered += max(0, min(end, last) - max(begin, first) + 1)
    return covered


def _kid(text: str) -> str:
    """The key that a token names, which was read and proven before."""
    return str(strict_json.parse_object(base64url.decode(text.partition(".")[0]))["kid"])
