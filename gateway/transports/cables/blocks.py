"""A disk whose blocks are a mailbox: READ(10) and WRITE(10) through SCSI generic. Nothing is written before INQUIRY has named the maker.

Source: glucometers-tech/glucometer-protocols (OneTouch Verio 2015); SCSI Block Commands; <scsi/sg.h>.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
from collections.abc import Callable

from drivers import Blocks, Silent, Stranger
from gateway.transports.cables.connection import CableConnection, opened
from gateway.transports.radio import OnFrame

SG_IO = 0x2285
TIMEOUT_MS = 5000
_TO_DEVICE, _FROM_DEVICE = -2, -3


class _Header(ctypes.Structure):
    """sg_io_hdr_t."""

    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


def pass_through(descriptor: int, command: bytes, data: bytes | int) -> bytes:
    """Send a command with `data`, or take so many octets. Raises `OSError`."""
    buffer = ctypes.create_string_buffer(data, len(data)) if isinstance(data, bytes) else ctypes.create_string_buffer(data)
    written, sense = ctypes.create_string_buffer(command, len(command)), ctypes.create_string_buffer(32)
    header = _Header(
        interface_id=ord("S"),
        dxfer_direction=_TO_DEVICE if isinstance(data, bytes) else _FROM_DEVICE,
        cmd_len=len(command),
        mx_sb_len=32,
        dxfer_len=len(buffer),
        dxferp=ctypes.addressof(buffer),
        cmdp=ctypes.addressof(written),
        sbp=ctypes.addressof(sense),
        timeout=TIMEOUT_MS,
    )
    fcntl.ioctl(descriptor, SG_IO, header)
    if header.status or header.host_status:
        raise OSError(5, f"SCSI status {header.status}, host {header.host_status}")
    return buffer.raw[: len(buffer) - header.resid]


PassThrough = Callable[[int, bytes, bytes | int], bytes]


class BlockConnection(CableConnection):
    characteristics: frozenset[int] = frozenset(range(1, 16))

    def __init__(
        self,
        node: str,
        wire: Blocks,
        on_frame: OnFrame,  # noqa: ARG002 - nothing comes unasked
        on_lost: Callable[[], None],  # noqa: ARG002 - likewise
        command: PassThrough = pass_through,
    ) -> None:
        """Raises `DeviceError`; `Stranger` if the disk is another maker's."""
        self._wire, self._command = wire, command
        self._descriptor = opened(node)
        try:
            inquiry = command(self._descriptor, bytes((0x12, 0, 0, 0, 36, 0)), 36)
        except OSError as error:
            os.close(self._descriptor)
            raise Silent(f"it does not say who it is: {error.strerror}") from error
        if inquiry[8:16].decode("ascii", "replace").strip() != wire.vendor:
            os.close(self._descriptor)
            raise Stranger(f"this disk is not {wire.vendor}'s")

    async def read(self, characteristic: int) -> bytes:
        return await self._passed(_ten(0x28, characteristic), self._wire.size)

    async def write(self, characteristic: int, data: bytes) -> None:
        await self._passed(_ten(0x2A, characteristic), data.ljust(self._wire.size, b"\0"))

    async def _passed(self, command: bytes, data: bytes | int) -> bytes:
        try:
            return await asyncio.to_thread(self._command, self._descriptor, command, data)
        except OSError as error:
            raise Silent(f"it does not answer: {error.strerror}") from error

    async def close(self) -> None:
        os.close(self._descriptor)


def _ten(operation: int, block: int) -> bytes:
    """READ(10) or WRITE(10) of one block."""
    return bytes((operation, 0)) + block.to_bytes(4, "big") + bytes((0, 0, 1, 0))
