"""The story of an incident: one sentence an event, in time order, repeats folded, never longer than people read."""

from collections import deque
from dataclasses import dataclass, field

from wachhund.judge.wording import moment

# How it began, and what was last: whoever fills a story with one thing does not hide by it what he does then.
FIRST_SENTENCES = 40
LAST_SENTENCES = 40
# Programs that a visitor starts: his login alone may start a hundred. The first show how he came in, the last what
# he does; the evidence holds them all.
FIRST_PROGRAMS = 8
LAST_PROGRAMS = 16


@dataclass(slots=True)
class Sentence:
    """One sentence: when it first and last was so, and how often."""

    t: float
    last_t: float
    text: str
    times: int = 1


@dataclass(slots=True)
class Story:
    """Sentences by what they tell; the same thing told again is counted, the same fact told again is not."""

    _sentences: dict[str, Sentence] = field(default_factory=dict)
    _newest: dict[str, Sentence] = field(default_factory=dict)  # of those beyond the first
    _left_out: int = 0
    _first: list[tuple[float, str]] = field(default_factory=list)
    _last: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=LAST_PROGRAMS))
    _programs: int = 0

    def tell(self, t: float, key: str, text: str) -> None:
        """Add an event. `key` names what happened: the same key at another time is a repeat, and counted."""
        known = self._sentences.get(key) or self._newest.get(key)
        if known is None:
            self._add(key, Sentence(t, t, text))
            return
        known.text = text
        if t not in (known.t, known.last_t):
            known.times += 1
            known.t, known.last_t = min(known.t, t), max(known.last_t, t)

    def _add(self, key: str, sentence: Sentence) -> None:
        if len(self._sentences) < FIRST_SENTENCES:
            self._sentences[key] = sentence
            return
        if len(self._newest) >= LAST_SENTENCES:
            self._left_out += 1
            del self._newest[next(iter(self._newest))]
        self._newest[key] = sentence

    def tell_once(self, t: float, key: str, text: str) -> None:
        """Add an event that happens once; told again it changes nothing."""
        if key not in self._sentences and key not in self._newest:
            self.tell(t, key, text)

    def tell_program(self, t: float, text: str) -> None:
        """Add a program that a visitor started."""
        if (t, text) in self._first or (t, text) in self._last:
            return
        self._programs += 1
        (self._first if len(self._first) < FIRST_PROGRAMS else self._last).append((t, text))

    def take_in(self, other: "Story") -> None:
        """The sentences of a story that turned out to be a part of this one."""
        for key, sentence in (*other._sentences.items(), *other._newest.items()):
            if key not in self._sentences and key not in self._newest:
                self._add(key, sentence)
        for t, text in (*other._first, *other._last):
            self.tell_program(t, text)
        self._left_out += other._left_out

    def lines(self) -> list[str]:
        """The sentences in time order."""
        told = [(sentence.t, self._line(sentence)) for sentence in (*self._sentences.values(), *self._newest.values())]
        told += [(t, f"{moment(t)}: {text}") for t, text in (*self._first, *self._last)]
        between = self._programs - len(self._first) - len(self._last)
        if between:
            told.append((self._first[-1][0], f"{moment(self._first[-1][0])}: {between} more programs were started."))
        made = [line for _, line in sorted(told, key=lambda one: one[0])]
        if self._left_out:
            made.append(f"{self._left_out} more events in between are not told here; the evidence holds them.")
        return made

    @staticmethod
    def _line(sentence: Sentence) -> str:
        again = f" ({sentence.times} times, last {moment(sentence.last_t)})" if sentence.times > 1 else ""
        return f"{moment(sentence.t)}: {sentence.text}{again}"
