"""Closed lists of words and standing texts that pages show as they stand in the program or the ledger: each is a key of
the catalogues, so that `term` can say it in the viewer's language. What is in no list is shown as it is.

A text that a robot sends may happen to be one of these words: it is only translated where a page shows such a list.
"""

from wachhund.ledger.fault_kinds import FAULT_KINDS
from wachhund.people.roles import MEANING, ROLE_MEANING

LEVELS = ("critical", "high", "medium", "low", "informational")
PROOF = ("verified", "late", "silent", "broken", "new", "revoked", "retired")
CONTROL = ("nobody", "allowed", "NOT ALLOWED", "unknown", "unknown if allowed")
COVERAGE = ("full", "partly blind", "blind")
SENSES = ("event", "poll", "blind", "not looked at")
INCIDENTS = ("open", "acknowledged", "closed", "came back")
REASONS = ("real", "false alarm", "test", "allowed afterwards", "cannot tell")
HOPS = (
    "outside address", "process", "tunnel interface", "loopback", "service", "user", "unknown", "seen", "joined",
    "relay", "tunnel", "inside the robot", "internet", "lan", "robot",
)  # fmt: skip
SURFACES = ("ssh", "mqtt", "udp", "web", "camera", "unknown surface")
FACETS = ("control", "proof", "coverage", "silence", "site", "tag", "version", "none")
SILENCES = ("under 1 min", "under 5 min", "under 1 h", "under 1 d", "1 d and more", "never heard")
ENROLMENT = ("done", "waits", "late", "failed")
CHECKS = ("pass", "fail", "not checked")

TERMS = frozenset(
    (
        *LEVELS, *PROOF, *CONTROL, *COVERAGE, *SENSES, *INCIDENTS, *REASONS, *HOPS, *SURFACES, *FACETS, *SILENCES,
        *ENROLMENT, *CHECKS, *MEANING.values(), *ROLE_MEANING.values(),
        *(text for kind in FAULT_KINDS.values() for text in (kind.title, kind.may_mean, kind.to_do)),
    )
)  # fmt: skip
