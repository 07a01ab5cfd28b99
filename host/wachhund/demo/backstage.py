"""The real host and the real agent, started as a person would start them: by their command lines."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wachhund.demo.children import Child, ChildError, Children
from wachhund.demo.world import World

ROBOT_NAME = "this-machine"
READY_SECONDS = 45.0  # for the host: it makes keys, starts the broker and opens its ledger
COMMAND_SECONDS = 30.0  # for keygen and robots add
USUAL_WEB_PORT = 8380
MAX_READY_LINES = 20
SOCKET_PATH_BYTES = 100  # sockaddr_un holds 108; longer folders get their socket elsewhere


@dataclass(frozen=True)
class Host:
    """The running host: its child, where its page is (with the one-time login, if it gave one), its broker's port."""

    child: Child
    page: str
    login: str | None
    broker_port: int


def program(name: str) -> str:
    """A command of ours, beside the running Python or on PATH. Raises ChildError when it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ChildError(f"demo: {name}: not installed beside {sys.executable}: run `make demo`")
    return found


def start_host(children: Children, data: Path) -> Host:
    """`wachhund serve` on loopback ports that are free now; returns when it says that it is ready."""
    web_port, broker_port = _free_port(USUAL_WEB_PORT), _free_port(0)
    child = children.start(
        "host",
        (
            program("wachhund"),
            "serve",
            *("--data", str(data), "--listen", f"127.0.0.1:{web_port}", "--broker-listen", f"127.0.0.1:{broker_port}"),
        ),
        environment={"PYTHONUNBUFFERED": "1"},
    )
    login = None
    for _ in range(MAX_READY_LINES):
        line = child.line(READY_SECONDS)
        login = next((word for word in line.split() if "/login#" in word), login)
        if line.startswith("wachhund: ready:"):
            # The login line may come right after the ready line.
            return Host(child, f"http://127.0.0.1:{web_port}/", login or _login_soon(child), broker_port)
    raise ChildError(f"demo: host: never said that it is ready: see {child.log}")


def start_agent(children: Children, world: World, host: Host, data: Path, folder: Path, broker: str) -> Child:
    """A key, `wachhund robots add`, and `wachhund-agent run` on the robot's side of the world."""
    folder.mkdir(parents=True, exist_ok=True)
    key, config = folder / "agent.key", folder / "agent.json"
    if not config.exists():
        _command((program("wachhund-agent"), "keygen", str(key)))
        public = key.with_name(key.name + ".pub")
        _command(
            (
                *(program("wachhund"), "robots", "add", ROBOT_NAME),
                *("--key", str(public), "--data", str(data), "--out", str(config)),
            )
        )
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings["broker"] = broker
    _write_private(config, json.dumps(settings))
    return children.start("agent", (program("wachhund-agent"), "run", "--config", str(config)), inside=world.robot)


def socket_path(folder: Path) -> Path:
    """Where the bridge's socket goes: in the folder. Raises ChildError when the path is too long for a socket."""
    path = folder / "broker.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise ChildError(f"demo: {folder}: over {SOCKET_PATH_BYTES} bytes, too long for a socket: say a shorter --data")
    return path


def _login_soon(child: Child) -> str | None:
    try:
        line = child.line(1.0)
    except ChildError:
        return None  # a data folder that was used before: its administrator has a password
    return next((word for word in line.split() if "/login#" in word), None)


def _free_port(wanted: int) -> int:
    """`wanted` if it is free on loopback, else any free port. Somebody may take it before we do; then serve says so."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ChildError("demo: no free port on 127.0.0.1")


def _command(argv: tuple[str, ...]) -> None:
    name = " ".join([Path(argv[0]).name, *argv[1:2]])
    try:
        done = subprocess.run(argv, capture_output=True, timeout=COMMAND_SECONDS, check=False)  # noqa: S603 - no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ChildError(f"demo: {name}: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        raise ChildError(f"demo: {name}: {said[-1] if said else f'status {done.returncode}'}")


def _write_private(path: Path, text: str) -> None:
    """The configuration holds a password: it is never readable by others, not even for a moment."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(path)
