"""Alerts of a cluster: Prometheus reads them, each fires and stays quiet as its own test says, and each number that
they ask of us is one that we have.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "cluster" / "prometheus"
RULES = FOLDER / "wachhund.rules.yml"


def alerts() -> dict[str, dict[str, Any]]:
    """All of them by name."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*words: str | Path) -> str:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here (Debian: prometheus)")
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_reads_them() -> None:
    """The rules, and what it is told to ask."""
    assert f"{len(alerts())} rules found" in promtool("check", "rules", RULES)
    promtool("check", "config", "--syntax-only", FOLDER / "prometheus.yml")


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_fires_when_it_must_and_only_then(name: str) -> None:
    """As the file beside it says, with both in it."""
    path = FOLDER / "tests" / f"{name}.yml"
    tests = yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases} == {name}
    assert any(case["exp_alerts"] for case in cases) and any(not case["exp_alerts"] for case in cases)
    promtool("test", "rules", path)


def test_each_test_is_of_an_alert() -> None:
    """One of an alert that was taken away would say nothing."""
    assert {path.stem for path in (FOLDER / "tests").iterdir()} == set(alerts())


def test_each_says_how_bad_it_is_and_what_to_do() -> None:
    """Whoever is called at night."""
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("warning", "critical"), name
        assert set(rule["annotations"]) == {"summary", "do"}, name


def test_our_own_numbers_are_there() -> None:
    """A series that nobody tells never fires."""
    told = (ROOT / "host" / "wachhund" / "web" / "metrics.py").read_text(encoding="utf-8")
    told += "wachhund_robots_by_proof" if "wachhund_robots_by_{name}" in told else ""
    asked = {name for rule in alerts().values() for name in re.findall(r"\bwachhund_\w+", rule["expr"])}
    assert len(asked) > 3
    assert {name for name in asked if name.removesuffix("_total") not in told} == set()


def test_every_job_that_is_asked_about_is_scraped() -> None:
    """By the name that the configuration gives it."""
    jobs = {one["job_name"] for one in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    assert {job for rule in alerts().values() for job in re.findall(r'job="([^"]+)"', rule["expr"])} == jobs


def test_the_document_names_each() -> None:
    """With what to do about it."""
    document = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert [name for name in alerts() if name not in document] == []
