"""The API against its OpenAPI document: schemathesis asks a serving host what it promises.

It thinks up the same requests each time; `exhaustive` asks more of them, and each edge of each parameter.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.robots.ports import free_port
from tests.robots.running_host import register
from tests.robots.scripted import OverMqtt, ScriptedRobot
from tests.robots.served_host import Host
from tests.unit.host.judge.test_allowing import ssh_through_a_relay
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.inspection.report import EXIT_HIGH, EXIT_NOT_SEEN
from wachhund.ledger import Ledger

# No 5xx, nothing that is not documented, and what is documented is so: status, kind of content, body, headers, Allow.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "unsupported_method", "allow_header_conformance", "negative_data_rejection"),
)
FEW, MANY = 2, 40  # requests that are thought up for each operation


@dataclass(frozen=True)
class Scene:
    """A host with something to tell. `known`: what stands for each part of a path. `password`: of admin."""

    base: str
    cookie: str
    known: dict[str, str]
    password: str


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
            report = [sys.executable, "-m", "wachhund", "report", "rex", "--out", str(folder), "--data", str(data.path)]
            told = subprocess.run(report, capture_output=True, timeout=60, check=False)
            assert told.returncode in (EXIT_HIGH, EXIT_NOT_SEEN), told.stderr
            known = {
                "robot": "rex", "chain": str(evidence["chain"]), "seq": str(evidence["seq"]),
                "identity": str(incident["id"]), "form": "json",
            }  # fmt: skip
            ((name, value),) = client.cookies.items()
            (password,) = re.findall(r"password (\S+) \(shown this once\)", "\n".join(host.printed))
            yield Scene(f"http://127.0.0.1:{host.web}", f"{name}={value}", known, password)
    finally:
        host.process.terminate()
        host.process.communicate(timeout=30)


def asked(scene: Scene, folder: Path, *more: str, known: bool) -> str:
    """What schemathesis says. `known`: of things that are there; else of whatever it thinks up."""
    lines = [f'"path.{name}" = "{value}"' for name, value in scene.known.items()] if known else []
    config = folder / "schemathesis.toml"
    # A body that is too large is refused before it is read: 413, which schemathesis does not expect by itself.
    refused = ["[checks.negative_data_rejection]", "expected-statuses = [400, 401, 403, 404, 405, 409, 413, 422]"]
    config.write_text("\n".join(["[parameters]", *lines, *refused, ""]), encoding="ascii")
    # What stands for a part of a path also replaces a wrong value that was thought up for it.
    checks = [check for check in CHECKS if not (known and check == "negative_data_rejection")]
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run",
        f"{scene.base}/api/openapi.json", "--header", f"Cookie: {scene.cookie}", "--checks", ",".join(checks),
        "--exclude-path", "/api/v1/events",  # it has no end; tests/unit/host/web/api/test_events.py reads it
        "--generation-deterministic", "--no-color", "--request-timeout", "20", "--warnings", "off",
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
    said = asked(scene, tmp_path, "--max-examples", str(FEW), "--phases", "fuzzing", known=known)
    assert "No issues found" in said


@pytest.mark.exhaustive
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("known", [True, False])
def test_it_stays_so_when_much_is_asked(scene: Scene, tmp_path: Path, known: bool) -> None:
    """The same with many values of each parameter."""
    asked(scene, tmp_path, "--max-examples", str(MANY), "--phases", "coverage,fuzzing", known=known)


def _others(client: httpx.Client, path: str) -> dict[str, str]:
    """The id of what a path is about, where that is no incident."""
    if "/reports/" in path:
        return {"identity": client.get("/api/v1/reports").json()["items"][0]["id"]}
    return {"identity": "a1"} if "/authorisations/" in path else {}


def test_what_is_there_is_answered(scene: Scene) -> None:
    """Else the run above would only have seen 404s."""
    with httpx.Client(base_url=scene.base, headers={"cookie": scene.cookie}) as client:
        document = client.get("/api/openapi.json").json()
        for path, methods in document["paths"].items():
            # A stream has no end, nothing was silenced, nobody hunted, and one robot is no campaign.
            none = ("/events", "/silences/{identity}", "/hunts/{identity}", "/campaigns/{identity}")
            if "get" not in methods or path.endswith(none):
                continue
            address = path.format_map({**scene.known, **_others(client, path)})
            assert client.get(address).status_code == 200, address
        assert client.get("/api/v1/sessions").json()["items"][0]["robot"] == "rex"
        assert client.get("/healthz").status_code == 200 and "wachhund_robots" in client.get("/metrics").text


def test_the_documents_examples_work_as_they_stand(scene: Scene, tmp_path: Path) -> None:
    """Each block of docs/api.md, one after the other, in one shell."""
    document = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", document, re.DOTALL)
    assert len(blocks) >= 5
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(blocks)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, "WACHHUND": scene.base, "PASSWORD": scene.password},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert '"operator":"admin"' in ran.stdout and '"name":"rex"' in ran.stdout and '{"well":true}' in ran.stdout
    assert "items" in json.loads((tmp_path / "part.json").read_text())
    assert '"ssh"' in (tmp_path / "sessions.csv").read_text()
