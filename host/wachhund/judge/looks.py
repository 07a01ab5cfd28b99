"""The looks through cameras and microphones that go on, by programs of the robot, as the judge has them in mind."""

from dataclasses import dataclass, field

MAX_LOOKS = 256  # by camera and program


@dataclass(slots=True)
class Looks:
    """One robot's looks by name (`views.name_of`), and when they were told (robot's time)."""

    by_name: dict[str, float] = field(default_factory=dict)
    unseen: dict[str, None] = field(default_factory=dict)  # not told again by a new run of the agent

    def told(self, name: str, mono: float, closed: bool) -> None:
        """A look goes on, or is over."""
        self.unseen.pop(name, None)
        self.by_name.pop(name, None)
        if not closed:
            if len(self.by_name) >= MAX_LOOKS:
                self.by_name.pop(next(iter(self.by_name)))
            self.by_name[name] = mono

    def agent_began(self, mono: float) -> None:
        """A new run of the agent, at that time of the robot's: what was told before counts only when told again."""
        self.unseen = {name: None for name, told in self.by_name.items() if told < mono}

    def end_unseen(self) -> list[str]:
        """Those that were not told again are over. Returns their names."""
        unseen, self.unseen = list(self.unseen), {}
        for name in unseen:
            self.by_name.pop(name, None)
        return unseen

    def clear(self) -> None:
        """Forget them all: they have no time of the host; sessions hold them."""
        self.by_name.clear()
        self.unseen.clear()
