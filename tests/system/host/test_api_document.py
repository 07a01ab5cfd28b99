"""The API against its OpenAPI document: schemathesis asks a serving host what it promises.

Its seed is fixed, so a run is the same each time; `thorough` asks more, with other values.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.robots.running_host import free_port, register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.system.host.test_serve import Host
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger

# No 5xx, nothing that is not documented, and what is documented is so: status, kind of content, body, headers, Allow.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "unsupported_method", "allow_header_conformance", "negative_data_rejection"),
)
FEW, MANY = 3, 60  # requests that are thought up for each operation and phase


@dataclass(frozen=True)
class Scene:
    """A host with something to tell. `known`: what stands for each part of a path."""

    base: str
    cookie: str
    known: dict[str, str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A robot that somebody controls through a relay, over the broker, judged by the host that serves."""
    folder = tmp_path_factory.mktemp("api")
    data = DataFolder(folder / "data")
    host = Host(data.path, free_port(), free_port()).wait_ready()
    robot = ScriptedRobot()
    config = register(data, "rex", robot, host.broker)
    try:
        with (
            closing(OverMqtt(robot, config, HostKeys.load_or_create(data).key.public_key())) as wire,
            closing(Ledger.open(data.ledger)) as ledger,
            host.login() as client,
        ):
            wire.send(robot.token(*[fact.observation for fact in ssh_through_a_relay().facts]))
            until(lambda: bool(ledger.incidents()), 40, "the incident is there")
            (incident,) = ledger.incidents()
            evidence = incident["evidence"][0]
            allowed = [
                sys.executable, "-m", "wachhund", "authorise", "incident", str(incident["id"]), "--until", "30m",
                "--why", "gait tests", "--data", str(data.path),
            ]  # fmt: skip
            subprocess.run(allowed, capture_output=True, timeout=60, check=True)
            known = {
                "robot": "rex", "chain": str(evidence["chain"]), "seq": str(evidence["seq"]),
                "identity": str(incident["id"]),
            }  # fmt: skip
            ((name, value),) = client.cookies.items()
            yield Scene(f"http://127.0.0.1:{host.web}", f"{name}={value}", known)
    finally:
        host.process.terminate()
        host.process.communicate(timeout=30)


def asked(scene: Scene, folder: Path, *more: str, known: bool) -> str:
    """What schemathesis says. `known`: of things that are there; else of whatever it thinks up."""
    lines = [f'"path.{name}" = "{value}"' for name, value in scene.known.items()] if known else []
    config = folder / "schemathesis.toml"
    config.write_text("\n".join(["[parameters]", *lines, ""]), encoding="ascii")
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run",
        f"{scene.base}/api/openapi.json", "--header", f"Cookie: {scene.cookie}", "--checks", ",".join(CHECKS),
        "--seed", "8", "--generation-database", "none", "--no-color", "--request-timeout", "20", "--warnings", "off",
        *more,
    ]  # fmt: skip
    ran = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    return ran.stdout


@pytest.mark.parametrize("known", [True, False])
def test_every_answer_is_a_documented_one(scene: Scene, tmp_path: Path, known: bool) -> None:
    """No 5xx, and nothing that the document does not say: of things that are there, and of things that are not."""
    said = asked(scene, tmp_path, "--max-examples", str(FEW), "--phases", "examples,coverage,fuzzing", known=known)
    assert "No issues found" in said or "passed" in said


@pytest.mark.thorough
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("known", [True, False])
def test_it_stays_so_when_much_is_asked(scene: Scene, tmp_path: Path, known: bool) -> None:
    """The same with many values of each parameter."""
    asked(scene, tmp_path, "--max-examples", str(MANY), known=known)


def test_what_is_there_is_answered(scene: Scene) -> None:
    """Else the run above would only have seen 404s."""
    with httpx.Client(base_url=scene.base, headers={"cookie": scene.cookie}) as client:
        document = client.get("/api/openapi.json").json()
        for path in document["paths"]:
            address = path.format_map({**scene.known, **({"identity": "a1"} if "authorisations" in path else {})})
            assert client.get(address).status_code == 200, address
        assert client.get("/api/v1/sessions").json()["items"][0]["robot"] == "rex"
        assert client.get("/healthz").status_code == 200 and "wachhund_robots" in client.get("/metrics").text
