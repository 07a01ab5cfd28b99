"""What the hosts of a run of tests stand on: files and a broker of their own, or what many machines share.

WACHHUND_TEST_ENGINE=cluster: ledgers are on a PostgreSQL server of this run's own, robots come in at three nodes, and
workers take in what they send (evidence_way.py, living.py). Tests marked `of_the_file` or `of_one_machine` are left out
then (tests/conftest.py).
"""

import os

_ASKED = os.environ.get("WACHHUND_TEST_ENGINE", "")
if _ASKED not in ("", "cluster"):
    raise ValueError(f"WACHHUND_TEST_ENGINE={_ASKED}: say cluster, or nothing")

ON_CLUSTER = _ASKED == "cluster"
