"""Rule files from anybody: hostile, broken and odd ones end in one line."""

import time
from pathlib import Path

import pytest

from wachhund.judge.rule_file import MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES
from wachhund.judge.rule_loading import load_rules, read_file, rules_in

GOOD = """
title: A rule
id: 5b2a8a54-6f4c-4b8e-9d5d-111111111111
logsource: {product: linux, category: process_creation}
detection: {a: {Image: x}, condition: a}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join(['*' + chr(97 + level)] * 9)}]\n" for level in range(9)
)

MANY = GOOD.replace(
    "detection: {a: {Image: x}, condition: a}",
    "detection:\n  a:\n    Image|contains:\n" + "".join(f"      - value{i}\n" for i in range(500)) + "  condition: a",
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "too many YAML aliases"),
        ("k: &k [x]\nl: [" + "*k, " * (MAX_ALIASES + 1) + "]", "aliases"),
        ("a: &a [*a]\n" + GOOD, "Recursive"),
        ("[" * (MAX_DEPTH + 1), "nested too deep"),
        ("{a: " * 50_000, "nested too deep"),
        ("a: [" + "x, " * 30_000 + "]", "too many values"),
        ("title: " + "9" * 50_000, "digits"),
        ("title: [", "line 2: not YAML"),
        ("title: x\n  y: z", "line 2: not YAML"),
        ("!!python/object/apply:os.system [true]", "not YAML"),
        ("title: \u0000", "not YAML"),
        ("- a\n- b", "a mapping is wanted, not list"),
        ("just words", "a mapping is wanted, not str"),
        ("", "holds no rule"),
        ("---\n---\n", "holds no rule"),
        (GOOD.replace("{a: {Image: x}, condition: a}", "[1]"), "not a Sigma rule"),
        (GOOD.replace("condition: a", "condition: [[a]]"), "cannot be converted"),
        (GOOD.replace("condition: a", "condition: b"), ""),
        (GOOD.replace("logsource: {product: linux, category: process_creation}", "logsource: 5"), "not a Sigma rule"),
        (GOOD.replace("title: A rule", "title: {a: b}"), "not a Sigma rule"),
        (GOOD.replace("Image: x", "Image|nonsense: x"), "nonsense"),
        (GOOD.replace("Image: x", "Image|re: '('"), "not a Sigma rule"),
        (GOOD.replace("id: 5b2a8a54-6f4c-4b8e-9d5d-111111111111\n", ""), "needs an id"),
        (GOOD.replace("5b2a8a54", "not-an-id"), "not a Sigma rule"),
        (GOOD + "wachhund: {kind: [a]}", "wachhund.kind"),
        (GOOD + "wachhund: {surface: web}", "wachhund.surface"),
        (GOOD + "wachhund: {advice: stop}", "wachhund.advice"),
        (GOOD + "wachhund: {examples: {match: 5}}", "wachhund.examples.match"),
        (GOOD + "wachhund: {5: x}", "wachhund: takes only"),
        (GOOD + "level: dangerous", "not a Sigma rule"),
        (MANY.replace("condition: a", "condition:" + "\n    - a" * 5_000), "compare more than 5000 values"),
        (MANY.replace("condition: a", "condition: " + "a or " * 400 + "not (a)"), "compare more than 5000 values"),
        (MANY.replace("condition: a", "condition:" + "\n    - 1 of them" * 400), "compare more than 5000 values"),
        (MANY.replace("value", "v" * 600), "more than 256 KiB of SQL"),
        (GOOD.replace("product: linux", "product: linux, service: auditd"), "service 'auditd'"),
    ],
)
def test_a_bad_file_is_one_line_and_takes_no_time(text: str, reason: str) -> None:
    """A folder of rules is shared and copied about: a bad file must cost a line, not the judge."""
    started = time.process_time()
    file = rules_in(text)
    assert file.rules == ()
    assert file.faults
    assert all(fault and "\n" not in fault and len(fault) < 1_000 for fault in file.faults)
    assert any(reason in fault for fault in file.faults), file.faults
    assert time.process_time() - started < 3


def test_a_condition_of_thousands_of_brackets_takes_no_time() -> None:
    """It means the same as one without."""
    started = time.process_time()
    file = rules_in(GOOD.replace("condition: a", "condition: " + "(" * 3_000 + "a" + ")" * 3_000))
    assert file.rules or file.faults
    assert time.process_time() - started < 3


def test_several_faults_of_a_file_are_all_told() -> None:
    """Who mends one after the other wants to know them all."""
    faults = rules_in(GOOD.replace("x}", "x, Colour: y}") + "---" + GOOD.replace("linux", "windows")).faults
    assert len(faults) == 2
    assert "Colour" in faults[0]
    assert "windows" in faults[1]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff\xfe", "not UTF-8"), (b"#" * (MAX_FILE_BYTES + 1), "larger than 256 KiB")]
)
def test_a_file_that_is_no_text_or_too_large_is_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    """Read within a bound, before anything looks into it."""
    path = tmp_path / "rule.yml"
    path.write_bytes(content)
    assert reason in read_file(path).faults[0]


def test_a_folder_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    """Links are easily made."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "good.yml").write_text(GOOD)
    (tmp_path / "rules" / "loop").symlink_to(tmp_path / "rules")
    (tmp_path / "rules" / "gone.yml").symlink_to(tmp_path / "nowhere")
    pack = load_rules((tmp_path / "rules",))
    assert [rule.title for rule in pack.rules] == ["A rule"]


def test_an_id_that_is_taken_is_told_with_the_file_that_has_it(tmp_path: Path) -> None:
    """Else one of two rules would be run and nobody knew which."""
    (tmp_path / "a.yml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(GOOD)
    pack = load_rules((tmp_path,))
    assert len(pack.rules) == 1
    assert "a.yml" in pack.refused[0].reason
