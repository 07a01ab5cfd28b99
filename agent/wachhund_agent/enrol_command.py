"""`wachhund-agent enrol`: its options. What it does is loaded when it is asked for."""

import argparse
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "enrol",
        help="let this robot into a host's fleet",
        description="Make this robot's key if it has none, show it to the host that the token names, and write the "
        "configuration for `wachhund-agent run`. Then compare the six words with those that the host shows.",
    )
    parser.add_argument("token", metavar="TOKEN", help="what `wachhund robots invite` printed; - reads it from input")
    parser.add_argument(
        "--config", type=Path, default=Path("agent.json"), metavar="PATH", help="the configuration (default agent.json)"
    )
    parser.add_argument("--key", type=Path, metavar="PATH", help="the key (default agent.key beside the configuration)")
    parser.add_argument("--replace", action="store_true", help="put the new configuration in the place of an old one")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Certificates and what enrolment says: an agent that observes would carry 1.2 MiB of it for nothing.
    from wachhund_agent import enrol

    return enrol.run(arguments)
