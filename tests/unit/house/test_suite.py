"""What `make test` makes of its arguments: two runs of pytest, each test in the one it belongs to, one exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import suite

HERE = suite.TESTS.parent
UNIT, BROWSER = (str(suite.TESTS / kind) for kind in ("unit", "browser"))


def asked(*arguments: str) -> list[tuple[str, ...]]:
    """The paths of each run."""
    return [run.paths for run in suite.sorted_out(arguments, HERE)[0]]


def test_each_file_of_tests_is_in_one_run() -> None:
    """One that no run names would never be run."""
    beside, alone = asked()
    assert beside == tuple(str(suite.TESTS / kind) for kind in suite.BESIDE)
    assert asked() == asked("tests") == asked(".")
    for file in suite.TESTS.rglob("test_*.py"):
        assert sum(path in (str(file), *map(str, file.parents)) for path in (*beside, *alone)) == 1, file


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        (("tests/unit/host/web", "-k", "x"), [("tests/unit/host/web",)]),
        (("tests/unit/house/test_suite.py::test_x[a b]",), [("tests/unit/house/test_suite.py::test_x[a b]",)]),
        (("-x", "tests/system/host"), [("tests/system/host",)]),
        (("tests/system/judge", "tests/system/deploy"), [("tests/system/deploy",), ("tests/system/judge",)]),
        (("tests/browser", "tests/unit/house"), [("tests/unit/house",), ("tests/browser",)]),
        (("-k", "tests", "-x"), asked()),
    ],
)
def test_what_is_named_runs_where_it_belongs(arguments: tuple[str, ...], runs: list[tuple[str, ...]]) -> None:
    """A narrowed run starts nothing else."""
    assert asked(*arguments) == runs


def test_options_reach_each_run_and_an_own_number_of_workers_comes_last() -> None:
    """The last one counts: `-n 0 --pdb` is how a test is looked into."""
    runs, options = suite.sorted_out(["-n", "0", "--pdb", "tests/unit/house", "-k", "a or b"], HERE)
    assert options == ["-n", "0", "--pdb", "-k", "a or b"]
    assert runs[0].manner == ("-n", "2", "--dist", "loadfile")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A suite of one passing unit test and one failing system test."""
    for kind, body in (("unit", "pass"), ("system", "raise SystemError"), ("browser", "pass")):
        folder = tmp_path / "tests" / kind
        folder.mkdir(parents=True)
        (folder / f"test_{kind}.py").write_text(f"def test_{kind}():\n    {body}\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    return tmp_path


def run(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = (
        f"import pathlib, sys; sys.path.insert(0, {str(HERE)!r}); from tests import suite; "
        "sys.exit(suite.main(sys.argv[1:], pathlib.Path('tests').resolve()))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist.plugin"}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=project, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def test_both_runs_end_with_their_own_words_and_the_first_failure_is_the_status(project: Path) -> None:
    done = run(project)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in done.stdout.partition("-- one after the other: test_system.py, browser")[0]
    assert "1 failed, 1 passed" in done.stdout.partition("-- one after the other: test_system.py, browser")[2]


@pytest.mark.parametrize(("words", "status"), [("unit", 0), ("nobody", 5)])
def test_a_run_that_selects_nothing_fails_only_where_no_other_does(project: Path, words: str, status: int) -> None:
    """`make test ARGS="-k word"` is no failure because the word is in one kind of tests only."""
    assert run(project, "-k", words).returncode == status
