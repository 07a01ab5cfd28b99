"""What a run says, from what its parts told: as JSON, and as lines for people."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fleet import records
from tests.fleet.plan import Plan
from tests.fleet.watching import IncidentWatch

_TOGETHER_S = 5.0  # outages that parts saw so close together are one
Told = dict[str, Any]


def spread(values: Iterable[float]) -> Told | None:
    """Count, median, p99 and largest; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return {"count": len(ordered), "median": at(ordered, 0.5), "p99": at(ordered, 0.99), "max": ordered[-1]}


def at(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def of_run(
    plan: Plan, came: Sequence[Told], results: Sequence[Told], seconds: Sequence[Sequence[Told]], files: Sequence[Path],
    used: Mapping[str, Any], watch: IncidentWatch, exact: Told, others: Mapping[str, Mapping[str, int]],
) -> Told:  # fmt: skip
    """Everything that was measured; see `lines`."""
    total = {name: sum(one[name] for one in results) for name in ("robots", "connects", "made", "receipted", "receipts",
             "unanswered", "held_back", "cpu_s", "rss_bytes")}  # fmt: skip
    took, waited, again = took_by_phase(files, len(plan.phases))
    came_s = max(one["s"] for one in came)
    known = [*([] if not used else used.items()), ("the fleet itself", {
        "pid": 0, "cpu_s": total["cpu_s"], "of_a_core": total["cpu_s"] / plan.seconds, "rss_bytes": total["rss_bytes"],
    })]  # fmt: skip
    return {
        "seed": plan.seed, "seconds": plan.seconds, "robots": total["robots"], "every_s": plan.every_s,
        "load": plan.load, "direct": plan.direct is not None, "tls": plan.tls is not None,
        "connections": {
            "in": sum(one["connected"] for one in came), "in_s": came_s,
            "per_s": sum(one["connected"] for one in came) / max(1e-9, came_s),
            "failed": _summed(results, "failed_connects"), "lost": _summed(results, "lost_connections"),
        },
        "tokens": {
            "made": total["made"], "receipted": total["receipted"], "unanswered": total["unanswered"],
            "held_back": total["held_back"], "sent_more_than_once": again, "receipts": total["receipts"],
            "odd_receipts": _summed(results, "odd_receipts"),
            "receipted_per_s": sum(len(one) for one in took) / max(1e-9, plan.seconds),
            "took_s": {name: spread(one) for (name, _), one in zip(plan.phases, took, strict=True)},
            "made_to_receipt_s": spread(waited),
        },
        "attacks": [_attack(one, watch) for result in results for one in result["attacks"]],
        "incidents_of_others": {name: dict(titles) for name, titles in others.items()},
        "outages": merged([one for result in results for one in result["outages"]]),
        "exactness": exact,
        "processes": {name: dict(one) for name, one in known},
        "late_s": [one["late_s"] for one in results],
        "bytes_a_robot": max(one["bytes_a_robot"] for one in results),
        "bytes_a_connected_robot": max(one["bytes_a_connected_robot"] for one in results),
        "each_second": _each_second(seconds),
        "watch_failed": watch.failed,
    }  # fmt: skip


def took_by_phase(files: Sequence[Path], phases: int) -> tuple[list[list[float]], list[float], int]:
    """Seconds from the first sending to the receipt, by phase; from making to it, of all; and how many left again."""
    took: list[list[float]] = [[] for _ in range(phases)]
    waited = []
    again = 0
    for path in files:
        for row in records.read(path):
            again += row.tries > 1
            if row.receipted_t and row.phase < phases:
                took[row.phase].append(row.receipted_t - row.sent_t)
                waited.append(row.receipted_t - row.made_t)
    return took, waited, again


def _summed(results: Sequence[Told], name: str) -> dict[str, int]:
    total = Counter[str]()
    for one in results:
        total.update(one[name])
    return dict(total)


def _attack(told: Told, watch: IncidentWatch) -> Told:
    """Seconds from the moment at which the decisive token left to the look that found its incident."""
    robot = told["robot"]
    made: Told = {"scene": told["scene"], "robot": robot, "clock": told["clock"], "tokens": told["tokens"]}
    for name, found in (("first", watch.first_t), ("whole", watch.whole_t)):
        sent_t = told.get(name, {}).get("sent_t") or None
        found_t = found.get(robot)
        made[name] = {
            "made_t": told.get(name, {}).get("made_t"), "sent_t": sent_t, "found_t": found_t,
            "took_s": None if sent_t is None or found_t is None else found_t - sent_t,
        }  # fmt: skip
    made["found"] = watch.whole_t.get(robot) is not None
    made["word"] = watch.words.get(robot, "MISSED")
    return made


def merged(outages: Sequence[Told]) -> list[Told]:
    """Those that parts saw at about the same time, as one: the longest of each."""
    made: list[Told] = []
    for one in sorted(outages, key=lambda told: float(told["began_t"])):
        if not made or one["began_t"] - made[-1]["began_t"] > _TOGETHER_S:
            made.append(dict(one))
            continue
        last = made[-1]
        last["lowest"] += one["lowest"]
        for name in ("all_connected_s", "all_green_s"):
            both = last[name], one[name]
            ends = [value + told["began_t"] for value, told in zip(both, (last, one), strict=True) if value is not None]
            last[name] = max(ends) - last["began_t"] if len(ends) == 2 else None
    return made


def _each_second(parts: Sequence[Sequence[Told]]) -> list[Told]:
    """The parts' figures of each second, added."""
    return [
        {"t": row[0]["t"], **{name: sum(one[name] for one in row) for name in row[0] if name != "t"}}
        for row in zip(*parts, strict=False)
    ]


def lines(told: Told) -> list[str]:
    """The same for people."""
    way = "straight into the stream" if told["direct"] else "by TLS" if told["tls"] else "in clear"
    head = (
        f"{told['robots']} robots, {told['seconds']:g} s, a token of {told['load']} every {told['every_s']:g} s, {way}"
    )
    rows = [
        ("came in", _of_connections(told["connections"])),
        ("tokens", _of_tokens(told["tokens"])),
        *(("receipt", f"{name}: {_spread(took)}") for name, took in told["tokens"]["took_s"].items() if took),
        *(("attack", _of_attack(one)) for one in told["attacks"]),
        *(
            (f"of the {name}", f"{count} x {title}")
            for name, titles in told["incidents_of_others"].items()
            for title, count in titles.items()
        ),
        *(("outage", _of_outage(one)) for one in told["outages"]),
        *(("process", _of_process(name, use)) for name, use in told["processes"].items()),
        ("robot", f"{told['bytes_a_robot']:.0f} bytes; {told['bytes_a_connected_robot']:.0f} at work"),
        # Beyond some 100 ms it is the fleet that is measured, and not the host.
        *(("fleet's delay", _spread(late)) for late in told["late_s"] if late),
        ("exactness", _of_exactness(told["exactness"])),
    ]
    return [head, *(f"{name:14} {text}" for name, text in rows)]


def _of_connections(told: Told) -> str:
    came = f"{told['in']} in {told['in_s']:.1f} s ({told['per_s']:.0f}/s)"
    return f"{came}; failed {told['failed'] or 0}, lost {told['lost'] or 0}"


def _of_tokens(told: Told) -> str:
    return (
        f"made {told['made']}, receipted {told['receipted']} ({told['receipted_per_s']:.0f}/s), "
        f"unanswered {told['unanswered']}, held back {told['held_back']}, sent again {told['sent_more_than_once']}; "
        f"odd receipts {told['odd_receipts'] or 0}"
    )


def _spread(took: Told) -> str:
    return ", ".join(f"{name} {took[name] * 1000:.0f} ms" for name in ("median", "p99", "max"))


def _of_attack(one: Told) -> str:
    first, whole = (_seconds(one[name]["took_s"]) for name in ("first", "whole"))
    clock = f" (clock {one['clock']})" if one["clock"] != "right" else ""
    return f"{one['scene']:24} {one['word']}: incident after {first}, whole after {whole}{clock}"


def _of_outage(one: Told) -> str:
    connected, green = _seconds(one["all_connected_s"]), _seconds(one["all_green_s"])
    return f"down to {one['lowest']}; all connected after {connected}, all green after {green}"


def _of_process(name: str, use: Told) -> str:
    share = use["of_a_core"] * 100
    return f"{name:18} {use['cpu_s']:8.1f} s CPU ({share:.0f} % of a core), {use['rss_bytes'] / 1e6:.0f} MB"


def _of_exactness(told: Told) -> str:
    wrong = ", ".join(
        f"{name} {told[key]}"
        for name, key in (
            ("receipted and missing", "receipted_and_missing"),
            ("twice", "twice"),
            ("never sent", "never_sent"),
            ("forks", "forks"),
        )
    )
    word = "EXACT" if told["exact"] else "NOT EXACT"
    held = f"receipted {told['receipted']}, in the ledger {told['in_ledger']}"
    return f"{word}: {held}, {wrong}, faults {told['faults'] or 0}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
