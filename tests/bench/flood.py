"""Whether one robot slows another: latency of the others (publish to receipt) before, and while one of them floods.

Real keys, real connections by TLS with client certificates, a real broker, intake and ledger. Each kind of flood is
another robot's, at 1,000 messages a second or as many as it gets through.
"""

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from tests.robots.flood_scene import Flood, Played, before, play

FLOODS = (
    *(Flood("bad", 1), Flood("bad", 0), Flood("huge", 0), Flood("oversize", 1)),
    *(Flood("beyond", 1), Flood("elsewhere", 0), Flood("heavy", 1)),
)


def _note(one: dict[str, object]) -> str:
    """How much of a flood got out, and what it cost."""
    host, broker = (100 * spent / one["seconds"] for spent in one["cpu"])  # type: ignore[operator, attr-defined]
    return (
        f"{one['sent']} messages, {one['bytes'] / 1e6:.1f} MB got out in {one['connected_s']:.1f} of "  # type: ignore[operator]
        f"{one['seconds']:.0f} s; CPU host {host:.0f} %, broker {broker:.0f} %"
    )


def figures(played: Played, others: int) -> list[Figure]:
    """Latencies of all but the flooding robots, and what was lost of theirs."""
    made = []
    for name, sent in played.sent.items():
        for phase, note in ((before(name), ""), (name, _note(sent))):
            took = tuple(1000 * one for one in played.took[phase])
            made.append(Figure("flood", f"{others} others, {phase}", "ms", took, note=note))
    for what, count in (
        ("tokens without a receipt", played.unanswered),
        ("connections lost", played.disconnected),
        ("refusals", sum(played.harmed.values())),
    ):
        made.append(Figure("flood", f"of the others: {what}", "", (count,), "0"))
    return made


def run(quick: bool) -> list[Figure]:
    """500 robots, of which seven flood, one after another."""
    robots = 50 if quick else 500
    with scratch() as folder:
        played = play(folder, robots, FLOODS, seconds=6.0 if quick else 15.0, every_s=5.0)
    return figures(played, robots - len(FLOODS))
