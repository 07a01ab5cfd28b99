"""Which steps the ledger's server has not taken yet, and would take when this version of Wachhund opens it.

    /opt/wachhund-NEW/bin/python new-steps.py [--data DIR]

Changes nothing. Exit status 0: none, so both versions may run beside each other; 3: there are some (docs/cluster.md, A
new version); 2: it could not be found out.
"""

import argparse
import sys
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from wachhund.fleet.data_folder import DataFolder, default_data_folder
from wachhund.ledger.place import server_of
from wachhund.ledger.server_steps import STEPS
from wachhund_evidence import WachhundError


def main() -> int:
    """Print the steps, one a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the data folder (default: the user's own)")
    data = DataFolder(parser.parse_args().data or default_data_folder())
    try:
        address = server_of(data.ledger)
        if address is None:
            raise WachhundError(f"ledger: {data.path}: names no server")
        with create_engine(address).connect() as connection:
            taken = set(connection.execute(text("SELECT name FROM migrations")).scalars())
    except (WachhundError, SQLAlchemyError) as error:
        print(f"new-steps: {str(error).splitlines()[0]}", file=sys.stderr)
        return 2
    steps = [step.__name__ for step in STEPS]
    for name in steps:
        if name not in taken:
            print(f"new: {name}")
    for name in sorted(taken - set(steps)):
        print(f"of a newer Wachhund than this: {name}")
    return 3 if taken != set(steps) else 0


if __name__ == "__main__":
    sys.exit(main())
