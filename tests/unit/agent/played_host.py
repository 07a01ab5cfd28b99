"""The host's side of delivery, played: it takes tokens in any order, and says what it holds. Runs under Python 3.7."""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from wachhund_evidence import MAX_HELD_RANGES, ZERO_HASH, spans_of, token_hash

Span = Tuple[int, int]


class PlayedHost:
    """`tokens`: what it holds. `refuses`: numbers that it never takes. `stated`: numbers that robots said are lost."""

    def __init__(self) -> None:
        self.tokens: Dict[int, str] = {}
        self.refuses: Set[int] = set()
        self.stated: Set[int] = set()
        self.seen: Optional[str] = None
        self._came: List[int] = []

    def take(self, seq: int, token: str) -> None:
        if seq not in self.refuses:
            self.tokens[seq] = token
            self.seen = token_hash(token)
            self._came.append(seq)

    def restore(self, upto: int) -> None:
        """It is put back to a backup that held so many."""
        self.tokens = {seq: token for seq, token in self.tokens.items() if seq <= upto}

    @property
    def whole(self) -> int:
        reach = whole = 0
        while reach + 1 in self.tokens or reach + 1 in self.stated:
            reach += 1
            whole = reach if reach in self.tokens else whole
        return whole

    @property
    def head(self) -> str:
        return token_hash(self.tokens[self.whole]) if self.whole else ZERO_HASH

    @property
    def held(self) -> Sequence[Span]:
        """Those that came last first, then the lowest (intake/receipts.py)."""
        whole = self.whole
        runs = spans_of(sorted(seq for seq in self.tokens if seq > whole))
        recent = [run for run in runs if any(run[0] <= seq <= run[1] for seq in self._came)]
        self._came.clear()
        return sorted(list(dict.fromkeys(recent[::-1] + runs))[:MAX_HELD_RANGES])
