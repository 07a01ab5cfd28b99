"""`wachhund node`, whose workers' account may also say what robots say: for the fleet alone.

No product: a node lets only a robot itself publish its evidence. `python -m tests.fleet.open_node NAME --data DIR`.
"""

import sys

from wachhund import broker_config, cli

_SAYS, _READS = "wachhund.1.*.evidence", "wachhund.1.*.receipt"


def main() -> int:
    """The command, with two subjects more."""
    told = vars(broker_config)
    told["WORKER_PUBLISHES"] = (*told["WORKER_PUBLISHES"], _SAYS)
    told["WORKER_READS"] = (*told["WORKER_READS"], _READS)
    return cli.main(["node", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
