"""A rule file as anybody may write it: read within bounds, and taken apart by pySigma. What is wrong is one line."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from wachhund.judge.catalogue import rules_of
from wachhund.judge.regular import POLICY
from wachhund.judge.wording import shown

# The longest of SigmaHQ's Linux rules has 12 KiB, 300 values and 6 levels.
MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 24  # lists and mappings within each other
MAX_VALUES = 20_000  # keys and values in a file
MAX_ALIASES = 64  # of YAML: each may stand for all that stood before it
MAX_NUMBER_CHARS = 40  # digits of a number: Python's own bound ends in an error of another kind
MAX_REASON_CHARS = 400
MAX_PATH_CHARS = 4_096

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONG_NUMBER = re.compile(rf"[-+0-9_.:]{{{MAX_NUMBER_CHARS},}}")


class UnusableFile(ValueError):
    """A file that holds no rules that can be used. The text is one line: what is wrong, where, within the file."""


@dataclass(frozen=True)
class Parsed:
    """What a file holds, as pySigma reads it. `faults`: one line each; any makes the file unusable as a whole."""

    rules: tuple[SigmaRule, ...]
    correlations: tuple[SigmaCorrelationRule, ...]
    faults: tuple[str, ...]


def read_text(file: Path) -> str:
    """The text of a file. Raises UnusableFile when it cannot be read, is too large, or is no UTF-8."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnusableFile(f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise UnusableFile(f"larger than {MAX_FILE_BYTES // 1024} KiB: one rule a file is the custom")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"not UTF-8 at byte {error.start}") from None


def parse(text: str) -> Parsed:
    """The rules of a file's text. Raises UnusableFile when it is no YAML, or hostile."""
    documents = _documents(text)
    try:
        documents = [rule for one in documents for rule in _expanded(one)]
    except ValueError as error:
        raise UnusableFile(one_line(error)) from None
    try:
        collection = SigmaCollection.from_dicts(documents, collect_errors=True, resolve_references=False, policy=POLICY)
    except SigmaError as error:
        raise UnusableFile(f"not a Sigma rule: {one_line(error)}") from None
    except Exception as error:  # noqa: BLE001  pySigma looks into values before it has looked at their types
        raise UnusableFile(f"not a Sigma rule: {type(error).__name__}: {one_line(error)}") from None
    faults = [f"not a Sigma rule: {one_line(error)}" for error in collection.errors]
    if collection.filters:
        faults.append("filters are not run: write the exception into the rule")
    rules = tuple(rule for rule in collection.rules if isinstance(rule, SigmaRule))
    correlations = tuple(rule for rule in collection.rules if isinstance(rule, SigmaCorrelationRule))
    if not rules and not correlations and not faults:
        faults.append("holds no rule")
    return Parsed(rules, correlations, tuple(dict.fromkeys(faults)))


def source_of(file: Path) -> str:
    """A file's path as it is told: anybody may give a file a name that draws on a terminal."""
    return shown(str(file), MAX_PATH_CHARS)


def one_line(error: object) -> str:
    """An error's text, fit for one line of a terminal."""
    return shown(" ".join(str(error).split()), MAX_REASON_CHARS)


def _expanded(document: Any) -> list[Any]:
    """A catalogue of tools is many rules."""
    if document is None or "catalogue" not in document:
        return [document]
    if set(document) != {"catalogue"}:
        raise ValueError("a catalogue is no rule: it stands in a document of its own")
    return list(rules_of(document["catalogue"]))


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark else ""


def _documents(text: str) -> list[Any]:
    # Events come one by one and hold nothing: bounds are found before anything is built.
    depth = values = aliases = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            values += 1
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.AliasEvent):
                aliases += 1
            elif isinstance(event, yaml.ScalarEvent) and event.implicit[0] and _LONG_NUMBER.fullmatch(event.value):
                raise UnusableFile(f"{_line(event.start_mark)}a number of more than {MAX_NUMBER_CHARS} digits")
            if depth > MAX_DEPTH or values > MAX_VALUES or aliases > MAX_ALIASES:
                what = "nested too deep" if depth > MAX_DEPTH else "too many values"
                what = what if aliases <= MAX_ALIASES else "too many YAML aliases"
                raise UnusableFile(f"{_line(event.start_mark)}{what}: no rule needs that")
        documents = list(yaml.load_all(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise UnusableFile(f"{_line(error.problem_mark)}not YAML: {one_line(error.problem or error)}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        if isinstance(error, UnusableFile):
            raise
        raise UnusableFile(f"not YAML: {one_line(error)}") from None
    wrong = [document for document in documents if document is not None and not isinstance(document, dict)]
    if wrong:
        raise UnusableFile(f"not a Sigma rule: a mapping is wanted, not {type(wrong[0]).__name__}")
    return documents
