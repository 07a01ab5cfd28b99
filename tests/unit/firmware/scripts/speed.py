"""On MicroPython: the processor time of a statement beside that of two small programs, whose time on boards is known.

Prints, in microseconds: fibo(20), a bubble sort of 2,000 numbers of ten bits, and the largest statement. Arguments: the
firmware's folder, another.
"""

import random
import sys
import time

sys.path.insert(0, sys.argv[1])

from witness import statement
from witness.counters import Counters
from witness.lines import LEVEL, Edges, Line
from witness.witness import Witness

KEY = statement.key_from({"secret": "07" * 32, "ueid": "A" * 44, "nonce": "n" * 32})


def fibo(n: int) -> int:
    return n if n <= 1 else fibo(n - 1) + fibo(n - 2)


def bubble(numbers: "list[int]") -> None:
    for done in range(len(numbers)):
        for at in range(0, len(numbers) - done - 1):
            if numbers[at] > numbers[at + 1]:
                numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]


def level() -> int:
    return 1


lines = [Line(name, LEVEL, level, Edges()) for name in ("pi-power", "motor-power", "modem", "tamper", "armed")]
witness = Witness(KEY, "ab" * 8, "power", lines, Counters(sys.argv[2], 6), None)
for _ in range(80):
    witness._happened(0, "motor-power", 1)  # full: the largest statement
now = 0


def statements() -> None:
    global now
    for _ in range(200):
        now += 20_000
        assert witness.turn(now) is not None


def fibos() -> None:
    for _ in range(10):
        fibo(20)


def bubbles() -> None:
    random.seed(1)
    bubble([random.getrandbits(10) for _ in range(2_000)])


def best(work: object, times: int, rounds: int = 10) -> float:
    """Microseconds of one, in the best of some rounds: what else the machine does only ever adds."""
    found = 1e9
    for _ in range(rounds):
        start = time.clock()
        work()  # type: ignore[operator]
        found = min(found, (time.clock() - start) * 1e6 / times)
    return found


print(best(fibos, 10), best(bubbles, 1, 3), best(statements, 200))
