"""Documents under test: a command, kind or rule that no document names does not exist for the person who needs it."""

import argparse
import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import help_texts
from wachhund.ledger.fault_kinds import FAULT_KINDS

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
KIND = re.compile(r"^(process|flow|listen|agent|login|camera|link|station|bluetooth)\.(?!key$|json$|py$)[a-z]+$")
# What would tell about the workplace of whoever wrote it, or tie a user to one package index.
NOT_HERE = re.compile(
    r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian[.]org|/w[o]rk/(main|shared)\b|/root/|/tmp/wh/"
)


def texts() -> list[Path]:
    """Every text file of ours, tracked or not, without what tools make.

    Folders that tools made are not entered at all: an environment that root made links to what others may not read.
    """
    skipped = {".git", ".venv", ".venv37", ".venv-fuzz", ".venv-pyinfra", ".hypothesis", "build", "dist", "__pycache__"}
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in skipped and not name.endswith(("_cache", ".egg-info"))]
        texts = (name for name in names if name not in skipped and not name.endswith((".png", ".ico", ".pyc")))
        found += [Path(folder, name) for name in texts]
    return [path for path in found if path.is_file()]


def test_every_command_has_its_help_text_in_the_documents() -> None:
    """A stale help text in a document costs its reader more than none. `python -m tests.help_texts` renews them."""
    assert help_texts.written() == {name: parser.format_help() for name, parser in help_texts.parsers().items()}


def test_every_option_explains_itself() -> None:
    """An option without words is a riddle."""
    silent = [
        f"{name} {'/'.join(action.option_strings) or action.dest}"
        for name, parser in help_texts.parsers().items()
        for action in parser._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert silent == []


def test_the_readme_names_both_commands_of_the_first_minute() -> None:
    """`make demo` and `make test` are the two doors."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme.split("\n## ")[0]
    assert "make test" in readme.split("\n## ")[0]


def observation_kinds() -> set[str]:
    """Every kind that the agent's source names: what it calls an Observation, or a text that looks like a kind."""
    kinds = set()
    for path in (ROOT / "agent" / "wachhund_agent").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Observation", "note") and node.args:
                node = node.args[0]
            elif not (isinstance(node, ast.Constant) and KIND.match(str(node.value))):
                continue
            if isinstance(node, ast.Constant):
                kinds.add(str(node.value))
    return kinds


def test_every_observation_kind_is_in_the_protocol() -> None:
    """Who reads the lines of `observe` has to find what they mean."""
    protocol = (DOCS / "protocol.md").read_text(encoding="utf-8")
    kinds = observation_kinds()
    assert {"process.start", "flow.open", "coverage"} <= kinds
    assert sorted(kind for kind in kinds if f"`{kind}`" not in protocol) == []


def test_every_rule_is_in_the_operators_document() -> None:
    """An alert names its rule; the operator has to find it."""
    operate = (DOCS / "operate.md").read_text(encoding="utf-8")
    rules = sorted((ROOT / "host" / "wachhund" / "judge" / "rules").rglob("*.yml"))
    assert rules
    loaded = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in rules]
    loaded = [rule for rule in loaded if "catalogue" not in rule]  # a catalogue's are named by `wachhund rules list`
    assert [rule["title"] for rule in loaded if f"| {rule['title']} | `{rule['id']}` |" not in operate] == []


def test_every_kind_of_fault_is_in_the_operators_document() -> None:
    """A robot is `broken` by one of them, and somebody has to find out what that means."""
    operate = (DOCS / "operate.md").read_text(encoding="utf-8")
    assert [what for what in FAULT_KINDS if f"| `{what}` |" not in operate] == []


def feature_rows() -> list[tuple[int, str]]:
    """(number, test id) of each row of docs/features.md."""
    rows = re.findall(r"^\| (\d+) \|[^|]*\|([^|]*)\|", (DOCS / "features.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [(int(number), test) for number, cell in rows for test in re.findall(r"`(tests/[^`]+)`", cell)]


@pytest.mark.parametrize(("number", "test"), feature_rows())
def test_each_feature_names_a_test_that_exists(number: int, test: str) -> None:
    """A row is true because a test shows it, not because code exists."""
    path, _, function = test.partition("::")
    assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")


def test_each_test_that_a_document_names_exists() -> None:
    """A promise is worth the test that is named beside it."""
    gone = []
    for page in DOCS.rglob("*.md"):
        for test in re.findall(r"`(tests/[\w/]+\.py::\w+)`", page.read_text(encoding="utf-8")):
            path, _, name = test.partition("::")
            file = ROOT / path
            if not file.exists() or f"def {name}(" not in file.read_text(encoding="utf-8"):
                gone.append(f"{page.name}: {path}::{name}")
    assert gone == []


def test_links_between_documents_lead_somewhere() -> None:
    """Only links to files of ours: others are not ours to keep."""
    broken = []
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*/README.md")]:
        targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        ours = [target for target in targets if "://" not in target]
        broken += [f"{page.relative_to(ROOT)}: {target}" for target in ours if not (page.parent / target).exists()]
    assert broken == []


def anchor(heading: str) -> str:
    """What a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_into_a_document_lead_to_a_heading_of_it() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target, fragment in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            if fragment not in map(anchor, re.findall(r"^#+ (.*)$", text, re.MULTILINE)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{fragment}")
    assert broken == []


def test_a_decision_has_its_four_parts_on_one_page() -> None:
    """Context, options, choice, and the price."""
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for part in ("## Context", "## Options", "## Choice", "## Negative consequences"):
            assert part in text, f"{page.name}: no {part}"
        assert len(text.splitlines()) <= 60, f"{page.name}: longer than a page"


def test_nothing_tells_about_the_place_where_it_was_written() -> None:
    """Paths of one machine and addresses of one package index are of no use to anybody else."""
    told = []
    for path in texts():
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if NOT_HERE.search(line):
                told.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert told == []


def test_no_binary_but_pictures_and_recordings_is_committed() -> None:
    """What cannot be read in a diff cannot be reviewed.

    Recordings are read line by line by tests/unit/robots; catalogues are held to their texts by test_languages.
    """
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    binary = [name for name in names if (ROOT / name).is_file() and b"\0" in (ROOT / name).read_bytes()[:8000]]
    allowed = re.compile(r"docs/.*[.]png|tests/robots/recordings/[a-z0-9-]+[.]jsonl[.]xz|"
                         r"host/wachhund/web/catalogues/[A-Za-z-]+/wachhund[.]mo")  # fmt: skip
    assert [name for name in binary if not allowed.fullmatch(name)] == []


def test_each_picture_is_shown_by_a_document_and_made_by_a_command() -> None:
    """One that nobody can make anew shows pages as they were once."""
    pictures = {path.name for path in DOCS.glob("*.png")}
    source = (ROOT / "tests" / "pictures.py").read_text(encoding="utf-8")
    assert pictures == set(re.findall(r'folder / "(\w+\.png)"', source))
    shown = "".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *DOCS.rglob("*.md")])
    assert [name for name in pictures if f"{name})" not in shown] == []


def test_each_page_has_its_picture_and_no_picture_is_of_a_page_that_is_no_more() -> None:
    """`python -m tests.page_pictures` takes them all; whoever adds a page takes its picture."""
    document = (DOCS / "pages.md").read_text(encoding="utf-8")
    assert {path.name for path in (DOCS / "pages").iterdir()} == set(re.findall(r"\(pages/([\w-]+\.png)\)", document))
    routes = set(re.findall(r"^\| `GET ([^`]+)` \|", (DOCS / "roles.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^`(/[^`]*)`: ", document, re.MULTILINE)) <= routes


def counted_reasons() -> set[str]:
    """Every word under which the host counts a refusal, as its source has it: raised by a reader, or counted itself."""
    language = ("token", "strict_json", "base64url", "observation", "evidence")
    files = [ROOT / "agent" / "wachhund_evidence" / f"{name}.py" for name in language]
    files += [*(ROOT / "host/wachhund/intake").glob("*.py"), ROOT / "host/wachhund/broker_clients.py"]
    found = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                raised = getattr(node.func, "id", "") == "RejectedEvidence"
                counted = getattr(node.func, "attr", "") == "count" and len(node.args) == 4
                words = node.args[:1] if raised else node.args[1:2] if counted else []
                found |= {str(word.value) for word in words if isinstance(word, ast.Constant)}
            elif isinstance(node, ast.Constant) and re.fullmatch("broker-[a-z-]+", str(node.value)):
                found.add(str(node.value))
    return found


def test_every_reason_of_a_refusal_is_in_the_protocol() -> None:
    """Who sees a count wants to know what was counted."""
    told = (DOCS / "protocol.md").read_text(encoding="utf-8")
    reasons = counted_reasons()
    assert {"signature", "quota", "held-off", "topic", "broker-publish", "broker-login", "busy"} <= reasons
    assert sorted(reason for reason in reasons if f"`{reason}`" not in told) == []
