"""The attester: turns observations into signed, chained evidence, and keeps it before anything leaves.

Each token is read back with the host's own strict reader before it is journalled, so that the robot never queues what
no host can read.
"""

import json
import time
from typing import Callable, Iterator, List, Mapping, Optional, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent import __version__
from wachhund_agent.config import Limits
from wachhund_agent.journal import Gap, Journal, JournalError, Place
from wachhund_agent.kernel import clock
from wachhund_evidence import (
    EvidenceClaims,
    Observation,
    RejectedEvidence,
    WachhundError,
    read_evidence,
    sign_evidence,
    thumbprint,
    ueid_of,
)

SENSOR = "agent"
# Counted, periodic or closing facts can wait for their second; everything else may be what somebody waits for.
_OF_NO_HURRY = frozenset(
    {
        "process.exit",
        "process.repeat",
        "process.image",
        "flow.update",
        "flow.close",
        "heartbeat",
        "coverage",
        "listen.close",
        "dns.summary",
        "flow.summary",
    }
)


def is_of_interest(observation: Observation) -> bool:
    """Whether evidence of this leaves at once and outlives noise in a full journal."""
    return observation.kind not in _OF_NO_HURRY


def note(kind: str, fields: Mapping[str, object], mono: float) -> Observation:
    """An observation of the agent about itself."""
    return Observation(kind, clock.wall(mono), mono, SENSOR, dict(fields))


def gap_note(gap: Gap, mono: float) -> Observation:
    """`agent.gap` for numbers that are gone."""
    fields = {"from_seq": gap.from_seq, "to_seq": gap.to_seq, "lost": gap.lost, "reason": gap.reason, "until": mono}
    return note("agent.gap", fields, mono)


def lost_note(lost: int, reason: str, mono: float) -> Observation:
    """`agent.gap` for observations that never became evidence."""
    return note("agent.gap", {"from_seq": None, "to_seq": None, "lost": lost, "reason": reason, "until": mono}, mono)


def _without_numbers(observation: Observation) -> Observation:
    """As it may be said in another chain: there the numbers of a gap would mean other tokens."""
    if observation.kind != "agent.gap":
        return observation
    fields = dict(observation.fields, from_seq=None, to_seq=None)
    return Observation(observation.kind, observation.t, observation.mono, observation.sensor, fields)


def in_tokens(observations: Sequence[Observation], limits: Limits) -> Iterator[List[Observation]]:
    """Cut a batch into what fits one token each. A single observation is always far smaller than a token."""
    batch: List[Observation] = []
    size = 0
    for observation in observations:
        length = len(json.dumps(observation.to_json(), separators=(",", ":"))) + 1
        if batch and (size + length > limits.token_payload_bytes or len(batch) >= limits.token_observations):
            yield batch
            batch, size = [], 0
        batch.append(observation)
        size += length
    if batch:
        yield batch


class Attester:
    """`nonce`: the newest that the host gave. `hashes`: of the agent's code and configuration, as it says itself."""

    def __init__(
        self,
        journal: Journal,
        key: Ed25519PrivateKey,
        nonce: str,
        bootseed: str,
        hashes: Mapping[str, str],
        limits: Limits,
        wall_s: Callable[[], float] = time.time,
        ueid: Optional[str] = None,
        mono: Callable[[], float] = clock.mono,
    ) -> None:
        """`ueid`: the robot's, where `key` is not its first."""
        self._journal, self._key, self._bootseed, self._hashes = journal, key, bootseed, dict(hashes)
        self._limits, self._wall_s, self._mono = limits, wall_s, mono
        public = key.public_key()
        self.ueid = ueid or ueid_of(public)
        self._keys = {thumbprint(public): public}
        self.nonce = nonce
        self._receipt: Optional[str] = None
        self._statement: Optional[str] = None
        self._lost = 0
        self._unsaid: List[Observation] = []  # what is gone of the journal: as many at most as it held tokens
        self._why: Optional[Observation] = None  # a chain begins, and what is to be its first token is not kept yet
        self._trouble: Optional[str] = None

    def accept(self, nonce: str) -> None:
        """A new nonce from a receipt."""
        self.nonce = nonce

    def show_receipt(self, receipt: Optional[str]) -> None:
        """The next token carries this receipt: the host's own word for what it once held."""
        self._receipt = receipt

    def carry(self, statement: str) -> None:
        """The next token carries this statement of the witness, in the place of one that none carried yet."""
        self._statement = statement

    @property
    def shows(self) -> bool:
        """Whether a receipt waits for the next token."""
        return self._receipt is not None

    @property
    def trouble(self) -> Optional[str]:
        """Why evidence cannot be kept just now, or None."""
        return self._trouble

    def attest(self, observations: Sequence[Observation]) -> int:
        """Sign and keep a batch. Returns how many tokens were made. What cannot be kept is counted and stated later."""
        try:
            made = self._say_why()
        except JournalError as error:
            self._trouble = str(error)
            self._note_unkept(observations)
            return 0
        lost, unsaid = self._lost, self._unsaid
        self._unsaid = []
        notes = [lost_note(lost, "not kept: {}".format(self._trouble), self._mono())] if lost else []
        for number, batch in enumerate(in_tokens([*notes, *unsaid, *observations], self._limits)):
            try:
                self._note_gaps(self._keep(batch))
            except JournalError as error:
                self._trouble = str(error)
                # The note of what was lost before must not count itself.
                self._note_unkept(batch[1:] if lost and number == 0 else batch)
                continue
            made += 1
            self._trouble = None
            if number == 0:
                self._lost -= lost
        if self._unsaid and self._trouble is None:
            made += self.attest([])
        return made

    def _note_gaps(self, gaps: Sequence[Gap]) -> None:
        self._unsaid += [gap_note(gap, self._mono()) for gap in gaps]

    def _note_unkept(self, batch: Sequence[Observation]) -> None:
        for observation in batch:
            lost = observation.fields.get("lost")
            if observation.kind not in ("agent.gap", "agent.start"):
                self._lost += 1
            elif observation.fields.get("from_seq", 0) is None and isinstance(lost, int):
                self._lost += lost
            else:
                self._unsaid.append(observation)

    def _say_why(self) -> int:
        """Nothing stands before the token with which a chain begins. Returns the tokens made. Raises JournalError."""
        if self._why is None:
            return 0
        self._note_gaps(self._keep([self._why]))
        self._why = None
        return 1

    def begin_chain(self, reason: str) -> None:
        """A new chain, whose first token says why. What no receipt covers of the old one: `sign_again`."""
        fields = {
            "version": __version__,
            "build_sha256": self._hashes.get("code"),
            "reason": reason,
            "chain_before": self._journal.chain,
            "seq_before": self._journal.next_seq - 1,
        }
        self._journal.start_chain()
        self._unsaid = [_without_numbers(one) for one in self._unsaid]
        self._why = note("agent.start", fields, self._mono())
        self.attest([])

    def sign_again(self) -> int:
        """Sign some of what the host lacks of earlier chains again. Returns the tokens made. Raises JournalError."""
        made = self._say_why()
        for _ in range(self._limits.again_tokens):
            # One at a time: to keep one, a full disk may cost those behind it.
            stored = next(iter(self._journal.left(1, 1)), None)
            if stored is None:
                break
            carries = Place(stored.chain, stored.seq)
            try:
                claims = read_evidence(stored.token, self._keys, self.ueid)
                gaps = self._keep([_without_numbers(one) for one in claims.obs], claims, carries)
            except RejectedEvidence as error:
                reason = "own token {} unreadable: {}".format(stored.seq, error.reason)
                gaps = self._keep([lost_note(stored.observations, reason, self._mono())], None, carries)
            self._note_gaps(gaps)
            made += 1
        return made + (self.attest([]) if self._unsaid else 0)

    def _keep(
        self,
        batch: Sequence[Observation],
        first_time: Optional[EvidenceClaims] = None,
        carries: Optional[Place] = None,
    ) -> List[Gap]:
        """One token. `first_time`: the claims with which this was signed before; its boot, nonce and times stay.

        `carries`: the token in which that was.
        """
        if first_time is not None:
            claims = first_time._replace(
                chain=self._journal.chain,
                seq=self._journal.next_seq,
                prev=self._journal.prev,
                obs=tuple(batch),
                receipt=None,
            )
        else:
            claims = EvidenceClaims(
                ueid=self.ueid,
                eat_nonce=self.nonce,
                bootseed=self._bootseed,
                chain=self._journal.chain,
                seq=self._journal.next_seq,
                prev=self._journal.prev,
                iat=int(self._wall_s()),
                mono=round(self._mono(), 6),
                swname="wachhund-agent",
                swversion=__version__,
                hashes=self._hashes,
                obs=tuple(batch),
                receipt=self._receipt,
                witness=self._statement,
            )
        token = sign_evidence(claims, self._key)
        try:
            read_evidence(token, self._keys, self.ueid)
        except RejectedEvidence as error:
            if len(batch) == 1:
                # Our own sensor made something that no host would take. That is our fault, and it is said.
                refused = "own {} refused: {}".format(batch[0].kind, error.reason)
                return self._keep([lost_note(1, refused, self._mono())], first_time, carries)
            gaps: List[Gap] = []
            for number, observation in enumerate(batch, 1):
                gaps += self._keep([observation], first_time, carries if number == len(batch) else None)
            return gaps
        except ValueError as error:  # pragma: no cover  # a float that is no JSON: our sensors make none
            raise WachhundError("attester: {}".format(error)) from error
        of_interest = any(is_of_interest(observation) for observation in batch)
        gaps = self._journal.append(token, of_interest, len(batch), carries)
        if first_time is None:
            self._receipt = self._statement = None
        return gaps
