"""What commands take that run one rule over what robots told before."""

import argparse
from pathlib import Path


def add_looking_back(parser: argparse.ArgumentParser, since: str) -> None:
    """The rule, how far back (`since` when nothing is said), of which robot, and the data folder."""
    parser.add_argument("rule", metavar="RULE", help="a file (*.yml), or the id, name or title of a rule in use")
    parser.add_argument(
        "--since", metavar="SPAN", default=since, help=f"how far back: {since}, 36h, 30m, or a time (default {since})"
    )
    parser.add_argument("--robot", metavar="ROBOT", help="only this one: its name or id")
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder")
