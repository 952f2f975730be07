"""Who may use the page, as what, and how they prove who they are. Kept in one small file; no secret stands in it as it is.

Three roles: an `owner` may do everything, a `member` sees and decides what is theirs alone, a `technician` sees how the gateway is doing
and no health value. Passwords are stretched with scrypt (RFC 7914); what is random enough by itself (sessions, tokens, codes) is kept as
its SHA-256.
"""

from __future__ import annotations

import asyncio
import enum
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict, Field

from gateway.web.preferences import Preferences
from gateway.whole import write_whole

log = structlog.get_logger()
FILE = "page.json"
DAY = 86_400.0
SESSION_SECONDS = 30 * DAY
CODE_SECONDS = 7 * DAY
MOST_SESSIONS = 20
"""Of one account; the oldest goes."""
MOST_ACCOUNTS = 64
MOST_TOKENS = 32
SHORTEST_PASSWORD = 10
N, R, P = 1 << 14, 8, 5
"""Of scrypt: 16 MB and, on a Raspberry Pi 4, about a second."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Role(enum.StrEnum):
    OWNER = "owner"
    MEMBER = "member"
    TECHNICIAN = "technician"


class Kept(BaseModel):
    """Something that opens the page, by its SHA-256."""

    model_config = ConfigDict(extra="forbid")
    sha256: str
    until: float | None = None


class Token(Kept):
    name: str
    made: float


class Account(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    role: Role
    person: str | None = None
    """Whose record is theirs; a member has one, the others may."""
    salt: str = ""
    password: str = ""
    """Stretched; empty until they have chosen one."""
    code: Kept | None = None
    """With which they may choose one, once."""
    sessions: list[Kept] = Field(default_factory=list)
    tokens: list[Token] = Field(default_factory=list)
    preferences: Preferences = Preferences()


class Caller(NamedTuple):
    """Whoever asks, and by which of their keys."""

    account: Account
    key: str
    """The SHA-256 of it."""
    token: str | None = None
    """The token's name, where it is one."""
    csrf: str = ""
    """What a change by this session has to bring along."""

    @property
    def by(self) -> str:
        """For the audit log."""
        return self.account.name if self.token is None else f"{self.account.name}/{self.token}"


class NotPossible(Exception):
    """In a sentence for whoever asked."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    accounts: list[Account]


class Accounts:
    """`now`: seconds since 1970. Whatever changes the file may raise `OSError`, and then nothing has changed."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path, self._now = path, now
        self._stretching = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._first_code = ""
        self._accounts = self._read()

    @property
    def names(self) -> list[str]:
        return list(self._accounts)

    def all(self) -> list[Account]:
        return list(self._accounts.values())

    # -- the first one -------------------------------------------------------------------------------------------

    def first_code(self) -> str | None:
        """With which the first account is made: for whoever can read the daemon's log or run its commands. None if there is one."""
        if self._accounts:
            return None
        self._first_code = self._first_code or _code()
        return self._first_code

    def is_first_code(self, code: str) -> bool:
        wanted = self.first_code()
        return wanted is not None and hmac.compare_digest(_plain(code).encode(), _plain(wanted).encode())

    # -- proving who one is --------------------------------------------------------------------------------------

    async def login(self, name: str, password: str) -> str | None:
        """A new session's key, or None. Takes as long for a name that there is not."""
        account = self._accounts.get(name)
        salt = account.salt if account is not None and account.password else "00" * 16
        stretched = await self._stretched(password, salt)
        if account is None or not account.password or not hmac.compare_digest(stretched, account.password):
            return None
        return await self._begin(name)

    async def welcome(self, code: str, name: str, password: str) -> str | None:
        """Make the first account, or choose a password with a code that was given; a new session's key, None for a wrong code."""
        if len(password) < SHORTEST_PASSWORD:
            raise NotPossible(f"a password has at least {SHORTEST_PASSWORD} characters")
        if self.is_first_code(code):
            name = _checked(name)
            account = Account(name=name, role=Role.OWNER)
        else:
            found = self._with_code(code)
            if found is None:
                return None
            account = found
        salt = secrets.token_hex(16)
        stretched = await self._stretched(password, salt)
        if account.code is not None and self._with_code(code) is None:
            return None
        made = account.model_copy(update={"salt": salt, "password": stretched, "code": None, "sessions": []})
        first = account.code is None
        await self._change(account.name, lambda there: there if (first and self._accounts) else made)
        if self._accounts.get(account.name) is not made:
            return None  # somebody else was quicker
        self._first_code = ""
        return await self._begin(account.name)

    def whose(self, key: str) -> Caller | None:
        """A session's key."""
        hashed, now = _hash(key), self._now()
        for account in self._accounts.values():
            if any(one.sha256 == hashed and (one.until or 0) > now for one in account.sessions):
                return Caller(account, hashed, csrf=_hash(f"csrf {key}"))
        return None

    def bearer(self, token: str) -> Caller | None:
        hashed, now = _hash(token), self._now()
        for account in self._accounts.values():
            for one in account.tokens:
                if one.sha256 == hashed and (one.until is None or one.until > now):
                    return Caller(account, hashed, token=one.name)
        return None

    def still(self, caller: Caller) -> bool:
        """Whether what opened the page to them would open it now."""
        account, now = self._accounts.get(caller.account.name), self._now()
        keys = () if account is None else (*account.sessions, *account.tokens)
        return any(one.sha256 == caller.key and (one.until is None or one.until > now) for one in keys)

    async def logout(self, caller: Caller) -> None:
        await self._update(caller.account.name, lambda one: {"sessions": [kept for kept in one.sessions if kept.sha256 != caller.key]})

    async def change_password(self, caller: Caller, old: str, new: str) -> bool:
        """All other sessions end. False if the old one is wrong."""
        if len(new) < SHORTEST_PASSWORD:
            raise NotPossible(f"a password has at least {SHORTEST_PASSWORD} characters")
        name = caller.account.name
        if not hmac.compare_digest(await self._stretched(old, self._accounts[name].salt), self._accounts[name].password):
            return False
        salt = secrets.token_hex(16)
        stretched = await self._stretched(new, salt)
        await self._update(
            name,
            lambda one: {
                "salt": salt,
                "password": stretched,
                "sessions": [kept for kept in one.sessions if kept.sha256 == caller.key],
            },
        )
        return True

    # -- looking after accounts ----------------------------------------------------------------------------------

    async def invite(self, name: str, role: Role | None = None, person: str | None = None) -> str:
        """A code with which `name` chooses a password: a new account of this role, or, without one, an account that there is.

        An old password and all sessions stop at once. Raises `NotPossible`.
        """
        code = _code()
        kept = Kept(sha256=_hash(_plain(code)), until=self._now() + CODE_SECONDS)
        if role is not None:
            made = Account(name=_checked(name), role=role, person=person, code=kept)
            if made.name in self._accounts:
                raise NotPossible(f"there is an account {made.name!r} already")
            if len(self._accounts) >= MOST_ACCOUNTS:
                raise NotPossible(f"there are {MOST_ACCOUNTS} accounts; remove one first")
            if (role is Role.MEMBER) and person is None:
                raise NotPossible("a member is one of the persons of the configuration: say which")
            await self._change(made.name, lambda _: made)
        elif name in self._accounts:
            await self._update(name, lambda _: {"code": kept, "password": "", "sessions": []})
        else:
            raise NotPossible(f"there is no account {name!r}; there are: {', '.join(self._accounts) or 'none'}")
        return code

    async def remove(self, name: str) -> None:
        """Raises `NotPossible`."""
        if name not in self._accounts:
            raise NotPossible(f"there is no account {name!r}")
        self._check_owner_stays(name)
        await self._change(name, lambda _: None)

    def _check_owner_stays(self, leaving: str) -> None:
        if not any(one.role is Role.OWNER and one.name != leaving and one.password for one in self._accounts.values()):
            raise NotPossible("the last owner stays: make another one first")

    async def prefer(self, name: str, preferences: Preferences) -> None:
        await self._update(name, lambda _: {"preferences": preferences})

    async def add_token(self, account: str, name: str, days: int | None) -> str:
        """For a program that asks in the name of this account. Raises `NotPossible`."""
        name, tokens = _checked(name), self._accounts[account].tokens
        if any(one.name == name for one in tokens):
            raise NotPossible(f"there is a token {name!r} already")
        if len(tokens) >= MOST_TOKENS:
            raise NotPossible(f"there are {MOST_TOKENS} tokens; remove one first")
        token, now = f"hg_{secrets.token_urlsafe(32)}", self._now()
        made = Token(name=name, sha256=_hash(token), made=now, until=None if days is None else now + days * DAY)
        await self._update(account, lambda one: {"tokens": [*one.tokens, made]})
        return token

    async def remove_token(self, account: str, name: str) -> None:
        if all(one.name != name for one in self._accounts[account].tokens):
            raise NotPossible(f"there is no token {name!r}")
        await self._update(account, lambda one: {"tokens": [kept for kept in one.tokens if kept.name != name]})

    # -- within --------------------------------------------------------------------------------------------------

    def _with_code(self, code: str) -> Account | None:
        hashed, now = _hash(_plain(code)), self._now()
        waiting = [one for one in self._accounts.values() if one.code is not None and (one.code.until or 0) > now]
        return next((one for one in waiting if one.code is not None and one.code.sha256 == hashed), None)

    async def _begin(self, name: str) -> str:
        key, now = secrets.token_urlsafe(32), self._now()
        begun = Kept(sha256=_hash(key), until=now + SESSION_SECONDS)

        def change(account: Account) -> dict[str, Any]:
            live = [one for one in account.sessions if (one.until or 0) > now]
            return {"sessions": [*live[-(MOST_SESSIONS - 1) :], begun]}

        await self._update(name, change)
        return key

    async def _stretched(self, password: str, salt: str) -> str:
        """One at a time: many logins at once may not take all the memory."""
        async with self._stretching:
            return await asyncio.to_thread(_stretch, password, salt)

    async def _update(self, name: str, change: Callable[[Account], dict[str, Any]]) -> None:
        await self._change(name, lambda account: account and account.model_copy(update=change(account)))

    async def _change(self, name: str, change: Callable[[Account | None], Account | None]) -> None:
        """To what `change` makes of the account as it is then; None removes it. One that has gone meanwhile stays gone."""
        async with self._writing:
            changed = change(self._accounts.get(name))
            accounts = {**self._accounts, name: changed}
            left = {other: one for other, one in accounts.items() if one is not None}
            await asyncio.to_thread(_write, self._path, left)
            self._accounts = left

    def _read(self) -> dict[str, Account]:
        try:
            return _read(self._path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            aside = self._path.with_suffix(".damaged")
            log.error("the accounts of the page cannot be read: make the first one anew", file=str(aside), problem=type(error).__name__)
            with suppress(OSError):
                self._path.replace(aside)
            return {}


def erase(path: Path, person: str) -> None:
    """Whoever saw what was this person's alone has no account any more, and nobody is them; no daemon may run. Raises `OSError`."""
    try:
        found = _read(path)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return  # a damaged one is of no use to anybody
    left = {one.name: one for one in found.values() if one.person != person}
    left |= {one.name: one.model_copy(update={"person": None}) for one in found.values() if one.person == person and one.role is Role.OWNER}
    if left != found:
        _write(path, left)


def _read(path: Path) -> dict[str, Account]:
    """Raises `OSError`, and `ValueError`, `TypeError` or `KeyError` for what was not written so."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["sha256"] != _hash(kept["said"]):
        raise ValueError("damaged")
    return {one.name: one for one in _File.model_validate_json(kept["said"]).accounts}


def _write(path: Path, accounts: Mapping[str, Account]) -> None:
    body = _File(accounts=list(accounts.values())).model_dump_json()
    write_whole(path, json.dumps({"said": body, "sha256": _hash(body)}).encode())


def _stretch(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=bytes.fromhex(salt), n=N, r=R, p=P, maxmem=64 << 20).hex()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _code() -> str:
    """Forty bits, to be typed: guessing is slowed down by whoever asks for it."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _plain(code: str) -> str:
    return "".join(one for one in code.upper() if one.isalnum())


def _checked(name: str) -> str:
    name = name.strip()
    if not (0 < len(name) <= 40) or not name.isprintable() or "/" in name:  # noqa: PLR2004 - what a list shows well
        raise NotPossible("a name has 1 to 40 characters, without a slash")
    return name
