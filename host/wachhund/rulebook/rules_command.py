"""`wachhund rules`: list, check and test Sigma rules, and try one on what robots told before."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wachhund.judge.wording import shown
from wachhund.rulebook import sign_command, try_command

if TYPE_CHECKING:
    from wachhund.judge.rule_loading import Rule

EXIT_FAILED = 1
EXIT_UNUSABLE = 2


def add_parser(subparsers: Any) -> None:
    """Add `rules` to the command line."""
    parser = subparsers.add_parser("rules", help="list, check, test and try Sigma rules")
    commands = parser.add_subparsers(dest="rules_command", metavar="COMMAND", required=True)
    listed = commands.add_parser(
        "list",
        help="every rule, where it is from, and whether it can match",
        description="Shows the rules that are built in and those in the data folder's `rules`, and why a rule can't "
        "match or is not in use.",
    )
    listed.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
    listed.add_argument(
        "--rules", action="append", type=Path, default=[], metavar="PATH",
        help="also the rules of this file or folder (may be given again)",
    )  # fmt: skip
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    listed.set_defaults(run=run_list)
    checked = commands.add_parser(
        "check",
        help="say what is wrong with rule files, one line a fault",
        description="Exit status 0: all of them can be used (which of them can never match is said); 2: some can't.",
    )
    checked.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a file, or a folder with *.yml")
    checked.set_defaults(run=run_check)
    tested = commands.add_parser(
        "test",
        help="run the examples that rules carry",
        description="Each rule may carry observations on which it must match and on which it must not. Exit status 0: "
        "all is as it should be; 1: an example is not; 2: a file can't be used.",
    )
    tested.add_argument(
        "paths", nargs="*", metavar="PATH", type=Path, help="a file or folder (default: what is built in)"
    )
    tested.set_defaults(run=run_test)
    try_command.add_parser(commands)
    sign_command.add_parser(commands)


def run_list(args: argparse.Namespace) -> int:
    """Print each rule and each file that is not in use."""
    from wachhund.rulebook import shelf
    from wachhund.rulebook.listing import listing

    files, wrong = shelf.given(args.rules)
    found = listing(shelf.in_use(shelf.data_folder(args.data)), files, wrong)
    for listed in found.rules:
        _print_rule(listed.rule, args.json, listed.source)
    for one in found.refused:
        if args.json:
            print(json.dumps({"source": shelf.source_in_words(one.source), "not_in_use": one.reason}))
        else:
            print(f"not in use: {shelf.source_in_words(one.source)}: {one.reason}")
    if not args.json:
        print(f"{len(found.rules)} rules, {found.blind} of them can't match here; {len(found.refused)} not in use")
    return 0


def _print_rule(rule: "Rule", as_json: bool, source: str) -> None:
    if as_json:
        told = {"id": rule.id, "title": rule.title, "level": rule.level, "category": rule.category, "source": source}
        print(json.dumps({**told, "attack": list(rule.attack), "can_match": rule.blind is None, "why_not": rule.blind}))
        return
    why = "" if rule.blind is None else f"; can't match: {rule.blind}"
    print(f"{rule.id}  {rule.level:<13}  {shown(rule.title)}  [{source}]{why}")


def run_check(args: argparse.Namespace) -> int:
    """Check files. Faults go to standard error, one line each."""
    from wachhund.judge.rule_loading import pack_of
    from wachhund.rulebook import shelf
    from wachhund.rulebook.listing import proven

    files, wrong = shelf.given(args.paths)
    ids = {rule.id for file in files for rule in file.rules}
    # Correlations may refer to built-in rules.
    standing = [one for one in shelf.built_in() if not ids & {rule.id for rule in one.rules}]
    usable, refused = proven(pack_of([*files, *standing]), wrong)
    mine = [rule for rule in usable if rule.id in ids]
    for one in refused:
        print(f"{one.source}: {one.reason}", file=sys.stderr)
    blind = [rule for rule in mine if rule.blind is not None]
    for rule in blind:
        print(f"{rule.source}: can't match here: {rule.blind}")
    told = f"{len(mine)} rules in {len(files)} files can be used, {len(blind)} of them can't match here"
    print(f"{told}; {len(refused)} faults")
    return EXIT_UNUSABLE if refused else 0


def run_test(args: argparse.Namespace) -> int:
    """Run examples. What is wrong goes to standard error, one line each."""
    from wachhund.judge.examples import try_examples
    from wachhund.judge.rule_loading import pack_of
    from wachhund.rulebook import shelf

    files, wrong = shelf.given(args.paths) if args.paths else (shelf.built_in(), [])
    pack = pack_of(files)
    refused = [*wrong, *pack.refused]
    for one in refused:
        print(f"{one.source}: {one.reason}", file=sys.stderr)
    tried = list(try_examples(pack.rules))
    failed = [one for one in tried if one.wrong is not None]
    for example in failed:
        rule, which = example.rule, "must match" if example.must_match else "must be silent"
        where = f"{rule.source}: {shown(rule.title)}: example {example.number} that {which}"
        print(f"{where}: {example.wrong}", file=sys.stderr)
    bare = _without_examples(pack.rules)
    told = f"{len(tried)} examples: {len(tried) - len(failed)} as they should be, {len(failed)} not"
    more = f"; {len(bare)} rules have no example that must match" if bare else ""
    print(f"{len(pack.rules)} rules, {told}{more}")
    if failed:
        return EXIT_FAILED
    return EXIT_UNUSABLE if refused else 0


def _without_examples(rules: Sequence["Rule"]) -> list["Rule"]:
    return [rule for rule in rules if not rule.matching and not rule.feeds_only]
