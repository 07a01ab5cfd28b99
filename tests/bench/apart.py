"""A bench in a process of its own, which takes with it what it does to itself: its network, for one."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from tests.bench.figure import Figure

Measure = Callable[[bool], list[Figure]]


def measured_apart(measure: Measure, quick: bool) -> list[Figure]:
    """What `measure(quick)` returns. Raises RuntimeError when its process ended without."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_run, args=(theirs, measure, quick))
    process.start()
    theirs.close()
    try:
        found: list[Figure] = ours.recv()
    except EOFError:
        raise RuntimeError("the bench ended without a figure: see what it said above") from None
    except BaseException:
        process.terminate()  # as an interruption, after which it clears up
        raise
    finally:
        process.join()
    return found


def _run(told: Connection, measure: Measure, quick: bool) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    told.send(measure(quick))
