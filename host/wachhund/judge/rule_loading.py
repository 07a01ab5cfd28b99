"""Sigma rules: read, checked against what robots observe, and converted to SQL, which `matching` runs.

A rule of ours is plain Sigma with one more key, `wachhund`: what the match means, what to do about it, and examples.
A file that cannot be used is returned with its reason, never left out silently; nor is a rule that can never match.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from wachhund.judge.conversion import convert
from wachhund.judge.correlations import correlation_of
from wachhund.judge.meaning import meaning_of
from wachhund.judge.rule import CORRELATION, Refused, Rule, RuleFile, RulePack
from wachhund.judge.rule_file import UnusableFile, one_line, parse, read_text, source_of
from wachhund.judge.rule_pack import pack_of
from wachhund.judge.signed_packs import sha256_of

__all__ = [
    "BUILT_IN",
    "NO_RULES",
    "Refused",
    "Rule",
    "RuleFile",
    "RulePack",
    "files_below",
    "load_rules",
    "pack_of",
    "read_file",
]

BUILT_IN = Path(__file__).parent / "rules"
NO_RULES = "no folder with rules (*.yml) is there"
MAX_ENTRIES = 20_000  # of all kinds below one folder
MAX_FILES = 5_000  # below one folder: more than all that SigmaHQ has published
MAX_KEPT = 32  # files whose rules are kept in memory: ours are 12, of which each judge of a process is made


def load_rules(folders: Iterable[Path] = (BUILT_IN,)) -> RulePack:
    """Read every *.yml below the folders. Raises nothing for a bad rule: it is in `refused`."""
    files: list[RuleFile] = []
    refused: list[Refused] = []
    for folder in folders:
        found, fault = files_below(folder)
        if fault is not None or not found:
            refused.append(Refused(source_of(folder), fault or NO_RULES))
        files += [read_file(file) for file in found]
    pack = pack_of(files)
    return RulePack(pack.rules, (*refused, *pack.refused))


def files_below(folder: Path, *names: str, max_entries: int = MAX_ENTRIES) -> tuple[list[Path], str | None]:
    """Every *.yml, *.yaml and file of these names below a folder, in order, and why there may be more.

    Links to folders are not followed.
    """
    found: list[Path] = []
    unseen: list[OSError] = []
    entries = 0
    try:
        if not folder.is_dir():
            return [], None
    except OSError as error:
        return [], f"cannot be read: {error.strerror}"
    for place, below, files in os.walk(folder, onerror=unseen.append):
        entries += len(below) + len(files)
        if entries > max_entries:
            return [], f"cannot be read: holds more than {max_entries} files and folders: that is no folder of rules"
        for file in (Path(place, name) for name in files):
            try:
                if (file.suffix in (".yml", ".yaml") or file.name in names) and file.is_file():
                    found.append(file)
            except OSError as error:
                unseen.append(error)
    found.sort()
    if len(found) > MAX_FILES:
        return found[:MAX_FILES], f"holds more than {MAX_FILES} rule files: the others are not in use"
    if unseen:
        return found, f"cannot be read: {_told(unseen[0], folder)}" + (" (one of several)" if len(unseen) > 1 else "")
    return found, None


def _told(error: OSError, folder: Path) -> str:
    place = Path(os.fsdecode(error.filename))
    return f"{error.strerror}" if place == folder else f"{one_line(place.relative_to(folder))}: {error.strerror}"


def read_file(file: Path, sha256: str | None = None) -> RuleFile:
    """The rules of a file. What is wrong with it is in `faults`. `sha256`: that it must have; empty for none at all."""
    try:
        text = read_text(file)
        if sha256 is not None and sha256_of(text) != sha256:
            raise UnusableFile("not as it was signed" if sha256 else "not named in the pack that it lies in")
        return rules_in(text, source_of(file))
    except UnusableFile as error:
        return RuleFile(source_of(file), (), (str(error),))


@lru_cache(MAX_KEPT)  # nothing else than the text decides, and converting ours takes a second
def rules_in(text: str, source: str = "rule") -> RuleFile:
    """The rules of one file's text."""
    try:
        parsed = parse(text)
    except UnusableFile as error:
        return RuleFile(source, (), (str(error),))
    rules: list[Rule] = []
    faults = list(parsed.faults)
    found: tuple[SigmaRule | SigmaCorrelationRule, ...] = (*parsed.rules, *parsed.correlations)
    for one in found:
        if one.errors:
            continue  # told by the parser
        try:
            rules.append(_rule(one, source))
        except Exception as error:  # noqa: BLE001  one file of anybody must not stop the judge, whatever pySigma raises
            title = f"{one_line(one.title)}: " if len(found) > 1 else ""
            faults.append(f"{title}{one_line(error)}")
    return RuleFile(source, () if faults else _feeding(rules), tuple(faults))


def _rule(one: SigmaRule | SigmaCorrelationRule, source: str) -> Rule:
    """Raises ValueError, or what pySigma raises, with the reason."""
    if one.id is None:
        raise ValueError("a rule needs an id: matches are counted by it")
    meaning = vars(meaning_of(one))
    identity = str(one.id)
    if isinstance(one, SigmaCorrelationRule):
        correlation = correlation_of(one)
        return Rule(**meaning, id=identity, name=one.name, source=source, category=CORRELATION, correlation=correlation)
    converted = convert(one)
    return Rule(
        **meaning, id=identity, name=one.name, source=source, category=converted.category, sql=converted.sql,
        columns=converted.columns, blind=converted.blind, literals=converted.literals,
    )  # fmt: skip


def _feeding(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Mark the rules that a correlation of the same file refers to without `generate`: they tell nothing themselves.

    Only of the same file: a file of an operator must not silence a rule of ours by referring to it.
    """
    fed = {
        name
        for rule in rules
        if rule.correlation is not None and not rule.correlation.generate
        for name in rule.correlation.of
    }
    return tuple(replace(rule, feeds_only=True) if fed & {rule.id, rule.name} else rule for rule in rules)
