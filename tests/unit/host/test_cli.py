"""The host's command line as a terminal sees it: output that cannot be written, and names that draw on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wachhund.cli import main

RULE = """
title: A rule
id: 5b2a8a54-6f4c-4b8e-9d5d-000000000001
logsource: {product: linux, category: process_creation}
detection: {a: {LogonId: 0}, condition: a}
"""


def run(*arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wachhund", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60,
        check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_full_disk_behind_the_output_is_one_line_and_status_1(tmp_path: Path) -> None:
    """Who sends the answer into a file must not take half of it for the whole."""
    with Path("/dev/full").open("w") as full:
        done = run("rules", "list", "--data", str(tmp_path), stdout=full.fileno())
    assert done.returncode == 1
    assert done.stderr == "wachhund: standard output: No space left on device\n"


def test_a_reader_that_has_gone_is_no_fault(tmp_path: Path) -> None:
    """`| head` ends a pipe."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run("rules", "list", "--data", str(tmp_path), stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_the_terminal_has_no_letters_for_is_told_by_its_codes(tmp_path: Path) -> None:
    """A terminal without UTF-8 is no reason to say nothing."""
    path = tmp_path / "é.yml"
    path.write_text(RULE)
    done = run("rules", "check", str(path), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\xe9.yml: can't match here: LogonId" in done.stdout


def test_a_name_of_a_file_draws_on_no_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A folder of rules comes from anybody: its names too, and what stands in its expressions."""
    (tmp_path / "\x1b[2J\udcff.yml").write_text(RULE)
    (tmp_path / "\x1b[3J\n.yml").write_text("title: [")
    (tmp_path / "re.yml").write_text(RULE.replace("LogonId: 0", r'Image|re: "\e[4J(?=x)"'))
    assert main(["rules", "check", str(tmp_path)]) == 2
    assert main(["rules", "list", "--data", str(tmp_path), "--rules", str(tmp_path)]) == 0
    assert main(["hunt", str(tmp_path / "\x1b[3J\n.yml"), "--data", str(tmp_path)]) == 2
    assert main(["rules", "sign", str(tmp_path), "--name", "x", "--version", "1", "--data", str(tmp_path)]) == 2
    told = capfd.readouterr()
    assert "\x1b" not in told.out + told.err
    assert "\\x1b[2J\\udcff.yml: can't match here" in told.out
    assert "\\x1b[3J\\x0a.yml: line 2: not YAML" in told.err
    # RE2 would write a line of its own.
    assert all(line.startswith(("wachhund: ", str(tmp_path))) for line in told.err.splitlines())
