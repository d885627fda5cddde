"""The database driver protocol, its configuration, and the table of drivers.

Used by `CodeDatabase` in the hosting process and in workers that attach.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from wherein.errors import UsageError
from wherein.ipc.pending import Pending


class DriverConfig(msgspec.Struct, frozen=True):
    """Which driver, and where the database is: `db_path` is the index's directory."""

    driver_type: str
    db_path: str


class DatabaseDriver(Protocol):
    """What a driver can do. Operations and their types are the rows of `ipc.operations`."""

    def connect(self) -> str:
        """Connect if not connected, starting what is needed; return the endpoint. Blocks."""

    @property
    def connected(self) -> bool:
        """True while there is a connection."""

    def submit(self, operation: str, params: object, deadline_s: float | None) -> Pending[Any]:
        """Send an operation without blocking; connects first where needed."""

    def keep(self, operation: str, key: bytes, params: object | None) -> None:
        """Send this again whenever a new connection is made; None forgets it."""

    def on_lost(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, on any thread, whenever the connection breaks."""

    def requests_sent(self) -> int:
        """How many frames this driver has sent."""

    def close(self) -> None:
        """Disconnect; pending operations fail."""


_DRIVERS: Final = {"sqlite": ("wherein.database.drivers.sqlite_proxy", "SQLiteDriverProxy")}


def create_driver(driver_type: str, config: DriverConfig) -> DatabaseDriver:
    """Make the driver of this type. Raises UsageError for an unknown one."""
    row = _DRIVERS.get(driver_type)
    if row is None:
        raise UsageError(
            f"There is no database driver {driver_type!r}; known: {', '.join(_DRIVERS)}"
        )
    module, name = row
    driver: DatabaseDriver = getattr(importlib.import_module(module), name)(config)
    return driver
