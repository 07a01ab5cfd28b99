"""What every test may ask for, and the rules about skips and second tries.

A skipped test has shown nothing. So a run as root, which can do everything, fails on any skip that is not in
`allowed-skips.txt` with its reason; an ordinary user's run may skip what only root may ask of a kernel.

Tests of real processes hold them to seconds. Where CI=true they are asked a second time, on a machine that is not ours
and may stall; a few may need that, each is told at the end with what it said the first time, and more than a few fail
the run. Nobody else gets one.

Runs under Python 3.7 with pytest 7.4 as well, and imports nothing of ours.
"""

import fnmatch
import os
import pathlib
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ALLOWED_SKIPS = HERE / "allowed-skips.txt"
# Data that is not ours to commit lies beside the clone; a test folder elsewhere is named by the environment.
SHARED = HERE.parents[1] / "shared"
EXTERNAL = {"WACHHUND_VECTORS": SHARED / "vectors", "WACHHUND_SIGMA": SHARED / "sigma"}
FAILED = pytest.StashKey[bool]()
ON_CLUSTER = os.environ.get("WACHHUND_TEST_ENGINE") == "cluster"  # tests/robots/engine.py
NOT_ON_CLUSTER = ("of_the_file", "of_one_machine")


if os.environ.get("CI") == "true":
    from hypothesis import HealthCheck, settings

    # As newer versions have it by themselves; that for Python 3.7 holds each example to 0.2 s on the wall.
    settings.register_profile(
        "stalling", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("stalling")


class AllowedSkip(NamedTuple):
    """One line of `allowed-skips.txt`: a test id with shell wildcards, and why the skip is no loss."""

    pattern: str
    reason: str


def read_allowed_skips(text: str) -> Tuple[AllowedSkip, ...]:
    """`PATTERN  reason in words` a line; blank and `#` lines are left out. A line without a reason is an error."""
    allowed = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pattern, _, reason = line.strip().partition(" ")
        if not reason.strip():
            raise pytest.UsageError(f"tests/allowed-skips.txt:{number}: {pattern}: say why this may be skipped")
        allowed.append(AllowedSkip(pattern, reason.strip()))
    return tuple(allowed)


class SkipRule:
    """Collects skips and, as root, turns the ones nobody allowed into a failed run."""

    def __init__(self, allowed: Tuple[AllowedSkip, ...], is_root: bool) -> None:
        self._allowed = allowed
        self._is_root = is_root
        self.refused: Dict[str, str] = {}

    def note(self, node_id: str, reason: str) -> None:
        """Remember one skip, unless the list allows it."""
        if self._is_root and not any(fnmatch.fnmatchcase(node_id, skip.pattern) for skip in self._allowed):
            self.refused[node_id] = reason

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.note(report.nodeid, _reason(report))

    def pytest_collectreport(self, report: Any) -> None:
        if report.skipped:
            self.note(report.nodeid, _reason(report))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.refused:
            return
        terminalreporter.section("skips that tests/allowed-skips.txt does not allow", sep="=", red=True)
        for node_id, reason in sorted(self.refused.items()):
            terminalreporter.line(f"{node_id}: {reason}")
        terminalreporter.line(f"{len(self.refused)} tests showed nothing: the run fails.", red=True)


class SecondTries:
    """Tells which tests were asked again, and why, and fails a run that needed it too often."""

    MOST = 3
    MOST_LINES = 60  # of what each said: its last ones

    def __init__(self) -> None:
        self.asked: List[Tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.outcome == "rerun":
            self.asked.append((report.nodeid, report.longreprtext))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self.asked) > self.MOST and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.asked:
            return
        terminalreporter.section("asked a second time: find out why, each is a defect of the test or of us", sep="=")
        for node_id, said in self.asked:
            terminalreporter.line(node_id)
            for line in said.splitlines()[-self.MOST_LINES :]:
                terminalreporter.line(f"  {line}")
        if len(self.asked) > self.MOST:
            terminalreporter.line(f"more than {self.MOST}: the run fails.", red=True)


def _reason(report: Any) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


def pytest_configure(config: pytest.Config) -> None:
    if ON_CLUSTER:
        # Tests that leave a ledger open: SQLite's connections end without a word, and the run's server ends with it.
        config.addinivalue_line("filterwarnings", "ignore:.*psycopg.Connection.*was deleted while still open")
    text = ALLOWED_SKIPS.read_text(encoding="utf-8") if ALLOWED_SKIPS.exists() else ""
    config.pluginmanager.register(SkipRule(read_allowed_skips(text), os.geteuid() == 0), "wachhund-skip-rule")
    config.pluginmanager.register(SecondTries(), "wachhund-second-tries")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    if os.environ.get("CI") == "true" and config.pluginmanager.hasplugin("rerunfailures"):
        for item in items:
            if any(HERE / kind in item.path.parents for kind in ("system", "browser")):
                item.add_marker(pytest.mark.flaky(reruns=1))
    if ON_CLUSTER:
        left_out = [item for item in items if any(item.get_closest_marker(one) for one in NOT_ON_CLUSTER)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if os.geteuid() == 0:
        return
    for item in items:
        marker = item.get_closest_marker("needs_root")
        if marker is not None:
            why = marker.args[0] if marker.args else "asks the kernel for something that only root may have"
            item.add_marker(pytest.mark.skip(reason=f"needs root: {why}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    if outcome.get_result().failed:  # type: ignore[attr-defined]
        item.stash[FAILED] = True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Who may be asked again finds nothing of the first time: also what it shares with other tests is made anew."""
    if item.stash.get(FAILED, False) and item.get_closest_marker("flaky"):
        item.session._setupstate.teardown_exact(None)


def _external(variable: str) -> pathlib.Path:
    folder = pathlib.Path(os.environ.get(variable) or EXTERNAL[variable])
    try:
        if any(folder.iterdir()):
            return folder
        problem = "is empty"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    message = f"{folder} {problem}: say {variable}=FOLDER"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def vectors() -> pathlib.Path:
    """Public test vectors of other projects (WACHHUND_VECTORS)."""
    return _external("WACHHUND_VECTORS")


@pytest.fixture(scope="session")
def sigma() -> pathlib.Path:
    """A checkout of public Sigma rules (WACHHUND_SIGMA)."""
    return _external("WACHHUND_SIGMA")
