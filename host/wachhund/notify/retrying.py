"""How long to wait after a try that failed, and when to give up (docs/notifications.md has the rule for people)."""

FIRST_S = 5.0
LONGEST_S = 300.0
DEAD_AFTER_S = 86_400.0  # what could not be delivered for a day is given up, and said


def wait_s(failures: int) -> float:
    """After so many failures in a row: 5 s, 10 s, 20 s, ... 5 min."""
    return min(LONGEST_S, FIRST_S * 2.0 ** min(max(failures - 1, 0), 16))
