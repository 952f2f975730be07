"""What a device can do wrong, named by what happens next."""

from __future__ import annotations

import enum


class DeviceError(Exception):
    """Base: the session with this device ends, the others go on."""


class Silent(DeviceError):
    """No answer in time. Tried again, slower each time."""


class Why(enum.Enum):
    PAIRING = "it wants to be paired; put it into pairing mode and run `health-gateway pair` with its address"
    PASSKEY = "the pairing failed: the passkey was wrong, or the device gave up; run `health-gateway pair` with its address"
    NO_ANSWER = "nobody answered its question in time; run `health-gateway pair` with its address"
    TAKEN = "it does not let itself be paired: put it into pairing mode, remove it from the phone or hub that has it, and pair it anew"
    BOND_LOST = "it has forgotten the bond; put it into pairing mode and run `health-gateway pair` with its address"
    NO_RIGHT = "the gateway may not open it: install the udev rules that come with it, and plug it in again"
    NO_KEY = "it asks who we are: give its key as bindkey in the configuration"
    NOT_PERMITTED = "it does not permit what was asked"


class Refused(DeviceError):
    """The device said no. Not tried again until its owner has done something; `why` says what."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Busy(DeviceError):
    """It is at work on an earlier request (ATT error 0xFE), perhaps of another connection. Abort that, or try again later."""

    def __init__(self) -> None:
        super().__init__("the device is busy with an earlier request")


class Confused(DeviceError):
    """An answer that fits no question: a wrong checksum, a wrong reply. What it sent goes to `rejected`."""


class Stranger(DeviceError):
    """At the other end is another device than the driver's own: the next driver may try."""


class NotAllowed(Exception):
    """The driver tried to send a command that is not on its own allow-list: a mistake of its author."""
