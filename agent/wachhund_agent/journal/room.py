"""Making room: what the host holds goes first, then the oldest that is of no interest, then the oldest."""

import contextlib
import errno
from typing import Callable, List, Optional, Sequence

from wachhund_agent.config import Limits
from wachhund_agent.journal.files import Kept, SegmentFiles
from wachhund_agent.journal.segment import Begin, Stored, begin_record, token_record
from wachhund_evidence import ZERO_HASH

FULL = (errno.ENOSPC, errno.EDQUOT)
# A segment of an earlier chain, written once more: one for it, one for what is observed meanwhile.
_SEGMENTS_TO_MOVE = 2
# Beside tokens, of a segment: how it begins, and what the host said meanwhile. Nobody asks for room for these.
_SHARE_BESIDE = 16


class Room:
    """`is_needed`: whether some of a segment's tokens are nowhere but here; `lacked`: which. `settle` gets on disk what
    the host said. `dropped` is told what had to go of them. Methods may raise OSError, and what `lacked` raises.
    """

    def __init__(
        self,
        files: SegmentFiles,
        limits: Limits,
        is_needed: Callable[[Kept], bool],
        lacked: Callable[[Kept], List[Stored]],
        settle: Callable[[], None],
        dropped: Callable[[Kept, Sequence[Stored]], None],
    ) -> None:
        self._files, self._limits = files, limits
        self._is_needed, self._lacked, self._settle, self._dropped = is_needed, lacked, settle, dropped
        self._ceiling: Optional[int] = None  # bytes, while the disk is short
        self._freed_in_vain = False

    def make(self, more: int, disk_is_short: bool, moves: bool) -> None:
        """For `more` bytes. On a short disk, whoever filled it, what the host holds goes; the rest grows no more.

        `moves`: what a segment holds is being written once more, and goes when all of it is. Room for that is kept.
        """
        limit = self._limits.journal_bytes - self._limits.segment_bytes // _SHARE_BESIDE
        if not moves:
            limit -= _SEGMENTS_TO_MOVE * self._limits.segment_bytes
        if not disk_is_short:
            self._ceiling = None
        else:
            if self._ceiling is None:
                self._ceiling = max(self._files.size, 2 * self._limits.segment_bytes)
            limit = min(limit, self._ceiling)
        while self._files.size + more > limit or (disk_is_short and self._spare() is not None):
            if not self._free(limit):
                return

    def make_on_full_disk(self) -> bool:
        """Whether something could go. Whoever eats what is freed gets no more of what the host lacks."""
        if self._spare() is None:
            if self._freed_in_vain:
                return False
            self._freed_in_vain = True
        return self._free(self._limits.journal_bytes)

    def freeing_helped(self) -> None:
        """Something could be written."""
        self._freed_in_vain = False

    def _spare(self) -> Optional[Kept]:
        return next((one for one in self._files.older if not self._is_needed(one)), None)

    def _free(self, limit: int) -> bool:
        """Let one segment go, or what is of no interest in it. False when there is none."""
        spare = self._spare()
        if spare is not None:
            with contextlib.suppress(OSError):  # or else the next start states as gone what the host has
                self._settle()
            self._files.remove(spare)
            return True
        old = self._files.older
        if not old:
            return False
        interesting = sum(one.size for one in old if one.thin)
        thick = next((one for one in old if not one.thin), None)
        if thick is None or interesting >= limit * self._limits.interest_share or not self._thin(thick):
            self._drop(old[0], self._lacked(old[0]))
        return True

    def _thin(self, segment: Kept) -> bool:
        """Keep only what is of interest in a segment. False when there is no room for doing so."""
        lacked = self._lacked(segment)
        kept = [stored for stored in lacked if stored.of_interest]
        if not kept:
            self._drop(segment, lacked)
            return True
        begin = segment.begin or Begin(segment.chain, kept[0].seq, 0, ZERO_HASH)
        try:
            self._files.rewrite(segment, begin_record(begin) + b"".join(map(token_record, kept)))
        except OSError as error:
            if error.errno not in FULL:
                raise
            return False
        self._dropped(segment, [stored for stored in lacked if not stored.of_interest])
        return True

    def _drop(self, segment: Kept, lacked: Sequence[Stored]) -> None:
        self._files.remove(segment)
        self._dropped(segment, lacked)
