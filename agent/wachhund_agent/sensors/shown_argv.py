"""What of a command line leaves the robot: readable, without secrets, bounded, and with both of its ends."""

from typing import List, Sequence, Tuple

from wachhund_agent.sensors.redact import redact
from wachhund_evidence import clip, text

ARGV_ITEMS = 64
ARGV_BYTES = 8 * 1024


def shown_argv(argv: Sequence[bytes], more_secrets: Sequence[str] = ()) -> Tuple[List[str], int, bool]:
    """The arguments as they leave the robot: readable, without secrets, bounded; and how many secrets, and if cut.

    Of too many, or too long ones, both ends: else whoever fills the front hides the rest.
    """
    # Cut before secrets are looked for: what is not told need not be searched.
    last, room = _within(argv[1:][: -ARGV_ITEMS // 2 - 1 : -1], ARGV_BYTES // 2)
    first, _ = _within(argv[: min(len(argv), ARGV_ITEMS) - len(last)], ARGV_BYTES // 2 + room)
    gap_end = len(argv) - len(last)
    # The word before the last ones is not told, but says whether the first of them is a secret.
    before = [argv[gap_end - 1][:ARGV_BYTES]] if len(first) < gap_end else []
    looked_at = [text(raw) for raw in first + before + last[::-1]]
    words, redacted = redact(looked_at, more_secrets)
    told_last, room, cut_last = _clipped(words[len(first) + len(before) :][::-1], ARGV_BYTES // 2)
    told_first, _, cut_first = _clipped(words[: len(first)], ARGV_BYTES // 2 + room)
    return told_first + told_last[::-1], redacted, bool(before) or cut_first or cut_last


def _within(words: Sequence[bytes], room: int) -> Tuple[List[bytes], int]:
    """As many words as there is room for, one byte more of the one that is cut; and the room that is left."""
    kept: List[bytes] = []
    for raw in words:
        if room <= 0:
            break
        kept.append(raw[: room + 1])
        room -= len(raw)
    return kept, max(room, 0)


def _clipped(words: Sequence[str], room: int) -> Tuple[List[str], int, bool]:
    """As `_within`, of what is told; and whether anything was cut."""
    kept: List[str] = []
    cut = False
    for word in words:
        if room <= 0:
            return kept, 0, True
        piece, was_cut = clip(word, min(4096, room))
        cut = cut or was_cut
        room -= len(piece.encode("utf-8"))
        kept.append(piece)
    return kept, room, cut
