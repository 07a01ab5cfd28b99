"""A lab's afternoon with one robot, from the bundle to a reader who has only what was handed over; each act is counted.

An act is a command, or something opened, read, printed or handed over. The laptop has the bundle and a cable to the
robot, the reader's machine the bundle and no network at all.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

from tests.browser.conftest import CHROMIUM, QUIET
from tests.robots.ssh_machine import PASSWORD, ROBOT, Bench

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600), pytest.mark.needs_root("a systemd of its own")]
LABS_ACTS, READERS_ACTS = 8, 2
CHALLENGE = "seven blue horses"
NAME = f"{ROBOT}-audit"
SHEETS = {"A4": (595, 842), "Letter": (612, 792)}  # points
_ENVIRON = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "WACHHUND_PYTHON": os.path.realpath(sys.executable),
}


class Person:
    """Somebody, what they did, and where their files are."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.acts: list[str] = []

    def does(self, act: str) -> None:
        self.acts.append(act)

    @property
    def environ(self) -> dict[str, str]:
        return {**_ENVIRON, "HOME": str(self.folder)}


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory, host_bundle: Path) -> Path:
    """What a lab gets: the bundle, and its digest by another way."""
    folder = tmp_path_factory.mktemp("bought")
    shutil.copy(host_bundle, folder / "host.run")
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(host_bundle.read_bytes()).hexdigest()}  host.run\n")
    return folder


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_report_is_in_its_readers_hands_after_eight_acts_and_believed_after_two(
    robot: Bench, bought: Path, tmp_path: Path
) -> None:
    """No account, no server, and nobody had to read our documents."""
    lab = Person(tmp_path / "lab")
    lab.does("check the bundle's digest")
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=bought, timeout=60, check=True)
    lab.does("unpack it")
    into = ["sh", bought / "host.run", "--into", "host"]
    robot.laptop.run(into, cwd=lab.folder, env=lab.environ, timeout=300)
    lab.does("start the audit, compare the robot's key, type its password")
    lab.does("wait")
    said = _audit(robot, lab)
    assert "watching for" in said and PASSWORD not in said
    sealed = json.loads((lab.folder / f"{NAME}.json").read_text())
    with _opened(lab.folder / f"{NAME}.html") as page:
        lab.does("open the page")
        text = page.inner_text("body")
        lab.does("read what was not looked at, then what was found")
        _says_all(sealed["report"], text)
        assert text.index("not looked at") < text.index(_findings(sealed["report"])[0]["title"])
        lab.does("print it")
        for sheet, size in SHEETS.items():
            _prints(page.pdf(format=sheet, print_background=False), size, sealed["report"])
    paper = PdfReader(lab.folder / f"{NAME}.pdf")
    _says_all(sealed["report"], " ".join(sheet.extract_text() for sheet in paper.pages))
    lab.does("hand it over")
    reader = Person(tmp_path / "reader")
    for path in lab.folder.glob(f"{ROBOT}-*"):
        shutil.copy(path, reader.folder)
    assert len(lab.acts) <= LABS_ACTS, lab.acts

    reader.does("unpack the bundle")
    alone = ["unshare", "--net"]
    unpacked = _ran([*alone, *into], reader)
    assert unpacked.returncode == 0, unpacked.stdout + unpacked.stderr
    reader.does("check the report")
    words = ["host/wachhund", "verify", f"{NAME}.html", "--observations", f"{ROBOT}-observations.jsonl"]
    checked = _ran([*alone, *words], reader)
    assert checked.returncode == 0 and CHALLENGE in checked.stdout, checked.stdout + checked.stderr
    assert len(reader.acts) <= READERS_ACTS, reader.acts
    (reader.folder / f"{NAME}.html").write_text(
        (reader.folder / f"{NAME}.html").read_text().replace("CloudSail is installed", "CloudSail is not installed")
    )
    altered = _ran([*alone, *words], reader)
    assert altered.returncode == 1 and "NOT PROVEN" in altered.stdout and not altered.stderr, altered.stdout


def _audit(robot: Bench, lab: Person) -> str:
    words = ["host/wachhund", "audit", "ssh", f"pi@{ROBOT}", "--minutes", "0.2", "--challenge", CHALLENGE]
    child: subprocess.Popen[str] = robot.laptop.popen(
        words, env=lab.environ, cwd=lab.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said, _ = child.communicate(f"y\n{PASSWORD}\n", timeout=240)
    finally:
        child.kill()
        child.wait(10)
    assert child.returncode == 3, said
    return said


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The page in a browser that reaches nothing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(offline=True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        yield page
        assert asked == [path.as_uri()], "a report needs nothing else"
        browser.close()


def _findings(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for answer in report["answers"] for finding in answer["findings"]]


def _says_all(report: dict[str, Any], text: str) -> None:
    """However its lines are broken, and which letters a browser draws as one."""
    there = _bare(text)
    told = [CHALLENGE, *report["unseen"], *report["not_proven"], *(one["question"] for one in report["answers"])]
    for finding in _findings(report):
        told += [finding["level"], finding["title"], *finding["proof"], *finding["fix"], finding["recheck"]]
    missing = [one for one in told if _bare(one) not in there]
    assert not missing, missing


def _bare(text: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lower()


def _prints(data: bytes, size: tuple[int, int], report: dict[str, Any]) -> None:
    """All of it on sheets of that size, and what was not looked at on the first."""
    sheets = PdfReader(io.BytesIO(data)).pages
    for sheet in sheets:
        assert all(abs(float(side) - wanted) < 2 for side, wanted in zip(sheet.mediabox[2:], size, strict=True))
    _says_all(report, " ".join(sheet.extract_text() for sheet in sheets))
    first = _bare(sheets[0].extract_text())
    assert all(_bare(one) in first for one in (CHALLENGE, *report["unseen"], *report["not_proven"])), first


def _ran(words: Sequence[str | Path], who: Person) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words, cwd=who.folder, env=who.environ, capture_output=True, text=True, timeout=300, check=False
    )
