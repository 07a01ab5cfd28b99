"""Plays one drawn scene with real processes and sockets, watched by the real sensors, and prints what they made of it.

`unshare --net python -m tests.system.relay_scenes.stage relay|benign SEED [--seconds N] [--record]`: one JSON line.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

from tests.system.relay_scenes import network
from tests.system.relay_scenes.draw import draw_benign, draw_relay
from wachhund_agent.sensing import Sensing
from wachhund_evidence import Observation

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Times:
    """When the service was reached and when its 4096th byte moved (monotonic seconds)."""

    opened: float | None = None
    four_kilobytes: float | None = None


class Cast:
    """The scene's processes; all end with it."""

    def __init__(self, folder: pathlib.Path, outside: Sequence[str]) -> None:
        self._folder, self._outside = folder, list(outside)
        self._children: list[subprocess.Popen[bytes]] = []
        shutil.copy(HERE / "wire.py", folder / "wire.py")

    def start(self, program: str, *arguments: str, outside: bool = False, name: str = "", fds: Sequence[int] = (),
              ready: bool = True) -> "subprocess.Popen[bytes]":  # fmt: skip
        script = self._folder / f"{name or program}.py"
        shutil.copy(HERE / f"{program}.py", script)
        prefix = self._outside if outside else []
        child = subprocess.Popen([*prefix, sys.executable, "-S", str(script), *arguments], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, pass_fds=fds)  # fmt: skip
        self._children.append(child)
        if ready:
            assert child.stdout is not None
            if child.stdout.readline().strip() != b"ready":
                raise RuntimeError(f"{program} did not start")
        return child

    def run(self, command: Sequence[str]) -> None:
        """A program that is none of ours."""
        self._children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))

    def end(self) -> None:
        for child in self._children:
            child.kill()
        for child in self._children:
            child.wait()


def _certificate(folder: pathlib.Path) -> str:
    path = folder / "own.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", str(path), "-out", str(folder / "cert.pem"), "-subj", "/CN=scene", "-days", "1"],
                   check=True, capture_output=True, timeout=30)  # fmt: skip
    path.write_text(path.read_text() + (folder / "cert.pem").read_text())
    return str(path)


def _play_relay(plan: dict[str, Any], cast: Cast, folder: pathlib.Path) -> Times:
    times = _service(plan, cast)
    robot, outside = [network.ROBOT, plan["outer_port"]], [network.OUTSIDE, plan["outer_port"]]
    common = {key: plan[key] for key in ("seed", "direction", "wrap", "tls", "buffer")}
    common["certificate"] = _certificate(folder) if plan["tls"] else None
    cast.start("outside_program", json.dumps(
        {**common, "role": "controller", "address": outside[0], "port": outside[1], "robot": robot,
         "idle_s": plan["idle_s"], "session": plan["session"]}), outside=True)  # fmt: skip
    relay = {**common, "outside": outside, "listen": robot, "service": ["127.0.0.1", plan["service_port"]],
             "delay_ms": plan["delay_ms"], "threads": plan["threads"], "role": "whole"}  # fmt: skip
    if plan["program"] == "socat":
        ends = [f"TCP:{address}:{port},nodelay" for address, port in (outside, relay["service"])]
        cast.run(["socat", *ends])
        return times
    if plan["split"] is None:
        cast.start("relay_program", json.dumps(relay), name=plan["name"], ready=False)
        return times
    if plan["split"] == "pipe":
        (a_reads, b_writes), (b_reads, a_writes) = os.pipe(), os.pipe()
        ends = ((a_reads, a_writes), (b_reads, b_writes))
    else:
        left, right = (end.detach() for end in socket.socketpair())
        ends = ((left, left), (right, right))
    for role, (reads, writes) in zip(("outer", "inner"), ends, strict=True):
        cast.start("relay_program", json.dumps({**relay, "role": role, "joint": [reads, writes]}),
                   name=plan["name"] + role[0], fds=sorted({reads, writes}), ready=False)  # fmt: skip
    for fd in {fd for end in ends for fd in end}:
        os.close(fd)
    return times


def _play_benign(plan: dict[str, Any], cast: Cast, folder: pathlib.Path) -> Times:
    times = _service(plan, cast)
    robot, outside = [network.ROBOT, plan["outer_port"]], [network.OUTSIDE, plan["outer_port"]]
    if plan["kind"] in ("web application", "reverse proxy"):
        far = {"role": "clients", "robot": robot, "sessions": plan["sessions"]}
    else:
        far = {"role": "cloud", "address": outside[0], "port": outside[1], "latency_s": plan["latency_s"]}
    cast.start("outside_program", json.dumps({**far, "seed": plan["seed"]}), outside=True)
    near = {**plan, "outside": outside, "listen": robot, "service": ["127.0.0.1", plan["service_port"]]}
    near.pop("sessions")
    cast.start("benign_program", json.dumps(near), name=plan["name"], ready=False)
    return times


def _service(plan: dict[str, Any], cast: Cast) -> Times:
    child = cast.start("service_program", "127.0.0.1", str(plan["service_port"]))
    times = Times()

    def listen() -> None:
        assert child.stdout is not None
        for line in child.stdout:
            what, _, when = line.decode().partition(" ")
            if what == "open" and times.opened is None:
                times.opened = float(when)
            elif what == "4k" and times.four_kilobytes is None:
                times.four_kilobytes = float(when)

    threading.Thread(target=listen, daemon=True).start()
    return times


def watch(seconds: float, stop_at_relay: bool) -> dict[str, Any]:
    """Run the agent's senses here, on the best rung that we may. Returns the relays that they told of."""
    told: list[dict[str, Any]] = []

    def deliver(observations: list[Observation]) -> None:
        told.extend(one.to_json() for one in observations if one.kind == "relay")

    def decided() -> bool:
        return stop_at_relay and any(one["verdict"] == "relay" for one in told)

    sensing = Sensing(deliver)
    rung = sensing.coverage()["tcp"].source
    sensing.run(decided, seconds)
    return {"told": told, "rung": rung}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", choices=["relay", "benign"])
    parser.add_argument("seed", type=int)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--program", choices=["drawn", "socat"], default="drawn", help="what relays, instead of ours")
    args = parser.parse_args(arguments)
    plan = draw_relay(args.seed) if args.scene == "relay" else draw_benign(args.seed)
    plan["program"] = args.program
    if args.program == "socat":
        plan.update(direction="out", tls=False, wrap={"frame": False, "padding": 0, "compress": False})
    outside = network.build()
    with tempfile.TemporaryDirectory() as folder:
        cast = Cast(pathlib.Path(folder), outside)
        try:
            play = _play_relay if args.scene == "relay" else _play_benign
            times = play(plan, cast, pathlib.Path(folder))
            seen = watch(args.seconds, args.scene == "relay")
        finally:
            cast.end()
    plan.pop("session", None)
    plan.pop("sessions", None)
    print(json.dumps({"plan": plan, "opened": times.opened, "four_kilobytes": times.four_kilobytes, **seen}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
