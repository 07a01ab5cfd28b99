"""The rule that a test of real processes may be asked once more on a machine that is not ours, and that it is told."""

import pathlib
from typing import Any

import pytest

pytest_plugins = ["pytester"]
CONFTEST = pathlib.Path(__file__).resolve().parents[2] / "conftest.py"
PASSES_THE_SECOND_TIME = """
import pathlib
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_that_stalls(number):
    mark = pathlib.Path(__file__).parent / f"{number}.asked"
    asked = mark.exists()
    mark.touch()
    assert asked
"""

NEEDS_ALL_OF_ITS_MODULE = """
import pathlib
import pytest

@pytest.fixture(scope="module")
def shared():
    return []

def test_before(shared):
    shared.append("before")

def test_that_leaves_something(shared):
    mark = pathlib.Path(__file__).parent / "asked"
    asked = mark.exists()
    mark.touch()
    assert "mine" not in shared
    shared.append("mine")
    assert asked

def test_behind(shared):
    assert "before" not in shared
"""


def outcome(
    pytester: Any,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    count: int = 1,
    machine: str = "true",
    *how: str,
    source: str = PASSES_THE_SECOND_TIME,
) -> Any:
    monkeypatch.setenv("CI", machine)
    pytester.makeini("[pytest]\nmarkers =\n    needs_root: for root\n")
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    folder = pytester.mkdir(kind)
    (folder / "test_some.py").write_text(source.replace("{count}", str(count)))
    return (pytester.runpytest_subprocess if how else pytester.runpytest)("-p", "no:cacheprovider", *how)


@pytest.mark.parametrize("kind", ["system", "browser"])
def test_a_test_of_real_processes_is_asked_again_and_named(
    pytester: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    result = outcome(pytester, monkeypatch, kind)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["*asked a second time*", f"{kind}/test_some.py::test_that_stalls[[]0]", "  E       assert False"]
    )


def test_more_than_a_few_fail_the_run(pytester: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is not the machine."""
    result = outcome(pytester, monkeypatch, "system", 4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["more than 3: the run fails."])


@pytest.mark.parametrize(("kind", "machine"), [("unit", "true"), ("system", ""), ("unit", "")])
def test_nobody_else_gets_a_second_try(pytester: Any, monkeypatch: pytest.MonkeyPatch, kind: str, machine: str) -> None:
    """What runs in one process is deterministic, and at a person's desk a failure is to be seen."""
    assert outcome(pytester, monkeypatch, kind, machine=machine).ret == pytest.ExitCode.TESTS_FAILED


def test_a_second_try_is_counted_where_workers_share_the_tests(pytester: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    result = outcome(pytester, monkeypatch, "system", 4, "true", "-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*asked a second time*", "more than 3: the run fails."])


def test_a_second_try_finds_nothing_of_the_first(pytester: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test left in what its module shares would fail it again, of itself."""
    result = outcome(pytester, monkeypatch, "system", source=NEEDS_ALL_OF_ITS_MODULE)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*asked a second time*", "system/test_some.py::test_that_leaves_something"])
