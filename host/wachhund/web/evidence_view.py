"""One piece of evidence, checked again when it is shown: the ledger is not taken at its word. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wachhund.ledger.keeping_records import ErasedToken
from wachhund.ledger.records import Robot, RobotKey, StoredToken
from wachhund.web.moments import span
from wachhund.web.said import known, say
from wachhund.web.standing import VERIFIED_S
from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    RejectedEvidence,
    load_public_key_pem,
    read_evidence,
    token_hash,
)


@dataclass(frozen=True)
class Check:
    """One check: what was asked, `result` pass, fail or "not checked", and what that means."""

    name: str
    result: str
    meaning: str

    @property
    def tone(self) -> str:
        return {"pass": "good", "fail": "bad"}.get(self.result, "open")


@dataclass(frozen=True)
class EvidenceView:
    """One token with its checks. `claims`: None when it cannot be read; `stood`: whether no check failed.

    `key_pem`: of the key that signed it, or else of the robot's present one.
    """

    robot: Robot
    token: StoredToken
    key_pem: str
    claims: EvidenceClaims | None
    checks: Sequence[Check]
    items: frozenset[int]
    does_not_prove: Sequence[str]

    @property
    def stood(self) -> bool:
        return all(check.result != "fail" for check in self.checks)


PASS, FAIL, NOT_CHECKED = known("pass"), known("fail"), known("not checked")
_LINK = say("link to the one before")
_NOT_PROVEN = (
    say("that the robot's software was honest: who is root on it has its key, and evidence says what he lets it say"),
    say("that nothing happened beside what the sensors could see: compare the coverage of that time"),
)


def _signature(keys: Sequence[RobotKey], token: StoredToken) -> tuple[EvidenceClaims | None, RobotKey | None, Check]:
    """Under each key that the robot ever had: a token outlives the key that signed it."""
    refused: RejectedEvidence | None = None
    for key in keys:
        try:
            claims = read_evidence(token.text, {key.kid: load_public_key_pem(key.public_key_pem.encode())}, key.ueid)
        except RejectedEvidence as error:
            # Of several keys the one that it names has the most to say about it.
            refused = error if refused is None or error.reason != "key" else refused
            continue
        meaning = say("made with the key that was registered for this robot; not one byte changed since")
        if key.until_t is not None:
            meaning = say(
                "made with the key that was registered for this robot; not one byte changed since; the robot has "
                "another key by now"
            )
        return claims, key, Check(say("signature"), PASS, meaning)
    why = say("no key of this robot is known") if refused is None else str(refused)
    return None, None, Check(say("signature"), FAIL, say("refused: %(why)s", why=why))


def _place(token: StoredToken, claims: EvidenceClaims) -> Check:
    if (claims.chain, claims.seq) != (token.chain, token.seq):
        meaning = say("the token says number %(said)s, the ledger %(kept)s", said=claims.seq, kept=token.seq)
        return Check(say("place"), FAIL, meaning)
    return Check(say("place"), PASS, say("number %(seq)s of its chain, as signed", seq=claims.seq))


def _before(claims: EvidenceClaims, earlier: StoredToken | ErasedToken | None) -> Check:
    if claims.prev == ZERO_HASH:
        return Check(_LINK, PASS, say("the first of its journal: nothing came before"))
    if earlier is None:
        return Check(_LINK, NOT_CHECKED, say("the token before it is not in the ledger"))
    erased = isinstance(earlier, ErasedToken)
    hashed = earlier.hash if isinstance(earlier, ErasedToken) else token_hash(earlier.text)
    if hashed == claims.prev:
        meaning = say("names number %(seq)s by its hash: none between was removed", seq=earlier.seq)
        if erased:
            meaning = say(
                "names number %(seq)s (its text was erased) by its hash: none between was removed", seq=earlier.seq
            )
        return Check(_LINK, PASS, meaning)
    if earlier.seq == claims.seq - 1:
        return Check(_LINK, FAIL, say("number %(seq)s in the ledger is not the one it names", seq=earlier.seq))
    meaning = say("numbers %(first)s to %(last)s are missing", first=earlier.seq + 1, last=claims.seq - 1)
    return Check(_LINK, NOT_CHECKED, meaning)


def _freshness(token: StoredToken) -> Check:
    if token.nonce_t is None:
        return Check(say("freshness"), NOT_CHECKED, say("its challenge is none that this host can recognise"))
    width = token.received_t - token.nonce_t
    meaning = say("made within the %(span)s between our challenge and its arrival", span=span(width))
    if width > VERIFIED_S:
        meaning = say(
            "made within the %(span)s between our challenge and its arrival: a wide bracket, it waited in the robot's "
            "journal", span=span(width),
        )  # fmt: skip
    return Check(say("freshness"), PASS, meaning)


def evidence_view(
    robot: Robot,
    keys: Sequence[RobotKey],
    token: StoredToken,
    earlier: StoredToken | ErasedToken | None,
    items: frozenset[int] = frozenset(),
) -> EvidenceView:
    """Check `token` again, under `keys`: all that the robot ever had.

    `earlier`: the token before it in its chain, or what is left of it. `items`: observations to point at.
    """
    claims, key, signature = _signature(keys, token)
    checks = [signature]
    stored, number = say("stored text"), say("only one of its number")
    if token_hash(token.text) == token.hash:
        checks.append(Check(stored, PASS, say("its SHA-256 is the one written down when it arrived")))
    else:
        checks.append(Check(stored, FAIL, say("its SHA-256 is not the one written down when it arrived")))
    if claims is not None:
        checks += [_place(token, claims), _before(claims, earlier), _freshness(token)]
    if token.forks:
        meaning = say(
            "the robot's key signed %(n)s different tokens for this place: the key was copied", n=len(token.forks) + 1
        )
        checks.append(Check(number, FAIL, meaning))
    else:
        checks.append(Check(number, PASS, say("no other token for this place has been seen")))
    told = say("it carries no statement")
    if claims is not None and claims.witness is not None:
        told = say("the robot's page says what came of the statement that it carries")
    checks.append(Check(say("witness"), NOT_CHECKED, told))
    key_pem = robot.public_key_pem if key is None else key.public_key_pem
    return EvidenceView(robot, token, key_pem, claims, checks, items, _NOT_PROVEN)


def evidence_links(evidence: Sequence[Mapping[str, object]], limit: int) -> list[tuple[str, int, list[int]]]:
    """(chain, seq, items) of an incident's evidence, at most `limit`; references to lines of a file are left out."""
    links: list[tuple[str, int, list[int]]] = []
    for entry in evidence:
        chain, seq, items = entry.get("chain"), entry.get("seq"), entry.get("items")
        if isinstance(chain, str) and isinstance(seq, int):
            links.append(
                (chain, seq, [item for item in items if isinstance(item, int)] if isinstance(items, list) else [])
            )
    return links[:limit]
