"""`make witness-attacks`: what root on the Pi can do to a witness, each done, and what came of it.

The firmware's own loop runs on MicroPython in simulated time, the host's intake, ledger and findings as they are; root
has the wire, the agent and the robot's key. What each attack is and what must hold in it stands in
tests/unit/host/witness/test_attacks.py, which does the same with the firmware under CPython. Exit status 0 only where
all of it held and every attack was noticed in the way that docs/witness.md says, or changed nothing.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.robots.micropython_board import MicroPythonBoard
from tests.robots.witness_bench import WitnessBench
from tests.unit.host.witness import test_attacks as acts
from wachhund_evidence import base64url, strict_json

NOTICED, HARMLESS = "noticed", "harmless"


class Attack(NamedTuple):
    """`shows`: findings, or reasons by which something is counted as refused, one of which must come; else harmless."""

    what: str
    verdict: str
    why: str
    act: Callable[..., None]
    shows: tuple[str, ...]
    more: tuple[str, ...] = ()

    @property
    def row(self) -> str:
        """As it stands in docs/witness.md."""
        return f"| {self.what} | {self.verdict}: {self.why} |"


_forge = acts.test_cut_turned_and_invented_statements_are_refused_and_counted
ATTACKS = (
    Attack("drops statements", NOTICED, "`witness-missing` after 150 s", acts.test_dropped_statements_are_missed,
           ("witness-missing",)),
    Attack("delays them", NOTICED, "`witness-stale`", acts.test_delayed_statements_are_stale, ("witness-stale",)),
    Attack("plays an old one again", NOTICED, "`witness-back`", acts.test_an_old_statement_played_again_is_told,
           ("witness-back",)),
    Attack("plays the newest one again", HARMLESS, "it says nothing new",
           acts.test_the_newest_statement_played_again_says_nothing_new, ()),
    Attack("brings them in another order", NOTICED, "`witness-back`",
           acts.test_statements_in_another_order_are_told, ("witness-back",)),
    Attack("cuts one", NOTICED, "refused, counted as `witness-signature` or `witness-base64`", _forge,
           ("witness-signature", "witness-base64"), ("cut",)),
    Attack("turns a bit of its signature", NOTICED, "refused, counted as `witness-signature`", _forge,
           ("witness-signature",), ("turned",)),
    Attack("changes what it says", NOTICED, "refused, counted as `witness-signature`", _forge, ("witness-signature",),
           ("payload",)),
    Attack("invents one with a made-up signature", NOTICED, "refused, counted as `witness-signature`", _forge,
           ("witness-signature",), ("signature",)),
    Attack("invents one under a key of his own", NOTICED, "refused, counted as `witness-header`", _forge,
           ("witness-header",), ("other key",)),
    Attack("stops the agent's beats and makes up his own", NOTICED,
           "`witness-contradicts`: they name tokens that never come, after 10 min",
           acts.test_beats_that_root_makes_up_name_tokens_that_never_come, ("witness-contradicts",)),
    Attack("forges confirmations, or plays old ones again", HARMLESS,
           "ignored and counted by the witness, which forgets nothing",
           acts.test_forged_and_replayed_confirmations_empty_nothing, ()),
    Attack("keeps confirmations back", HARMLESS,
           "it keeps 64 events and counts those that it lost; `witness-stale` after 3 min",
           acts.test_confirmations_that_are_kept_back_lose_no_event_but_by_number, ()),
    Attack("floods the line", NOTICED,
           "`witness-contradicts`: the beats that it drowns are a silence; lines are cut at 2 KiB, nothing grows",
           acts.test_a_flood_on_the_line_is_missed_as_a_silence, ("witness-contradicts",)),
    Attack("resets it a thousand times", NOTICED, "`witness-restarts`; counts and numbers go on",
           acts.test_a_thousand_resets_are_told_and_nothing_goes_back, ("witness-restarts",)),
)  # fmt: skip


def ignored(bench: WitnessBench) -> str:
    """What the witness itself counted on its line, by its last statement."""
    claims: dict[str, Any] = strict_json.parse_object(base64url.decode(bench.statements[-1].split(".")[1]))
    return ", ".join(f"{number} {name}" for name, number in claims["ignored"].items() if number) or "nothing"


def tried(attack: Attack, folder: Path) -> tuple[bool, str]:
    """Whether it came as it must, and what was seen."""
    bench = WitnessBench(folder, board=MicroPythonBoard)
    try:
        attack.act(bench, *attack.more)
        refused = {reason: number for (_, reason), number in bench.refused().items() if reason.startswith("witness-")}
        seen = [*dict.fromkeys(bench.found()), *(f"{reason} refused {number}" for reason, number in refused.items())]
        shown = f"host: {', '.join(seen) or 'nothing'}; witness ignored {ignored(bench)}"
        return not attack.shows or bool({*attack.shows} & {*bench.found(), *refused}), shown
    except AssertionError as error:
        return False, f"did not hold: {error}"
    finally:
        bench.board.close()
        bench.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 where an attack was neither noticed as it is said, nor harmless."""
    parser = argparse.ArgumentParser(prog="make witness-attacks", description="What root on the Pi can do to a witness")
    parser.add_argument("--only", metavar="WORD", default="", help="attacks that have it in their name")
    wanted = [attack for attack in ATTACKS if parser.parse_args(arguments).only in attack.what]
    held = 0
    for attack in wanted:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            well, seen = tried(attack, Path(folder))
        held += well
        print(f"{'yes' if well else 'NO '} {attack.row} {seen} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{held} of {len(wanted)} held")
    return 0 if wanted and held == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
