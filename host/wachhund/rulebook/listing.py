"""All rules that a host has: those in use with where they are from, and what is not in use, with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass

from wachhund.judge.matching import RuleMatcher
from wachhund.judge.rule_file import source_of
from wachhund.judge.rule_folder import RuleFolder
from wachhund.judge.rule_loading import Refused, Rule, RuleFile, RulePack, pack_of
from wachhund.rulebook.shelf import BUILT_IN_WORDS, source_in_words


@dataclass(frozen=True)
class Listed:
    """A rule in use. `source`: where it is from, in words, with the signed pack that brought it, if one did."""

    rule: Rule
    source: str

    @property
    def is_built_in(self) -> bool:
        """Whether it came with this program."""
        return self.source.startswith(BUILT_IN_WORDS)


@dataclass(frozen=True)
class Listing:
    """Each rule, and what is not in use."""

    rules: tuple[Listed, ...]
    refused: tuple[Refused, ...]

    @property
    def blind(self) -> int:
        """How many can never match here."""
        return sum(one.rule.blind is not None for one in self.rules)


def listing(folder: RuleFolder, files: Iterable[RuleFile] = (), wrong: Iterable[Refused] = ()) -> Listing:
    """Those of a host's folder, and of more `files`. `wrong`: what could not be read of these."""
    folder.look()
    usable, refused = proven(pack_of([*folder.built_in, *folder.own(), *files]), [*wrong, *folder.refused])
    refused = list({(one.source, one.reason): one for one in refused}.values())  # an id that is taken is told by both
    signed = {source_of(path): f" {one.name} version {one.version}, signed" for path, one in folder.packs.items()}

    def source(rule: Rule) -> str:
        pack = next((words for path, words in signed.items() if rule.source.startswith(path + "/")), "")
        return source_in_words(rule.source) + pack

    return Listing(tuple(Listed(rule, source(rule)) for rule in usable), tuple(refused))


def proven(pack: RulePack, wrong: Iterable[Refused]) -> tuple[list[Rule], list[Refused]]:
    """Rules that SQLite takes too, and all that is not in use."""
    unusable = RuleMatcher(pack.rules).unusable
    sources = {one.source for one in unusable}
    return [rule for rule in pack.rules if rule.source not in sources], [*wrong, *pack.refused, *unusable]
