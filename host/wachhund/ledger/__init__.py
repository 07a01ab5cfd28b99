"""What was stated and what was concluded: append-only evidence in SQLite or PostgreSQL, and queries on it."""

from wachhund.ledger.authorisation_records import Authorisation, AuthorisationAct
from wachhund.ledger.baseline_records import Baseline, BaselineAct, Usual
from wachhund.ledger.bell import Bell
from wachhund.ledger.database import LaneLost, LedgerError, LedgerRefused
from wachhund.ledger.fault_records import Acknowledgement, Fault, Remark, Sighting
from wachhund.ledger.ledger import Ledger
from wachhund.ledger.people_records import Person, WebLogin
from wachhund.ledger.records import (
    ChainLine,
    CurrentState,
    Fact,
    Gap,
    Held,
    Invited,
    Link,
    Newest,
    Rejection,
    Robot,
    RobotAct,
    RobotKey,
    Standing,
    StoredObservation,
    StoredToken,
    Unobserved,
    VerifiedToken,
)
from wachhund.ledger.roll import EnrolmentRefused, NotLetIn
from wachhund.ledger.unread import Place, Unread

__all__ = [
    "Acknowledgement",
    "Authorisation",
    "AuthorisationAct",
    "Baseline",
    "BaselineAct",
    "Bell",
    "ChainLine",
    "CurrentState",
    "EnrolmentRefused",
    "Fact",
    "Fault",
    "Gap",
    "Held",
    "Invited",
    "LaneLost",
    "Ledger",
    "LedgerError",
    "LedgerRefused",
    "Link",
    "Newest",
    "NotLetIn",
    "Person",
    "Place",
    "Rejection",
    "Remark",
    "Robot",
    "RobotAct",
    "RobotKey",
    "Sighting",
    "Standing",
    "StoredObservation",
    "StoredToken",
    "Unobserved",
    "Unread",
    "Usual",
    "VerifiedToken",
    "WebLogin",
]
