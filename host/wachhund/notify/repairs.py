"""What is not well with telling people, each with what to do: shown until it is mended."""

from dataclasses import dataclass

from wachhund.ledger.notify_records import WAITING
from wachhund.ledger.notifying import Notifying, Standing
from wachhund.notify.occasions import missing_drills
from wachhund.notify.wording import moment

FAILING = 3  # tries in a row: a single one happens


@dataclass(frozen=True)
class Repair:
    """`what` is wrong, and what `to_do`. `key`: the same as long as it is the same."""

    key: str
    what: str
    to_do: str


def repairs(notifying: Notifying, t: float) -> tuple[Repair, ...]:
    """Raises LedgerError."""
    standing = notifying.standing(t)
    if not standing.targets or not standing.routes:
        what = "Nobody is told yet" if not standing.targets else "Nobody is told: no route leads to a target"
        return (Repair("nobody", what, "Add a target with a route, and send a test."),)
    found = [*_of_targets(standing)]
    missing = missing_drills(notifying, t)
    if missing:
        names = ", ".join(name for _, name in missing[:5]) + (" and more" if len(missing) > 5 else "")
        found.append(
            Repair(
                "drills", f"The daily drill of {len(missing)} robots did not come: {names}",
                "Look first at what this page says of the host's parts, then at the agent on the robot.",
            )
        )  # fmt: skip
    return tuple(found)


def _of_targets(standing: Standing) -> list[Repair]:
    found = []
    for target in standing.targets:
        dead = [message for message in standing.dead if message.target == target.id]
        if dead and not (target.last_ok and (target.last_t or 0) > (dead[-1].ended_t or 0)):
            found.append(
                Repair(
                    f"dead:{target.id}",
                    f"{target.name}: {len(dead)} messages were given up, the last at {moment(dead[-1].ended_t or 0)}: "
                    f"{dead[-1].words}",
                    "Mend the way to it, then send a test. What was given up is not sent again: see the incidents.",
                )
            )
        elif target.failures >= FAILING:
            waiting = standing.counts.get((target.id, WAITING), 0)
            found.append(
                Repair(
                    f"failing:{target.id}",
                    f"{target.name}: {target.failures} tries in a row failed, {waiting} messages wait: "
                    f"{target.last_words}",
                    "Mend the way to it, then send a test: what waits goes out at once.",
                )
            )
        elif target.tested_ok is False:
            found.append(
                Repair(
                    f"test:{target.id}", f"{target.name}: its test failed: {target.tested_words}",
                    "Mend the way to it, and test it again.",
                )
            )  # fmt: skip
    return found
