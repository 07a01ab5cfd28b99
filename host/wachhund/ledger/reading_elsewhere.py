"""Whether what is read may come from a standby of the ledger's server: said by whoever reads, for all inside a block.

Nothing else changes: where no standby is named, and for all that is written, the one server is asked.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_ALLOWED: ContextVar[bool] = ContextVar("a standby may be read", default=False)


@contextlib.contextmanager
def may_read_a_replica() -> Iterator[None]:
    """What is read inside may be read from a standby."""
    before = _ALLOWED.set(True)
    try:
        yield
    finally:
        _ALLOWED.reset(before)


def is_allowed() -> bool:
    """Whether this is inside such a block."""
    return _ALLOWED.get()
