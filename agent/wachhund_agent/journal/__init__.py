"""The journal: evidence stays here, synced to disk, until a receipt covers it, and longer while there is room."""

from wachhund_agent.journal.gaps import Gap, gaps_of
from wachhund_agent.journal.journal import Journal, JournalError, disk_is_short
from wachhund_agent.journal.segment import Place, Stored

__all__ = ["Gap", "Journal", "JournalError", "Place", "Stored", "disk_is_short", "gaps_of"]
