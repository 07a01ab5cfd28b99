"""Somebody changes the agent that runs: its code, its configuration, its key. It says so itself, while it still can."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import wachhund_agent
import wachhund_evidence
from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.living import Living
from tests.system.delivery.journal_copy import journalled
from tests.waiting import until
from wachhund.ledger import Ledger
from wachhund_evidence import base64url


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    """A host, and an agent that runs from a copy of the packages, in `code`."""
    for package in (wachhund_agent, wachhund_evidence):
        folder = Path(str(package.__file__)).parent
        shutil.copytree(folder, tmp_path / "code" / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    with Living(tmp_path) as made:
        with (tmp_path / "agent.out").open("ab") as out:
            made.agent = subprocess.Popen(
                [AGENT_PYTHON, "-m", "wachhund_agent", "run", "--config", "agent.json"],
                cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(tmp_path / "code")},
            )  # fmt: skip
        yield made


def changes(ledger: Ledger) -> dict[str, dict[str, object]]:
    """What was told of files of class agent, by file name."""
    told = ledger.observations_after(0, 100_000, kinds=["persistence.change"])
    fields = [dict(one.observation.fields) for one in told if one.observation.fields.get("class") == "agent"]
    return {Path(str(one["path"])).name: one for one in fields}


def test_a_change_to_the_running_agent_is_told_and_nothing_of_its_key(living: Living) -> None:
    folder = living.folder
    key, code = folder / "agent.key", folder / "code" / "wachhund_agent"
    secrets = [key.read_bytes()]
    with closing(living.ledger()) as ledger:

        def baseline() -> bool:
            states = ledger.observations_after(0, 100_000, kinds=["config.state"])
            return any(state.observation.fields["name"] == "persistence-baseline" for state in states)

        until(baseline, 60, "the agent knows its files")
        assert changes(ledger) == {}
        with (code / "sensors" / "relay.py").open("a") as file:
            file.write("# nothing to see\n")
        (code / "fresh.py").write_text("")
        with (folder / "agent.json").open("a") as file:
            file.write("\n")
        key.write_bytes(key.read_bytes() + b"\n")
        secrets.append(key.read_bytes())
        wanted = {"relay.py", "fresh.py", "agent.json", "agent.key"}
        until(lambda: wanted <= set(changes(ledger)), 30, "each change is told")
        told = changes(ledger)
    assert {name: told[name]["change"] for name in wanted} == {
        "relay.py": "modified", "fresh.py": "created", "agent.json": "modified", "agent.key": "modified",
    }  # fmt: skip
    assert told["relay.py"]["sha256"] == hashlib.sha256((code / "sensors" / "relay.py").read_bytes()).hexdigest()
    assert told["agent.key"]["sha256"] is None and told["agent.key"]["was_sha256"] is None
    assert living.agent is not None
    living.agent.terminate()
    assert living.agent.wait(20) == 0
    kept = (
        b"".join(
            base64url.decode(token.split(".")[1]) for token in journalled(folder / "agent-data" / "journal").values()
        )
        + (folder / "agent-data" / "persistence.json").read_bytes()
    )
    assert b"wachhund_agent/sensors/relay.py" in kept
    for secret in secrets:
        body = secret.splitlines()[1]
        for form in (hashlib.sha256(secret).hexdigest().encode(), body):
            assert form not in kept
