"""The confusion table: what each scene should have led to, what came, and whether that is so."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.robots.attacks.judging import Incident, Verdict
from tests.robots.attacks.scene import GROUPS, Scene


@dataclass(frozen=True)
class Result:
    """A scene and what came of it.

    `live`: how the judgement of the lines differs from the one made while it happened: never, or the scene is not ok.
    `kept`: how that differs from the recording's, for people: another run sees a short-lived program or a first command
    that this one missed, so a rule more, and both may be right. None where there was nothing to compare.
    """

    scene: Scene
    incidents: list[Incident]
    verdict: Verdict
    live: tuple[str, ...] | None = None
    kept: tuple[str, ...] | None = None

    @property
    def ok(self) -> bool:
        return self.verdict.ok and not self.live


def row(result: Result) -> str:
    """One scene in a few lines."""
    scene, story = result.scene, result.scene.expected
    wanted = "nothing" if story is None else f"{story.kind} >= {story.least}"
    same = f"live {_same(result.live)}, kept {_same(result.kept)}"
    lines = [f"{result.verdict.word:<14}{scene.name:<30}{scene.group}  {wanted:<28}{same}"]
    lines += [f"{'':14}  came: {_incident(incident)}" for incident in result.incidents]
    lines += [f"{'':14}  but: {why}" for why in result.verdict.why]
    lines += [f"{'':14}  live differs: {what}" for what in result.live or ()]
    lines += [f"{'':14}  kept differs: {what}" for what in result.kept or ()]
    return "\n".join(lines)


def _same(differing: tuple[str, ...] | None) -> str:
    return "-" if differing is None else "DIFFERS" if differing else "same"


def _incident(incident: Incident) -> str:
    origin = " > ".join(_hop(hop) for hop in incident["origin"])
    return f"{incident['kind']} {incident['level']}: {incident['title']} [{origin}]"


def _hop(hop: dict[str, Any]) -> str:
    named = [str(hop[name]) for name in ("address", "exe", "name", "user", "why") if hop.get(name) is not None]
    return named[0] if named else str(hop["hop"])


def heading() -> str:
    """What stands in the columns of a scene's first line."""
    return f"{'verdict':<14}{'scene':<30}g  {'must come':<28}judged again, and of the recording"


def closing(results: list[Result]) -> str:
    """Counts by verdict and by group, and which judgements differ."""
    words = Counter(result.verdict.word for result in results)
    lines = ["", ", ".join(f"{count} {word}" for word, count in sorted(words.items()))]
    for number, name in GROUPS.items():
        group = [result for result in results if result.scene.group == number]
        if group:
            lines.append(f"{number} {name}: {sum(result.verdict.ok for result in group)} of {len(group)} as expected")
    for what, said in (("live", "judged again, NOT the same"), ("kept", "differ in detail from the run recorded")):
        differing = [result.scene.name for result in results if getattr(result, what)]
        if differing:
            lines.append(f"{said}: {', '.join(differing)}")
    return "\n".join(lines)
