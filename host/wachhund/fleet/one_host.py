"""Who works on a data folder: one host, which `wachhund serve` is, and any number of processes that share it.

Whoever changes what all of them hold in memory, such as the host's key, has the folder for itself.
"""

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
    says = "another `wachhund serve` uses it: stop that one, or give another --data"
    with _held(data, "serve.lock", fcntl.LOCK_EX, says):
        yield


@contextlib.contextmanager
def one_of_many(data: DataFolder) -> Iterator[None]:
    """Use the folder beside others, as `wachhund web` does. Raises MisuseError while a command changes it."""
    with _held(data, "shared.lock", fcntl.LOCK_SH, "a command is changing it: start again when that has ended"):
        yield


@contextlib.contextmanager
def nobody_else(data: DataFolder) -> Iterator[None]:
    """Have the folder for oneself. Raises MisuseError when a host, or one that shares it, would go on with what was."""
    says = "`wachhund web`, or another process of a cluster, uses it: stop those on this machine first"
    with only_host(data), _held(data, "shared.lock", fcntl.LOCK_EX, says):
        yield


@contextlib.contextmanager
def _held(data: DataFolder, name: str, how: int, says: str) -> Iterator[None]:
    path = data.path / name
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MisuseError(f"data folder: {path}: {error.strerror}: give this user the right to write there") from None
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise MisuseError(f"data folder: {data.path}: {says}") from None
    try:
        yield
    finally:
        os.close(handle)
