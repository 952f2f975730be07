"""Logging in and out, and looking after accounts, preferences and tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

from pydantic import Field, SecretStr
from starlette.responses import JSONResponse, Response

from gateway import __version__
from gateway.api.refusing import Refused
from gateway.audit import Note
from gateway.web.accounts import SESSION_SECONDS, Account, Accounts, Caller, NotPossible, Role
from gateway.web.endpoints import EVERYBODY, OWNER, Call, Done, Endpoint, Model
from gateway.web.guard import COOKIE
from gateway.web.limits import Limit
from gateway.web.preferences import Preferences

BY_ADDRESS, BY_NAME, BY_ALL = (6, 15.0), (10, 30.0), (30, 2.0)
"""How often a password or code may be tried at once, and then every so many seconds: from one address, for one name, and at all."""

Secret = SecretStr
Name = Field(max_length=40)
Password = Field(max_length=200)


class Me(Model):
    name: str
    role: Role
    person: str | None
    preferences: Preferences
    csrf: str = Field(description="To be sent as X-CSRF-Token with every change; empty for a token, which needs none")
    version: str
    simulated: bool


class Door(Model):
    """What a page without a session may know."""

    first: bool = Field(description="There is no account yet: the first is made with the code that the daemon has logged")
    me: Me | None


class Login(Model):
    name: str = Name
    password: Secret = Password


class Welcome(Model):
    code: str = Field(max_length=40)
    name: str = Field("", max_length=40, description="For the first account alone: others have theirs")
    password: Secret = Password


class NewPassword(Model):
    old: Secret = Password
    new: Secret = Password


class Listed(Model):
    name: str
    role: Role
    person: str | None
    waiting: bool = Field(description="Has not chosen a password yet")
    sessions: int
    tokens: list[str]


class Listing(Model):
    accounts: list[Listed]
    persons: list[str]


class NewAccount(Model):
    name: str = Name
    role: Role
    person: str | None = Field(None, max_length=200)


class Invited(Model):
    code: str = Field(description="With it a password is chosen, once, within seven days")


class TokenShown(Model):
    name: str
    made: float
    until: float | None


class NewToken(Model):
    name: str = Name
    days: Literal[30, 365] | None = Field(None, description="null: until it is removed")


class Made(Model):
    token: str = Field(description="Shown this once")


class SessionsApi:
    """`persons`: of the configuration. `steady`: a clock that does not jump."""

    def __init__(
        self,
        accounts: Accounts,
        persons: Callable[[], Collection[str]],
        steady: Callable[[], float],
        note: Note,
        *,
        is_https: bool,
        simulated: bool,
    ) -> None:
        self._accounts, self._persons, self._note, self._is_https, self._simulated = accounts, persons, note, is_https, simulated
        self._by_address, self._by_name, self._by_all = (Limit(*one, steady) for one in (BY_ADDRESS, BY_NAME, BY_ALL))

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/session", None, self.door, "Who is logged in", Door),
            Endpoint("POST", "/session", None, self.login, "Log in", None, Login),
            Endpoint("POST", "/welcome", None, self.welcome, "Make the first account, or choose a password with a code", None, Welcome),
            Endpoint("DELETE", "/session", EVERYBODY, self.logout, "Log out", None),
            Endpoint("PUT", "/password", EVERYBODY, self.password, "Choose another password; other sessions end", Done, NewPassword),
            Endpoint("PUT", "/preferences", EVERYBODY, self.prefer, "How one wants to see things", Preferences, Preferences),
            Endpoint("GET", "/accounts", OWNER, self.accounts, "Who may use the page", Listing),
            Endpoint("POST", "/accounts", OWNER, self.invite, "Invite somebody", Invited, NewAccount),
            Endpoint("POST", "/accounts/{name}/invite", OWNER, self.invite_anew, "Let somebody choose a new password", Invited),
            Endpoint("DELETE", "/accounts/{name}", OWNER, self.remove, "Remove an account", Done),
            Endpoint("GET", "/tokens", EVERYBODY, self.tokens, "One's own tokens for programs", list[TokenShown]),
            Endpoint("POST", "/tokens", EVERYBODY, self.add_token, "A token for a program, with this account's rights", Made, NewToken),
            Endpoint("DELETE", "/tokens/{name}", EVERYBODY, self.remove_token, "Remove a token", Done),
        ]

    async def door(self, call: Call) -> Door:
        return Door(first=not self._accounts.names, me=None if call.who is None else self._me(call.who))

    def _me(self, caller: Caller) -> Me:
        account = caller.account
        return Me(
            name=account.name,
            role=account.role,
            person=account.person,
            preferences=account.preferences,
            csrf=caller.csrf,
            version=__version__,
            simulated=self._simulated,
        )

    # -- in and out ----------------------------------------------------------------------------------------------

    async def login(self, call: Call) -> Response:
        name = call.body.name.strip()
        self._slow_down(call, name)
        key = await self._accounts.login(name, call.body.password.get_secret_value())
        if key is None:
            self._note("login failed", account=name if name in self._accounts.names else None, address=_from(call))
            raise Refused(401, "the name or the password is wrong", "wrong-password")
        self._note("logged in", account=name, address=_from(call))
        return self._with_cookie(key)

    async def welcome(self, call: Call) -> Response:
        self._slow_down(call, "")
        key = await self._accounts.welcome(call.body.code, call.body.name, call.body.password.get_secret_value())
        if key is None:
            self._note("login failed", account=None, address=_from(call))
            raise Refused(401, "this code is wrong, or it was used, or it is too old", "wrong-code")
        caller = self._accounts.whose(key)
        self._note("password chosen", account=caller.account.name if caller else None, address=_from(call))
        return self._with_cookie(key)

    def _slow_down(self, call: Call, name: str) -> None:
        wait = max(self._by_address.take(_from(call)), self._by_name.take(name), self._by_all.take())
        if wait:
            raise Refused(429, f"too many attempts; wait {wait:.0f} s", "slower", wait)

    def _with_cookie(self, key: str) -> Response:
        caller = self._accounts.whose(key)
        answer = JSONResponse({"me": self._me(caller).model_dump(mode="json") if caller is not None else None})
        answer.set_cookie(COOKIE, key, max_age=int(SESSION_SECONDS), httponly=True, samesite="strict", secure=self._is_https, path="/")
        return answer

    async def logout(self, call: Call) -> Response:
        await self._accounts.logout(call.caller)
        self._note("logged out", account=call.account.name)
        answer = JSONResponse({})
        answer.delete_cookie(COOKIE, path="/")
        return answer

    async def password(self, call: Call) -> Done:
        _by_hand(call)
        self._slow_down(call, call.account.name)
        if not await self._accounts.change_password(call.caller, call.body.old.get_secret_value(), call.body.new.get_secret_value()):
            raise Refused(403, "the old password is wrong", "wrong-password")
        self._note("password chosen", account=call.account.name)
        return Done()

    async def prefer(self, call: Call) -> Preferences:
        await self._accounts.prefer(call.account.name, call.body)
        preferences: Preferences = call.body
        return preferences

    # -- accounts and tokens -------------------------------------------------------------------------------------

    async def accounts(self, _call: Call) -> Listing:
        return Listing(accounts=[_listed(one) for one in self._accounts.all()], persons=list(self._persons()))

    async def invite(self, call: Call) -> Invited:
        _by_hand(call)
        wanted = call.body
        if wanted.person is not None and wanted.person not in self._persons():
            raise NotPossible(f"no [[person]] has the id {wanted.person!r}; there are: {', '.join(self._persons()) or 'none'}")
        code = await self._accounts.invite(wanted.name, wanted.role, wanted.person)
        self._note("account made", account=wanted.name.strip(), role=wanted.role, person=wanted.person, by=call.caller.by)
        return Invited(code=code)

    async def invite_anew(self, call: Call) -> Invited:
        _by_hand(call)
        name = str(call.path["name"])
        if name == call.account.name:
            raise NotPossible("this is your own account: choose another password instead")
        code = await self._accounts.invite(name)
        self._note("password to be chosen anew", account=name, by=call.caller.by)
        return Invited(code=code)

    async def remove(self, call: Call) -> Done:
        _by_hand(call)
        name = str(call.path["name"])
        await self._accounts.remove(name)
        self._note("account removed", account=name, by=call.caller.by)
        return Done()

    async def tokens(self, call: Call) -> list[TokenShown]:
        return [TokenShown(name=one.name, made=one.made, until=one.until) for one in call.account.tokens]

    async def add_token(self, call: Call) -> Made:
        _by_hand(call)
        token = await self._accounts.add_token(call.account.name, call.body.name, call.body.days)
        self._note("token made", account=call.account.name, token=call.body.name)
        return Made(token=token)

    async def remove_token(self, call: Call) -> Done:
        await self._accounts.remove_token(call.account.name, str(call.path["name"]))
        self._note("token removed", account=call.account.name, token=str(call.path["name"]))
        return Done()


def _listed(account: Account) -> Listed:
    return Listed(
        name=account.name,
        role=account.role,
        person=account.person,
        waiting=not account.password,
        sessions=len(account.sessions),
        tokens=[one.name for one in account.tokens],
    )


def _by_hand(call: Call) -> None:
    """A program with a token may not make itself more keys. Raises `Refused`."""
    if call.caller.token is not None:
        raise Refused(403, "this is for a person at the page, not for a token", "not-for-you")


def _from(call: Call) -> Any:
    return call.request.client.host if call.request.client is not None else ""
