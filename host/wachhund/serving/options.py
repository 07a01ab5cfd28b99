"""Options that say where pages are, and who may see what of them."""

import argparse
from pathlib import Path

from wachhund.config import WEB_LISTEN


def add_data(parser: argparse.ArgumentParser) -> None:
    """The data folder."""
    parser.add_argument("--data", metavar="DIR", type=Path, help="the host's data folder (default: the user's own)")


def add_data_and_ledger(parser: argparse.ArgumentParser) -> None:
    """The data folder and the ledger, of a process that is one of a cluster's."""
    add_data(parser)
    parser.add_argument(
        "--ledger", metavar="URL", help="the PostgreSQL server that holds the ledger: as with `wachhund serve`"
    )


def add_where(parser: argparse.ArgumentParser) -> None:
    """The data folder, the ledger, and where pages are served and found."""
    add_data(parser)
    parser.add_argument(
        "--ledger", metavar="URL",
        help="a PostgreSQL server that is to hold the ledger, such as postgresql://wachhund@db.example.org/wachhund; "
        "written into the data folder, and needed once. No password in it: ~/.pgpass, PGPASSWORD or a service file",
    )  # fmt: skip
    parser.add_argument(
        "--listen", metavar="ADDRESS:PORT", default=WEB_LISTEN, help=f"where the pages are (default {WEB_LISTEN})"
    )


def add_login_link(parser: argparse.ArgumentParser) -> None:
    """A way in for who has none."""
    parser.add_argument(
        "--login-link", action="store_true",
        help="print a new one-time login link, as at the first start: for a forgotten password",
    )  # fmt: skip


def add_who_may(parser: argparse.ArgumentParser) -> None:
    """Numbers for programs, and single sign-on."""
    parser.add_argument(
        "--metrics-open", action="store_true",
        help="let every program on this machine read /metrics without a login (default: as all pages, only with one)",
    )  # fmt: skip
    parser.add_argument(
        "--metrics-robots", action="store_true",
        help="let /metrics name robots: one series each (default: it counts them)",
    )  # fmt: skip
    parser.add_argument(
        "--single-sign-on", metavar="FILE", type=Path,
        help="let people in by an OpenID Connect provider, as that JSON file says (default: only by this host itself)",
    )  # fmt: skip
