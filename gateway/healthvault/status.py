"""What a status code of the platform means for whoever sends: codes and names are HealthVault's, the classes are ours."""

from __future__ import annotations

from enum import Enum

OK = 0
VERSION_STAMP_MISMATCH = 61


class Means(Enum):
    LATER = "later"
    RENEW = "renew"
    """The session has ended."""
    CLOSED = "closed"
    """The record's owner does not, or no longer, let us write there."""
    FULL = "full"
    CLOCK = "clock"
    HALVE = "halve"
    """Too much at once."""
    POISON = "poison"
    """One of the things will never be taken."""
    KEYS = "keys"
    """We are not who we say we are."""
    VERSION = "version"
    """Somebody has changed it meanwhile."""


_CODES = {
    Means.RENEW: (7, 8, 65),
    Means.CLOSED: (9, 10, 11, 18, 25, 37, 57, 58),
    Means.FULL: (68,),
    Means.CLOCK: (49, 69),
    Means.HALVE: (39, 124),
    Means.POISON: (3, 13, 14, 19, 20, 21, 78, 85, 90),
    Means.KEYS: (4, 6, 70, 105, 110),
    Means.VERSION: (60, VERSION_STAMP_MISMATCH),
}
MEANS = {code: means for means, codes in _CODES.items() for code in codes}
"""Whatever is not here is for later: 1 FAILED, 2 BAD_HTTP, 146 CONCURRENCY_VIOLATION, 152 in maintenance, and what we do not know."""

SENTENCES = {
    Means.CLOSED: "its owner does not let us write into this record, or no longer: have the application authorized again",
    Means.FULL: "the record is full",
    Means.CLOCK: "it does not believe our clock: is the hub's right?",
    Means.KEYS: "it does not know us; check `app_id` and `secret_file`",
    Means.RENEW: "it does not let us in; check `app_id`, `secret_file` and `person_id`",
    Means.LATER: "it cannot take anything now",
    Means.VERSION: "somebody else changes the same thing",
}


def means(code: int) -> Means:
    return MEANS.get(code, Means.LATER)


def sentence(code: int) -> str:
    return f"{SENTENCES[means(code)]} (status {code})"
