"""How much a robot sends to the internet in a day (UTC), by its host time: for learning and for judging alike."""

from dataclasses import dataclass, field

from wachhund.judge.flows import Flow

DAY_S = 86_400.0
MAX_SENDERS = 64  # programs counted apart, a day; the others only count


@dataclass(slots=True)
class Sender:
    """What one program sent, and the process that did so last."""

    sent: int = 0
    puid: str | None = None
    pid: int | None = None


@dataclass(slots=True)
class DayOut:
    """One robot's present day. `told`: how often its volume was told of."""

    day: int = 0
    sent: int = 0
    told: int = 0
    by_program: dict[str, Sender] = field(default_factory=dict)

    def add(self, t: float, flow: Flow, sent: int) -> None:
        """So many bytes more went out by a flow."""
        day = int(t // DAY_S)
        if day < self.day:
            return  # evidence that comes late: its day is over
        if day > self.day:
            self.day, self.sent, self.told = day, 0, 0
            self.by_program.clear()
        self.sent += sent
        name = flow.fact.exe or "?"
        sender = self.by_program.get(name)
        if sender is None:
            if len(self.by_program) >= MAX_SENDERS:
                return
            sender = self.by_program[name] = Sender()
        sender.sent += sent
        sender.puid, sender.pid = flow.fact.puid or sender.puid, flow.fact.pid or sender.pid


def more_sent(flow: Flow, before: int | None, opens: bool) -> int:
    """What a flow sent to the internet since it was told of last. `before`: its bytes then, None when it was not known.
    `opens`: it was told as opened. What a flow had sent before anybody looked belongs to no day.
    """
    return _more(flow, flow.fact.bytes_out, before, opens)


def more_taken(flow: Flow, before: int | None, opens: bool) -> int:
    """What came from the internet by a flow since; as above."""
    return _more(flow, flow.fact.bytes_in, before, opens)


def _more(flow: Flow, now: int | None, before: int | None, opens: bool) -> int:
    fact = flow.fact
    if fact.scope != "internet" or fact.own or fact.direction not in ("in", "out"):
        return 0
    if before is None and (fact.existing or not opens):
        return 0
    return max(0, (now or 0) - (before or 0))
