"""The kinds of faults that evidence can have: how grave each is, what it may mean, and what to do about it.

One sentence each, for pages, the command line and incidents alike. What exactly was found is said by `faults`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

GAP, DROPPED, FORK, TWO_SIGNERS = "gap", "dropped", "fork", "two-signers"
BROKEN_LINK = "broken-link"
ROLLBACK, COPIED_CHAIN, JOURNAL_LOST, NEW_CHAIN = "rollback", "copied", "journal-lost", "new-chain"
LOST_BY_HOST, REVOKED_KEY = "lost-by-host", "revoked-key"
SILENCED = "silenced"
WITNESS_MISSING, WITNESS_STALE, WITNESS_BACK = "witness-missing", "witness-stale", "witness-back"
WITNESS_CONTRADICTS, WITNESS_TAMPER = "witness-contradicts", "witness-tamper"
WITNESS_CUT, WITNESS_RESTARTS = "witness-cut", "witness-restarts"


@dataclass(frozen=True)
class FaultKind:
    """`title`: how people call it. `level`: Sigma's words. `may_mean`, `to_do`: one sentence each.

    `story`: faults of one story are one incident, called by the kind that says most: whose `rank` is highest.
    `attack`: techniques of ATT&CK that look like this.
    `heals`: says nothing against the evidence: it makes an incident, and never a robot `broken`.
    """

    title: str
    level: str
    story: str
    may_mean: str
    to_do: str
    attack: tuple[str, ...] = ()
    rank: int = 0
    heals: bool = False


_STOLEN = (
    "If no memory card was put back, take the key as stolen: stop the robot, clean it, and give it a new key with "
    "wachhund robots replace, which ends the old one for good."
)
_INDICATOR_REMOVAL = ("T1070",)
_PRIVATE_KEYS = ("T1552.004",)

FAULT_KINDS: Mapping[str, FaultKind] = {
    TWO_SIGNERS: FaultKind(
        "Copied key: two sign with it at once", "critical", "key",
        "Another machine holds a copy of the robot's key and speaks with it beside the robot, unless an old copy of "
        "the robot's memory was put back.",
        _STOLEN,
        _PRIVATE_KEYS,
        rank=3,
    ),
    FORK: FaultKind(
        "Copied key or restored memory: two different tokens for one number", "high", "key",
        "The robot's key was copied and somebody else speaks with it, or the robot's memory was put back to an earlier "
        "copy.",
        _STOLEN,
        _PRIVATE_KEYS,
    ),
    BROKEN_LINK: FaultKind(
        "Copied key or restored memory: a token does not follow the one before it", "high", "key",
        "Somebody else who holds the robot's key signed one of the two, or the robot's memory was put back to an "
        "earlier copy.",
        _STOLEN,
        _PRIVATE_KEYS,
    ),
    ROLLBACK: FaultKind(
        "Memory put back to an earlier copy", "high", "key",
        "A memory card was restored from a copy, a copy of it runs elsewhere, or somebody wanted the robot to forget; "
        "what had arrived here stands, what the robot had not sent is gone.",
        "Ask who put the copy back, and look at what the ledger holds of the time that the robot forgot; if nobody "
        "did, take robot and key as tampered with.",
        _INDICATOR_REMOVAL,
        rank=2,
    ),
    COPIED_CHAIN: FaultKind(
        "Copied key or restored memory: another's token in the robot's place", "high", "key",
        "Somebody else signed with the robot's key before the robot did, or the robot's memory was put back to an "
        "earlier copy.",
        _STOLEN,
        _PRIVATE_KEYS,
        rank=1,
    ),
    JOURNAL_LOST: FaultKind(
        "Journal gone", "medium", "journal",
        "The agent's folder was deleted, the memory card was replaced or damaged, or the agent was installed anew; "
        "what it had not sent is gone.",
        "Ask who worked on the robot then; if nobody did, look at what it saw before and after.",
        _INDICATOR_REMOVAL,
    ),
    NEW_CHAIN: FaultKind(
        "A new chain without an explanation", "medium", "journal",
        "Its journal was lost or exchanged, and the robot does not say how.",
        "Ask who worked on the robot then; if nobody did, look at what it saw before and after.",
        _INDICATOR_REMOVAL,
    ),
    REVOKED_KEY: FaultKind(
        "Ended key still in use", "high", "revoked",
        "Whoever holds the old key, or the old board, still speaks with it; nothing of it was taken as evidence.",
        "Find the board that sends it, and how it reaches this host; its account at the broker has ended.",
        _PRIVATE_KEYS,
    ),
    GAP: FaultKind(
        "Evidence missing without an explanation", "medium", "gap",
        "Evidence was deleted on the robot or held up on the way, or the robot lost its memory and does not know it.",
        "Look at what came right before and after it, and ask what happened to the robot then.",
        _INDICATOR_REMOVAL,
    ),
    DROPPED: FaultKind(
        "Evidence dropped by the robot", "medium", "dropped",
        "It was without a way to this host for longer than its memory reaches, or somebody filled it with noise.",
        "Look at what filled it and why the robot was cut off; the times in which nobody looked are on its page.",
    ),
    LOST_BY_HOST: FaultKind(
        "Evidence lost by this host", "medium", "host",
        "An older copy of the ledger was put back, or its disk lost data; the robot shows this host's own receipt, so "
        "it is not the robot's fault.",
        "Look for a newer copy of the ledger; what only it held can't be had from the robot any more.",
    ),
    SILENCED: FaultKind(
        "Agent gone without a word", "medium", "silence",
        "It was killed or crashed, or the robot was switched off without shutting down.",
        "Look at the robot: does the agent run (systemctl status wachhund-agent), and who is on it? What it had seen "
        "waits in its journal and comes as soon as it runs again.",
        ("T1562.001",),
        heals=True,
    ),
    WITNESS_MISSING: FaultKind(
        "Witness no longer heard", "medium", "witness",
        "Its wire is broken, it has no power, or somebody on the robot keeps its statements back.",
        "Look at its light and its wire to the robot's board; nobody on the robot can speak in its place.",
        ("T1562.001",),
        heals=True,
    ),
    WITNESS_STALE: FaultKind(
        "Witness's statements are held up", "medium", "witness",
        "Somebody on the robot delays them, or keeps this host's confirmations from the witness.",
        "Look at who is root on the robot; the witness keeps what it saw until a confirmation reaches it.",
        ("T1562.001",),
        rank=1,
        heals=True,
    ),
    WITNESS_BACK: FaultKind(
        "Witness goes back, or speaks twice", "high", "witness-back",
        "Old statements are played again, its memory was put back, or its key was copied to another chip.",
        "Look at the board itself; if it is not the cause, make it a new key with wachhund witness make --rotate.",
        ("T1562.001",),
    ),
    WITNESS_CONTRADICTS: FaultKind(
        "Witness contradicts the agent", "high", "witness-contradicts",
        "Somebody on the robot lets the agent say what was not so, unless the wire between the two was broken.",
        "Believe the witness: take the robot out of service, and look at what its agent said of that time.",
        ("T1562.001",),
    ),
    WITNESS_TAMPER: FaultKind(
        "Robot's case opened", "high", "witness-tamper",
        "Somebody opened it, or the wire of the switch is broken.",
        "Ask who worked on the robot; if nobody did, look for what was plugged in.",
        ("T1200",),
        heals=True,
    ),
    WITNESS_CUT: FaultKind(
        "Witness cut its line", "medium", "witness-cut",
        "The agent was silent for a minute or the case was opened while a person had armed the output.",
        "Look at the robot, then disarm and arm it by its switch: it stays cut until then.",
        heals=True,
    ),
    WITNESS_RESTARTS: FaultKind(
        "Witness starts again and again", "medium", "witness-restarts",
        "Its power is bad, or somebody resets it to make it forget; what it had counted stays.",
        "Look at its power; a board whose watchdog bites is broken.",
        heals=True,
    ),
}  # fmt: skip
