"""What was stated and what was concluded: append-only evidence in SQLite, and queries on it."""

from wachhund.ledger.bell import Bell
from wachhund.ledger.engine import LedgerError, LedgerRefused
from wachhund.ledger.ledger import Ledger
from wachhund.ledger.records import (
    ChainLine,
    CurrentState,
    Fact,
    Fault,
    Gap,
    Newest,
    Operator,
    Rejection,
    Robot,
    Standing,
    StoredObservation,
    StoredToken,
    Unobserved,
    VerifiedToken,
    WebLogin,
)

__all__ = [
    "Bell",
    "ChainLine",
    "CurrentState",
    "Fact",
    "Fault",
    "Gap",
    "Ledger",
    "LedgerError",
    "LedgerRefused",
    "Newest",
    "Operator",
    "Rejection",
    "Robot",
    "Standing",
    "StoredObservation",
    "StoredToken",
    "Unobserved",
    "VerifiedToken",
    "WebLogin",
]
