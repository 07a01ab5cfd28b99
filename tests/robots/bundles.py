"""Real bundles for tests: made once for a run of the suite, and varied as another release would differ."""

import hashlib
import io
import json
import os
import platform
import zipfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bundling import archive
from deploy.bundling.bundles import AGENT_MINORS, Maker
from deploy.bundling.sealing import Target, seal
from deploy.bundling.source import ROOT

# Fetched wheels stay there: the lock's hashes are looked at each time.
CACHE = Path(os.environ.get("WACHHUND_WHEELS", ROOT / "build" / "wheels"))
MACHINE = platform.machine()

MADE_OF = ("as in a test", 1_700_000_000)  # a copy of a clone may have no git

Change = Callable[[dict[str, bytes]], None]


def agent_bundle(folder: Path, key: Ed25519PrivateKey | None = None, machine: str = MACHINE) -> Path:
    """This clone's bundle for this machine, or another. Raises NotFetched where nobody has the libraries."""
    name, data = Maker(CACHE, key, MADE_OF).agent(machine)
    return _write(folder, name, data)


def varied(
    bundle: Path, folder: Path, version: str, change: Change = lambda agent: None, key: Ed25519PrivateKey | None = None
) -> Path:
    """The same bundle as another version. `change` may alter the files of the agent's wheel."""
    whole = bundle.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        files = {entry.filename: found.read(entry) for entry in found.infolist()}
    described = json.loads(files["bundle.json"])
    (own,) = (one for one in described["wheels"] if one["name"].startswith("wachhund_agent-"))
    agent = archive.unpack(files[f"wheels/{own['name']}"])
    agent["wachhund_agent/__init__.py"] += f'\n__version__ = "{version}"\n'.encode()
    change(agent)
    wheel = archive.pack(agent, described["epoch"])
    files[f"wheels/{own['name']}"] = wheel
    own["sha256"] = hashlib.sha256(wheel).hexdigest()
    described["version"] = version
    files["bundle.json"] = json.dumps(described).encode()
    name = f"wachhund-agent-{version}-{described['arch']}.run"
    payload = archive.pack(files, described["epoch"], stored=True)
    return _write(folder, name, seal(name, version, Target(described["arch"], AGENT_MINORS), payload, key))


def mute(agent: dict[str, bytes]) -> None:
    """A change that makes an agent that runs, and never connects."""
    code = agent["wachhund_agent/mqtt_wire.py"]
    assert b"        self._client.loop_start()\n" in code
    agent["wachhund_agent/mqtt_wire.py"] = code.replace(b"        self._client.loop_start()\n", b"        pass\n")


def broken(agent: dict[str, bytes]) -> None:
    """A change that makes an agent that says its version, and ends as soon as it is to run."""
    code = agent["wachhund_agent/agent_run.py"]
    assert b"    config = load(arguments.config)\n" in code
    agent["wachhund_agent/agent_run.py"] = code.replace(
        b"    config = load(arguments.config)\n", b"    raise SystemError('a broken release')\n"
    )


def _write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
