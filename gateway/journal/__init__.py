"""The journal: an append-only log of thing versions. Only this package touches SQLite."""

from gateway.journal.store import Candidate, Commit, Committed, Fate, Journal, Rejection, Row

__all__ = ["Candidate", "Commit", "Committed", "Fate", "Journal", "Rejection", "Row"]
