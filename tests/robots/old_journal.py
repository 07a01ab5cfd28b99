"""A journal as an agent left it that ran long ago, without a host: written by the agent's own journal and attester.

Simulated is time: the wall clock is an argument of the attester, the nonce is one of a month ago, and each boot has a
seed of its own. The machine's clock and its boots are this machine's.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.agent_run import first_words
from wachhund_agent.attester import Attester
from wachhund_agent.config import Limits
from wachhund_agent.journal import Journal
from wachhund_evidence import Observation, base64url

HASHES = {"code": "0" * 64, "config": "0" * 64}


def boot(
    folder: Path,
    key: Ed25519PrivateKey,
    nonce: str,
    wall_s: Callable[[], float],
    tokens: int,
    limits: Limits | None = None,
    cleanly: bool = True,
) -> None:
    """One boot of the agent on the journal in `folder`: so many tokens, and an end, `cleanly` or as by a power cut."""
    limits = limits or Limits()
    journal = Journal(folder, limits)
    attester = Attester(journal, key, nonce, base64url.encode(os.urandom(32)), HASHES, limits, wall_s)
    attester.attest(first_words(journal, HASHES, 10.0))
    for observation in _seen(wall_s, tokens - 1):
        attester.attest([observation])
    if cleanly:
        journal.close()
    else:
        journal._files.close()


def _seen(wall_s: Callable[[], float], number: int) -> Iterator[Observation]:
    for mono in range(number):
        fields = {"flow": f"old-{mono}", "proto": "tcp", "bytes_in": mono, "bytes_out": 7 * mono}
        yield Observation("flow.update", wall_s(), float(20 + mono), "tcp/old", fields)
