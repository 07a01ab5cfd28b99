"""Which rules there are: ours, the operators' own in the host's data folder, and what a command names."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from wachhund.fleet.data_folder import DataFolder, default_data_folder
from wachhund.fleet.host_keys import read_private_key
from wachhund.judge.matching import RuleMatcher
from wachhund.judge.rule_file import source_of
from wachhund.judge.rule_folder import RuleFolder
from wachhund.judge.rule_loading import (
    BUILT_IN,
    NO_RULES,
    Refused,
    Rule,
    RuleFile,
    RulePack,
    files_below,
    pack_of,
    read_file,
)
from wachhund.judge.wording import shown
from wachhund_evidence import MisuseError, thumbprint

BUILT_IN_WORDS = "built in"


def data_folder(given: Path | None) -> DataFolder:
    """The host's data folder, which need not be there."""
    return DataFolder(given or default_data_folder())


def in_use(data: DataFolder) -> RuleFolder:
    """Our rules and the operators' own as a host would use them that starts now."""
    try:
        key = read_private_key(data.host_key, "host key").public_key()
    except MisuseError:
        return RuleFolder(data.rules)  # another user's, or no host yet: what it signed can't be proven here
    return RuleFolder(data.rules, keys={thumbprint(key): key})


def built_in() -> list[RuleFile]:
    """Our files."""
    return [read_file(file) for file in files_below(BUILT_IN)[0]]


def given(paths: Iterable[Path]) -> tuple[list[RuleFile], list[Refused]]:
    """The rules of files and folders that somebody named, and what is wrong with the paths themselves."""
    files: list[RuleFile] = []
    wrong: list[Refused] = []
    for path in paths:
        if is_there(path, Path.is_dir):
            found, fault = files_below(path)
            files += map(read_file, found)
            wrong += [Refused(source_of(path), fault or NO_RULES)] if fault is not None or not found else []
        else:
            files.append(read_file(path))
    return files, wrong


def is_there(path: Path, question: Callable[[Path], bool]) -> bool:
    """What the file system says of a path that somebody typed; False where it can't say (not let in, no such name)."""
    try:
        return question(path)
    except (OSError, ValueError):
        return False


def source_in_words(source: str) -> str:
    """Where a rule is from, as people read it."""
    path = Path(source)
    return f"{BUILT_IN_WORDS}: {path.name}" if path.is_relative_to(BUILT_IN) else source


def chosen(wanted: str, data: DataFolder) -> list[Rule]:
    """The rules of a file, or the one of that id or name, with those that it refers to. Raises MisuseError."""
    path = Path(wanted)
    folder = in_use(data)
    folder.look()
    standing = [*folder.built_in, *folder.own()]
    if is_there(path, Path.exists):
        file = read_file(path)
        if file.faults:
            raise MisuseError(f"{path}: {file.faults[0]}")
        ids = {rule.id for rule in file.rules}
        # The file's own form counts, also where one with the same id is in use.
        others = [RuleFile(one.source, tuple(rule for rule in one.rules if rule.id not in ids), ()) for one in standing]
        pack = pack_of([file, *others])
        wanted_ids = [rule.id for rule in pack.rules if rule.id in ids]
        if len(wanted_ids) < len(ids):
            raise MisuseError(next(f"{path}: {one.reason}" for one in pack.refused if one.source == source_of(path)))
    else:
        pack = pack_of(standing)
        wanted_ids = [rule.id for rule in pack.rules if wanted in (rule.id, rule.name, rule.title)]
        if not wanted_ids:
            raise MisuseError(
                f"{shown(wanted, 80)}: no file, and no rule of that id, name or title: see `wachhund rules list`"
            )
    rules = with_referred(wanted_ids, pack)
    for refused in RuleMatcher(rules).unusable:
        raise MisuseError(f"{source_in_words(refused.source)}: {refused.reason}")
    return rules


def with_referred(ids: Sequence[str], pack: RulePack) -> list[Rule]:
    """The rules of these ids and those that they refer to, in the pack's order."""
    by_id = {rule.id: rule for rule in pack.rules}
    needed: set[str] = set()
    waiting = list(ids)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            correlation = by_id[name].correlation
            waiting += correlation.of if correlation is not None else ()
    return [rule for rule in pack.rules if rule.id in needed]
