"""Where statements of witnesses arrive: read, held against the agent's evidence, kept, and confirmed."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence

from wachhund.ledger import LaneLost, Ledger, LedgerError, VerifiedToken
from wachhund.ledger.fault_kinds import WITNESS_MISSING
from wachhund.ledger.noticing import Noticed
from wachhund.ledger.trouble import Trouble
from wachhund.ledger.witness_records import Stand, Witness
from wachhund.witness import findings
from wachhund.witness.findings import Carried, WitnessLimits
from wachhund.witness.secrets import WitnessSecrets
from wachhund_evidence import (
    RejectedEvidence,
    StatementClaims,
    make_nonce,
    nonce_time,
    read_statement,
    sign_confirm,
    token_hash,
)

log = logging.getLogger("wachhund.witness")

_REFRESH_S = 2.0  # between looks for witnesses that were registered or ended meanwhile
_AWAY_S = 60.0  # without evidence that long, a robot was not here

Count = Callable[[str, str, str, float], None]


class WitnessDesk:
    """Used by one thread. `count`: told of what is refused (robot, reason, detail, host time)."""

    def __init__(
        self, ledger: Ledger, secrets: WitnessSecrets, nonce_secret: bytes, count: Count,
        limits: WitnessLimits | None = None,
    ) -> None:  # fmt: skip
        self._ledger, self._secrets, self._nonce_secret, self._count = ledger, secrets, nonce_secret, count
        self._limits = limits or WitnessLimits()
        self._known: dict[str, tuple[Witness, bytes]] = {}
        self._looked_t = float("-inf")
        self._trouble = Trouble(log, "witness", "looked after again")
        self._confirmed: dict[str, tuple[int, int]] = {}
        self._stands: dict[str, Stand] = {}  # as the ledger holds them: nobody else writes them
        self._is_mine: Callable[[str], bool] = lambda robot: True
        self._here: dict[str, tuple[float, float]] = {}  # since when a robot's evidence comes, and the last

    def begin_anew(self, is_mine: Callable[[str], bool]) -> None:
        """Take care of the witnesses of these robots (ids) only, of which others took care meanwhile."""
        self._is_mine = is_mine
        self._stands.clear()
        self._confirmed.clear()
        self._looked_t = float("-inf")

    def take(self, tokens: Sequence[VerifiedToken], now: float) -> None:
        """The statements in committed tokens. What the ledger does not take is not confirmed, and comes again."""
        try:
            self._refresh(now)
            for token in tokens:
                known = self._known.get(token.robot)
                if known is None:
                    continue
                since_t, last_t = self._here.get(token.robot, (now, now))
                self._here[token.robot] = (now if now - last_t > _AWAY_S else since_t, now)
                if token.claims.witness is not None:
                    with self._unless_anothers(known[0]):
                        self._take(known, token, token.claims.witness)
        except LedgerError as error:
            self._trouble.begins(f"statements are not taken: {error}")

    def _refresh(self, now: float) -> None:
        if 0.0 <= now - self._looked_t < _REFRESH_S:
            return
        found = {}
        for witness in filter(lambda one: self._is_mine(one.robot), self._ledger.witnesses.active()):
            known = self._known.get(witness.robot)
            secret = known[1] if known and known[0].kid == witness.kid else self._secrets.of(witness.kid)
            if secret is not None:
                found[witness.robot] = witness, secret
        self._known, self._looked_t = found, now

    def _take(self, known: tuple[Witness, bytes], token: VerifiedToken, text: str) -> None:
        witness, secret = known
        try:
            said = read_statement(text, secret, witness.ueid)
        except RejectedEvidence as refused:
            self._count(token.robot, f"witness-{refused.reason}", refused.detail, token.received_t)
            return
        before = self._stand(witness)
        links = self._ledger.witnesses.has_modem_link
        has_token = self._ledger.witnesses.has_token
        stand, found = findings.take(
            before, said, self._carried(token, witness, said, text), lambda: links(token.robot),
            lambda head: has_token(token.robot, head), self._limits,
        )  # fmt: skip
        if stand is not None:
            self._keep(witness, stand, found)
        elif found:
            self._ledger.witnesses.note(found)

    @contextlib.contextmanager
    def _unless_anothers(self, witness: Witness) -> Iterator[None]:
        """Who has its robot's lane by now keeps what it says. Those of other robots are looked after as before."""
        try:
            yield
        except LaneLost:
            self._stands.pop(witness.kid, None)

    def _stand(self, witness: Witness) -> Stand | None:
        if witness.kid not in self._stands:
            known = self._ledger.witnesses.stand(witness.kid)
            if known is None:
                return None
            self._stands[witness.kid] = known
        return self._stands[witness.kid]

    def _keep(self, witness: Witness, stand: Stand, found: Sequence[Noticed]) -> None:
        self._ledger.witnesses.keep(witness, stand, found)
        self._stands[witness.kid] = stand

    def _carried(self, token: VerifiedToken, witness: Witness, said: StatementClaims, text: str) -> Carried:
        try:
            fresh_t: float | None = nonce_time(self._nonce_secret, witness.ueid, said.eat_nonce) / 1_000_000
        except RejectedEvidence:
            fresh_t = None
        claims = token.claims
        return Carried(
            token.robot, claims.chain, claims.seq, token.hash, claims.bootseed, claims.mono, token.received_t,
            token.nonce_t, fresh_t, token_hash(text),
        )  # fmt: skip

    def confirmation(self, robot: str, now: float) -> str | None:
        """For the robot's next receipt: that its witness's newest statement is held. None where that was said.

        Raises LedgerError.
        """
        known = self._known.get(robot)
        if known is None:
            return None
        witness, secret = known
        stand = self._stand(witness)
        if stand is None or self._confirmed.get(witness.kid) == stand.place:
            return None
        self._confirmed[witness.kid] = stand.place
        nonce = make_nonce(self._nonce_secret, witness.ueid, int(now * 1_000_000))
        return sign_confirm(secret, witness.ueid, stand.bootcount, stand.n, nonce)

    def look(self, now: float) -> None:
        """What time alone shows: a witness that is missing while evidence comes, and what waited for evidence."""
        try:
            self._refresh(now)
            for witness, _ in self._known.values():
                stand = self._stand(witness)
                if stand is not None:
                    with self._unless_anothers(witness):
                        self._look(witness, stand, now)
            self._trouble.is_over()
        except LedgerError as error:
            self._trouble.begins(f"not looked after: {error}")

    def _look(self, witness: Witness, stand: Stand, now: float) -> None:
        ledger, robot = self._ledger.witnesses, witness.robot
        if stand.silences or stand.beats_open:
            changed, found = findings.hold_against_evidence(
                stand, robot, now, lambda head: ledger.has_token(robot, head),
                lambda boot, begin, end: ledger.tokens_between(robot, boot, begin, end), self._limits,
            )  # fmt: skip
            if found or changed != stand:
                self._keep(witness, changed, found)
        since_t, last_t = self._here.get(robot, (now, float("-inf")))
        quiet_s = now - max(since_t, stand.received_t)
        if now - last_t <= _AWAY_S and quiet_s >= self._limits.missing_s:
            mark = f"{witness.kid} {stand.bootcount}.{stand.n}"
            fields = {"seconds": round(now - stand.received_t)}
            ledger.note([Noticed(robot, WITNESS_MISSING, stand.chain, now, mark, None, None, (), fields)])
