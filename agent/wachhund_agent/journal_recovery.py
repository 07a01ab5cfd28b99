"""What a journal's files tell at start: chains, numbers, what the host holds, and what is damaged."""

import os
import struct
from pathlib import Path
from typing import List, Optional, Sequence

from wachhund_agent.at_host import AtHost, Span
from wachhund_agent.config import Limits
from wachhund_agent.journal_room import Gap
from wachhund_agent.journal_segment import SUFFIX, Record, Segment, head_of, records_of, unpack_token
from wachhund_evidence import ZERO_HASH, token_hash

CHAIN_BYTES = 16
_PLACE = struct.Struct("<16sQ")  # chain, seq
_SPAN = struct.Struct("<QQ")
_MAX_SPANS = 1024  # the newest: 16 KiB


class Earlier:
    """A chain that ended before the host held all of it. `done`: up to here it was signed again."""

    def __init__(self, chain: bytes, at_host: AtHost) -> None:
        self.chain, self.at_host, self.done = chain, at_host, 0


def pack_heard(chain: bytes, seq: int, arrived: Sequence[Span]) -> bytes:
    """The payload of an R."""
    return _PLACE.pack(chain, seq) + b"".join(_SPAN.pack(*span) for span in arrived[-_MAX_SPANS:])


def pack_signed_again(chain: bytes, seq: int) -> bytes:
    """The payload of an L."""
    return _PLACE.pack(chain, seq)


class Recovered:
    """Reads all segments of a folder, and cuts torn tails. Raises OSError.

    `chain` is empty when nothing was here. `next_seq` and `prev`: for the next token. `found`: what is gone.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._limits = limits
        self.segments: List[Segment] = []
        self.earlier: List[Earlier] = []
        self.receipt: Optional[str] = None
        self.chain, self.next_seq, self.prev = b"", 1, ZERO_HASH
        self.at_host = AtHost(limits.held_ranges)
        self.found: List[Gap] = []
        self._holes: List[Span] = []
        self._newest = self._last_kind = b""
        for path in sorted(folder.glob("*" + SUFFIX)):
            self._read(path)
        if self._newest:
            self.prev = token_hash(unpack_token(self._newest).token)
        self.was_clean = not self.chain or self._last_kind == b"S"
        self._state_losses()

    def _read(self, path: Path) -> None:
        data = path.read_bytes()
        segment = Segment(path)
        segment.chain = self.chain  # where its first record is damaged
        thin = True
        for record in records_of(data):
            self._last_kind, segment.size = record.kind, record.end
            if record.kind == b"C":
                segment.chain = record.payload
                if record.payload != self.chain:
                    self._begin(record.payload)
            elif record.kind == b"T":
                seq, of_interest = head_of(record.payload)
                thin = thin and of_interest
                segment.note(seq, record.begin)
                if seq > self.next_seq:
                    self._holes.append((self.next_seq, seq - 1))
                self._newest, self.next_seq = record.payload, seq + 1
            else:
                self._recall(record)
        segment.thinned = thin and bool(segment.last)  # as good as: there is nothing left to take from it
        if segment.size < len(data):
            os.truncate(str(path), segment.size)
        self.segments.append(segment)

    def _begin(self, chain: bytes) -> None:
        if self.chain:
            self.earlier.append(Earlier(self.chain, self.at_host))
        self.chain, self.next_seq, self.at_host = chain, 1, AtHost(self._limits.held_ranges)
        self._holes.clear()

    def _recall(self, record: Record) -> None:
        """What is kept beside tokens."""
        payload = record.payload
        if record.kind == b"H":
            self.receipt = payload.decode("ascii", "replace")
        elif record.kind == b"F":
            self.at_host.forget()
        elif record.kind in (b"R", b"L") and len(payload) >= _PLACE.size:
            chain, seq = _PLACE.unpack_from(payload)
            if record.kind == b"L":
                for earlier in self.earlier:
                    earlier.done = seq if earlier.chain == chain else earlier.done
            elif chain == self.chain and (len(payload) - _PLACE.size) % _SPAN.size == 0:
                self.at_host.arrived(seq, list(_SPAN.iter_unpack(payload[_PLACE.size :])))

    def _state_losses(self) -> None:
        """Numbers that are neither here nor at the host: damage. (What was skipped before is stated again.)"""
        if not self.chain and self._newest:
            self.found.append(Gap(None, None, None, "the journal's beginning is damaged: its chain is lost"))
            self.segments, self.next_seq = [], 1
            return
        lacking = [span for hole in self._holes for span in self.at_host.lacking(*hole)]
        for first, last in lacking[-self._limits.found_gaps :]:
            self.found.append(Gap(first, last, None, "not in the journal at start: damaged, dropped or skipped"))
        if self.at_host.highest >= self.next_seq:
            # The host holds more than is here: what is next after it, nobody can say without the tokens between.
            self.next_seq, self.was_clean = self.at_host.highest + 1, False
        if not self.was_clean:
            last = self.next_seq + self._limits.skipped_numbers - 1
            self.found.append(Gap(self.next_seq, last, None, "numbers skipped after an unclean stop"))
            self.next_seq = last + 1
