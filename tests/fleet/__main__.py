"""wachhund-fleet: `python -m tests.fleet`, or `make fleet ARGS=...`."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.scratch import scratch
from tests.fleet import figures, plan, player, registering, running
from tests.robots.living import Living
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import place
from wachhund_evidence import WachhundError

EXIT_WRONG = 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wachhund-fleet", description="A fleet of robots with real keys, chains and connections, for one host."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    registered = commands.add_parser("register", help="put robots on a host's roll, thousands in a transaction")
    registered.add_argument("--data", type=Path, required=True, metavar="DIR", help="the host's data folder")
    registered.set_defaults(run=_register)
    played = commands.add_parser("play", help="play a fleet that is registered against a host that serves")
    played.add_argument("--data", type=Path, required=True, metavar="DIR", help="the host's data folder")
    played.add_argument("--broker", action="append", default=[], metavar="HOST:PORT", help="MQTT; may be given again")
    played.add_argument("--tls", action="store_true", help="by mqtts, each robot with its certificate")
    played.add_argument("--direct", metavar="URL", help="nats://USER:PASSWORD@HOST:PORT in place of MQTT")
    played.add_argument("--pid", action="append", default=[], metavar="NAME=PID", help="measure this process")
    played.add_argument("--tree", action="append", default=[], metavar="NAME=PID", help="with all below it")
    played.set_defaults(run=_play)
    alone = commands.add_parser("serve", help="the same with a `wachhund serve` of its own, in a folder that goes")
    alone.add_argument("--ledger", metavar="URL", help="on this PostgreSQL server; its database must be empty")
    alone.set_defaults(run=_serve)
    whole = commands.add_parser("cluster", help="the same with PostgreSQL, nodes and workers of its own")
    whole.add_argument("--nodes", type=int, default=3, metavar="N", help="machines with a nats-server (default 3)")
    whole.add_argument("--workers", type=int, default=2, metavar="N", help="(default 2)")
    whole.add_argument("--lanes", type=int, default=16, metavar="N", help="(default 16)")
    whole.add_argument("--direct", action="store_true", help="straight into the stream, past the MQTT door")
    whole.set_defaults(run=_cluster)
    looked = commands.add_parser("look", help="ask pages of their own beside a fleet that is played, as a browser does")
    looked.add_argument("--data", type=Path, required=True, metavar="DIR", help="the host's data folder")
    looked.add_argument("--seconds", type=float, default=600.0, metavar="S", help="for so long (default 600)")
    looked.set_defaults(run=_look)
    for one in (registered, played, alone, whole):
        one.add_argument("--robots", type=int, required=True, metavar="N", help="how many")
        one.add_argument("--seed", default="1", metavar="TEXT", help="keys, attacks and clocks come of it (default 1)")
    for one in (played, alone, whole):
        _add_load(one)
    part = commands.add_parser("part", help="(one process of a fleet, started by the others)")
    for name in ("plan", "robots", "out"):
        part.add_argument(name, type=Path)
    part.set_defaults(run=_part)
    return parser


def _add_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=120.0, metavar="S", help="how long they speak (default 120)")
    parser.add_argument("--settle", type=float, default=0.0, metavar="S", help="before it, measured apart (default 0)")
    parser.add_argument("--every", type=float, default=10.0, metavar="S", help="between tokens of one (default 10)")
    parser.add_argument("--heartbeats", action="store_true", help="instead of the stock robot's noise")
    parser.add_argument("--in-a-token", type=int, default=13, metavar="N", help="observations of noise (default 13)")
    parser.add_argument("--attacks", type=int, default=0, metavar="N", help="recorded attacks among them (default 0)")
    parser.add_argument("--clocks", type=int, default=0, metavar="N", help="robots whose clock is years off, or jumps")
    parser.add_argument(
        "--storm", type=float, action="append", default=[], metavar="S", help="cut all connections then"
    )
    parser.add_argument("--silent", type=int, default=0, metavar="N", help="robots that fall silent; half of them go")
    parser.add_argument("--journal", type=int, default=32, metavar="N", help="tokens a robot holds (default 32)")
    parser.add_argument("--join", type=float, default=0.0, metavar="S", help="come in over so long (default: at once)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="of the fleet (default 1)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the fleet's own files there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")


def _say(line: str) -> None:
    print(f"fleet: {line}", file=sys.stderr, flush=True)


def _register(args: argparse.Namespace) -> int:
    began = time.monotonic()
    made = registering.register(args.data, args.seed, args.robots, _say)
    print(f"{made} robots registered in {time.monotonic() - began:.1f} s")
    return 0


def _part(args: argparse.Namespace) -> int:
    player.run(plan.read(args.plan), plan.read_robots(args.robots), args.out)
    return 0


def _plan(
    args: argparse.Namespace, data: DataFolder, brokers: list[tuple[str, int]], more: dict[str, Any]
) -> plan.Plan:
    clocks = plan.drawn_clocks(args.seed, args.robots, args.clocks)
    attacks = plan.drawn_attacks(args.seed, args.robots, args.attacks, args.settle + args.seconds, clocks)
    taken = {one.number for one in attacks}
    silent = [number for number in range(args.robots) if number not in taken][: args.silent]
    phases = [("measured", args.seconds)] if not args.settle else [("settle", args.settle), ("measured", args.seconds)]
    return plan.Plan(
        args.seed, HostKeys.load_or_create(data).public_pem, brokers, phases, every_s=args.every,
        load=plan.HEARTBEATS if args.heartbeats else plan.NOISE, in_a_token=args.in_a_token, attacks=attacks,
        clocks=clocks, storms=args.storm, silent=silent, silent_at_s=plan.SILENT_AFTER * args.seconds,
        journal=args.journal, join_s=args.join, **more,
    )  # fmt: skip


@contextmanager
def _work(given: Path | None) -> Iterator[Path]:
    if given is None:
        with scratch() as folder:
            yield folder
    else:
        given.mkdir(parents=True, exist_ok=True)
        yield given


def _pids(given: list[str]) -> dict[str, int]:
    return {name: int(pid) for name, _, pid in (one.partition("=") for one in given)}


def _play(args: argparse.Namespace) -> int:
    data = DataFolder(args.data)
    robots = registering.enlisted(args.data, args.seed, args.robots)
    brokers = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in args.broker)]
    with _work(args.work) as folder:
        more: dict[str, Any] = {"direct": args.direct}
        if args.tls:
            import datetime

            authority = Authority.load_or_create(data, (), datetime.datetime.now(datetime.UTC))
            registering.write_certificates(folder / "tls", authority, args.seed, robots)
            more["tls"] = str(folder / "tls")
        told = running.run(
            folder, data.ledger, _plan(args, data, brokers, more), robots, processes=args.processes,
            pids=_pids(args.pid), trees=_pids(args.tree), say=_say,
        )  # fmt: skip
    return _print(told, args.json)


def _print(told: dict[str, Any], file: Path | None) -> int:
    if file is not None:
        file.write_text(json.dumps(told, indent=1) + "\n")
    print("\n".join(figures.lines(told)))
    missed = [one for one in told["attacks"] if not one["found"]]
    return EXIT_WRONG if missed or not told["exactness"]["exact"] or told["tokens"]["unanswered"] else 0


@contextmanager
def _living(folder: Path, ledger: str | None) -> Iterator[Living]:
    if ledger is not None:
        place.settle(DataFolder(folder / "host").make().ledger, ledger)
    with Living(folder, serves=False) as living:
        yield living


def _serve(args: argparse.Namespace) -> int:
    began = time.monotonic()
    with scratch() as folder, _work(args.work) as work, _living(folder, args.ledger) as living:
        registered = registering.register(living.data, args.seed, args.robots, _say)
        registering_s = time.monotonic() - began
        player.raise_limits()
        began = time.monotonic()
        living.start_host()
        ready_s = time.monotonic() - began
        _say(f"{registered} registered in {registering_s:.1f} s; the host is ready after {ready_s:.1f} s")
        data = DataFolder(living.data)
        robots = registering.enlisted(living.data, args.seed, args.robots)
        told = running.run(
            work, data.ledger, _plan(args, data, [("127.0.0.1", living.broker)], {}), robots,
            processes=args.processes, pids={"host": living.host_pid, "broker": living.broker_pid()}, say=_say,
        )  # fmt: skip
        told["registering_s"], told["host_start_s"] = registering_s, ready_s
    return _print(told, args.json)


def _look(args: argparse.Namespace) -> int:
    from tests.fleet import looking

    looking.run(args.data, args.seconds, lambda told: print(json.dumps(told), flush=True))
    return 0


def _cluster(args: argparse.Namespace) -> int:
    from tests.fleet.clusters import FleetCluster

    player.raise_limits()
    with (
        scratch() as folder,
        _work(args.work) as work,
        FleetCluster(folder / "data", args.nodes, args.lanes, args.workers, args.direct, folder) as cluster,
    ):
        _say(f"its data folder is {cluster.data.path}")
        began = time.monotonic()
        cluster.enlist(args.seed, args.robots, _say)
        registering_s = time.monotonic() - began
        _say(f"registered, and known to the nodes, after {registering_s:.1f} s")
        robots = registering.enlisted(cluster.data.path, args.seed, args.robots)
        more = {"direct": cluster.direct if args.direct else None}
        told = running.run(
            work, cluster.data.ledger, _plan(args, cluster.data, cluster.brokers, more), robots,
            processes=args.processes, pids=cluster.pids(), trees={"PostgreSQL": cluster.postgres.pid}, say=_say,
        )  # fmt: skip
        told["registering_s"] = registering_s
    return _print(told, args.json)


def main() -> int:
    """Exit status: 0 when all was exact, receipted and found; 1 when not; 2 for misuse."""
    args = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of all that ends what was started
    try:
        status: int = args.run(args)
    except (WachhundError, running.PartFailed) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
