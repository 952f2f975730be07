"""The journal: an append-only log of thing versions. Only this package touches SQLite."""

from gateway.journal.rows import Candidate, Commit, Committed, Fate, Rejection, Row
from gateway.journal.store import Journal

__all__ = ["Candidate", "Commit", "Committed", "Fate", "Journal", "Rejection", "Row"]
