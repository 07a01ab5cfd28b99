"""One host at a time: the lock on a data folder that `wachhund serve` holds, and whoever changes the host's key."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from wachhund.fleet.data_folder import DataFolder
from wachhund_evidence import MisuseError


@contextlib.contextmanager
def only_host(data: DataFolder) -> Iterator[None]:
    """Hold the folder as its host. Raises MisuseError when another holds it.

    Two hosts on one data folder would both judge and both send receipts.
    """
    path = data.path / "serve.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MisuseError(f"data folder: {path}: {error.strerror}: give this user the right to write there") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise MisuseError(
            f"data folder: {data.path}: another `wachhund serve` uses it: stop that one, or give another --data"
        ) from None
    try:
        yield
    finally:
        os.close(handle)
