"""Compose files and Kubernetes manifests of a cluster: each is what its own schema allows, they fit each other, and
what they hand out has the modes that keys must have.
"""

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests import help_texts

CLUSTER = Path(__file__).resolve().parents[3] / "deploy" / "cluster"
MANIFESTS = sorted(path for path in (CLUSTER / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
OLDEST, NEWEST = "1.29", "1.37"  # ReadWriteOncePod is settled since the first; the newest whose schemas the package has


def objects() -> list[dict[str, Any]]:
    """All of Kubernetes' objects."""
    return [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def workloads() -> list[dict[str, Any]]:
    """Those that make pods."""
    return [one for one in objects() if one["kind"] in ("StatefulSet", "Deployment")]


def containers(workload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All containers of a pod, those that run first too."""
    pod = workload["spec"]["template"]["spec"]
    yield from (*pod["initContainers"], *pod["containers"])


def component(one: dict[str, Any]) -> str:
    """node, worker or web."""
    return str(one["metadata"]["labels"]["app.kubernetes.io/component"])


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_word(version: str) -> None:
    """By its own schemas; a word that it does not know would be left out in silence."""
    for one in objects():
        kubernetes_validate.validate(one, version, strict=True)


def test_a_misspelt_word_is_found() -> None:
    """Of the validator itself."""
    wrong = next(one for one in workloads() if one["kind"] == "StatefulSet")
    wrong["spec"]["template"]["spec"]["automountServiceAccountTokens"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_the_kustomization_names_every_manifest() -> None:
    """What it does not name nobody applies."""
    named = yaml.safe_load((CLUSTER / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert sorted(named) == [path.name for path in MANIFESTS]


def test_every_container_is_as_closed_as_the_namespace_wants_it() -> None:
    """Pod Security "restricted" would refuse it when it is too late; and none goes without a bound of its memory."""
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 8443
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in containers(workload):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert one["resources"]["requests"].keys() == {"cpu", "memory"} and "memory" in one["resources"]["limits"]


def test_selectors_meet_their_pods() -> None:
    """A Service, a budget or a policy that meets nothing says nothing."""
    labels = [workload["spec"]["template"]["metadata"]["labels"] for workload in workloads()]
    for one in objects():
        spec = one.get("spec", {})
        if one["kind"] == "Service":
            wanted = spec["selector"]
        elif one["kind"] == "NetworkPolicy":
            wanted = spec["podSelector"].get("matchLabels", {})
        elif one["kind"] in ("PodDisruptionBudget", "StatefulSet", "Deployment"):
            wanted = spec["selector"]["matchLabels"]
        else:
            continue
        assert any(wanted.items() <= each.items() for each in labels), one["metadata"]["name"]


def test_policies_open_the_ports_that_there_are() -> None:
    """Of nodes and webs: what a container listens at, and nothing else."""
    listening = {
        component(one): {port["containerPort"] for each in containers(one) for port in each.get("ports", [])}
        for one in workloads()
    }
    opened: dict[str, set[int]] = {name: set() for name in listening}
    for one in objects():
        if one["kind"] == "NetworkPolicy" and "matchLabels" in one["spec"]["podSelector"]:
            name = one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            opened[name] |= {port["port"] for rule in one["spec"].get("ingress", []) for port in rule["ports"]}
    assert opened == listening


def test_a_budget_leaves_a_quorum_of_nodes() -> None:
    """And no two of them share a machine."""
    nodes = next(one for one in workloads() if component(one) == "node")
    budget = next(
        one for one in objects() if one["kind"] == "PodDisruptionBudget" and one["metadata"]["name"] == "wachhund-nodes"
    )
    assert 2 * (nodes["spec"]["replicas"] - budget["spec"]["maxUnavailable"]) > nodes["spec"]["replicas"]
    rules = nodes["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    assert rules["requiredDuringSchedulingIgnoredDuringExecution"][0]["topologyKey"] == "kubernetes.io/hostname"


def test_what_is_handed_out_is_for_its_owner_only(tmp_path: Path) -> None:
    """As Kubernetes mounts a Secret: links, to files that a group may read. Keys that others may read are refused."""
    handed = {tuple(next(iter(containers(one)))["command"]) for one in workloads()}
    (command,) = handed
    places = {name: tmp_path / name.strip("/") for name in ("/handed", "/rules", "/witnesses", "/data")}
    for path in places.values():
        path.mkdir()
    for name, file in (("/handed", "host.key"), ("/handed", "ledger.url"), ("/witnesses", "w1")):
        real = places[name] / "..2026" / file
        real.parent.mkdir(exist_ok=True)
        real.write_text(f"of {file}")
        real.chmod(0o440)
        (places[name] / file).symlink_to(Path("..2026") / file)
    script = re.sub(r"(?<!\w)(/\w+)/", lambda found: f"{places[found[1]]}/", command[-1])
    for _ in range(2):  # a node keeps its disk: it is handed out again with each start
        subprocess.run([*command[:-1], script], check=True, timeout=60, umask=0)
    data = places["/data"]
    found = {str(path.relative_to(data)): path for path in data.rglob("*") if path.is_file()}
    assert {name: path.read_text() for name, path in found.items()} == {
        "host.key": "of host.key", "ledger.url": "of ledger.url", "witnesses/w1": "of w1",
    }  # fmt: skip
    for path in found.values():
        assert not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["compose.yaml", "machine.yaml"])
def test_compose_knows_every_word(name: str) -> None:
    """By the compose specification's own schema."""
    argv = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*argv, str(CLUSTER / "compose" / name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["compose.yaml", "machine.yaml"])
def test_what_runs_in_compose_is_closed_and_gets_its_keys(name: str, tmp_path: Path) -> None:
    """Every container of ours; and the line that hands out does what it says."""
    services = yaml.safe_load((CLUSTER / "compose" / name).read_text(encoding="utf-8"))["services"]
    ours = {key: one for key, one in services.items() if one["image"] == "localhost/wachhund"}
    assert len(ours) >= 3
    for one in ours.values():
        assert one["read_only"] and one["cap_drop"] == ["ALL"] and one["user"] == "8443:8443"
        assert any(volume.endswith(":/handed:ro") for volume in one["volumes"])
        assert one["deploy"]["resources"]["limits"]["memory"]
    (tmp_path / "handed").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "handed" / "host.key").write_text("key")
    line = next(iter(ours.values()))["environment"]["HAND_OUT"].replace("$$", "$")
    line = line.replace("/handed/", f"{tmp_path}/handed/").replace("/data/", f"{tmp_path}/data/")
    subprocess.run(
        ["/bin/sh", "-euc", 'eval "$HAND_OUT"'], check=True, timeout=60, env={**os.environ, "HAND_OUT": line}
    )
    assert stat.S_IMODE((tmp_path / "data" / "host.key").stat().st_mode) == 0o600


def test_commands_are_given_as_they_are() -> None:
    """Of all recipes: options that a command does not have would be seen only where it is started."""
    started = [one for workload in workloads() for one in containers(workload) if "args" in one]
    given = [[*one["command"], *one["args"]] for one in started]
    for path in (CLUSTER / "compose").glob("*.yaml"):
        services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"].values()
        scripts = [one["entrypoint"][-1] for one in services if "entrypoint" in one]
        given += [shlex.split(script.split("exec ")[1]) for script in scripts]
    for path in (CLUSTER / "systemd").glob("*.service"):
        line = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart="))
        words = shlex.split(line.removeprefix("ExecStart=/usr/local/bin/"))
        given.append([word.replace("%i", "8380") for word in words if not word.startswith("$")])
    assert len(given) > 8
    parsers = help_texts.parsers()
    for words in given:
        assert words[0] == "wachhund"
        parser = parsers[f"wachhund {words[1]}"]
        options = {option for action in parser._actions for option in action.option_strings}
        assert {word for word in words[2:] if word.startswith("--")} <= options, words
