"""The rule that a run as root may not skip in silence."""

import pathlib
import textwrap
from typing import Any

import pytest

pytest_plugins = ["pytester"]
CONFTEST = pathlib.Path(__file__).resolve().parents[2] / "conftest.py"


@pytest.fixture
def project(pytester: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A small project that has our conftest and nothing else of us. The user id is chosen by the test."""
    pytester.makeini("[pytest]\nmarkers =\n    needs_root: for root\n")
    rule = CONFTEST.read_text(encoding="utf-8")
    pytester.makeconftest(
        rule.replace("os.geteuid()", "int(os.environ['PRETEND_UID'])")
        if "os.geteuid()" in rule
        else pytest.fail("conftest.py no longer asks who runs it")
    )
    pytester.makepyfile(
        test_some=textwrap.dedent(
            """
            import pytest

            def test_that_passes():
                pass

            @pytest.mark.skip(reason="the moon is not full")
            def test_that_skips():
                pass

            @pytest.mark.needs_root
            def test_that_needs_root():
                pass
            """
        )
    )
    return pytester


def test_a_skip_that_nobody_allowed_fails_the_run_as_root(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that skips what it cannot do would stay green on a machine where nothing works."""
    monkeypatch.setenv("PRETEND_UID", "0")
    result = project.runpytest("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*test_some.py::test_that_skips: *the moon is not full*", "1 tests showed nothing*"])


def test_an_allowed_skip_passes_as_root(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list exists so that a skip with a reason stays possible."""
    monkeypatch.setenv("PRETEND_UID", "0")
    project.path.joinpath("allowed-skips.txt").write_text("test_some.py::test_that_s* no moon needed here\n")
    result = project.runpytest("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=2, skipped=1)


def test_an_ordinary_user_skips_what_needs_root_and_says_so(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same suite has to be useful without root."""
    monkeypatch.setenv("PRETEND_UID", "1000")
    result = project.runpytest("-p", "no:cacheprovider", "-rs")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*needs root: asks the kernel*"])


def test_a_line_without_a_reason_is_refused(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An allowance that gives no reason is how a list of exceptions rots."""
    monkeypatch.setenv("PRETEND_UID", "0")
    project.path.joinpath("allowed-skips.txt").write_text("test_some.py::test_that_skips\n")
    result = project.runpytest("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*allowed-skips.txt:1: test_some.py::test_that_skips: say why*"])


def test_the_rule_holds_where_workers_share_the_tests(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's skip, of a test or of a whole file, has to reach the one who ends the run."""
    monkeypatch.setenv("PRETEND_UID", "0")
    project.makepyfile(test_whole="import pytest\npytest.skip('no moon', allow_module_level=True)\n")
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--durations=3")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["test_some.py::test_that_skips: *the moon is not full*", "test_whole.py: *no moon*",
                                 "2 tests showed nothing*", "*slowest 3 durations*"])  # fmt: skip
