"""The story of an incident: one sentence an event, in time order, repeats folded, never longer than people read."""

from dataclasses import dataclass, field

from wachhund.judge.wording import moment

MAX_SENTENCES = 80


@dataclass(slots=True)
class _Sentence:
    t: float
    last_t: float
    text: str
    times: int = 1


@dataclass(slots=True)
class Story:
    """Sentences by what they tell; the same thing told again is counted, the same fact told again is not."""

    _sentences: dict[str, _Sentence] = field(default_factory=dict)
    _left_out: int = 0

    def tell(self, t: float, key: str, text: str) -> bool:
        """Add an event. `key` names what happened: the same key again is a repeat. False when nothing is new."""
        known = self._sentences.get(key)
        if known is None:
            if len(self._sentences) >= MAX_SENTENCES:
                self._left_out += 1
                return True
            self._sentences[key] = _Sentence(t, t, text)
            return True
        if known.t == t or known.last_t == t:
            if known.text == text:
                return False
            known.text = text
            return True
        known.times += 1
        known.t, known.last_t, known.text = min(known.t, t), max(known.last_t, t), text
        return True

    def tell_once(self, t: float, key: str, text: str) -> None:
        """Add an event that happens once; told again it changes nothing."""
        if key not in self._sentences:
            self.tell(t, key, text)

    def lines(self) -> list[str]:
        """The sentences in time order."""
        made = []
        for sentence in sorted(self._sentences.values(), key=lambda one: one.t):
            again = f" ({sentence.times} times, last {moment(sentence.last_t)})" if sentence.times > 1 else ""
            made.append(f"{moment(sentence.t)}: {sentence.text}{again}")
        if self._left_out:
            made.append(f"{self._left_out} more events are not told here; the evidence below holds them.")
        return made
