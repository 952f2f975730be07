"""A driver out of its file. What goes wrong is a `DriverError` that names file and line.

A driver is code, and runs with all that the gateway may do: it is loaded from where only the machine's administrator can put
something, which is the trust that the gateway's own files have.
"""

from __future__ import annotations

import importlib
import importlib.util
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from drivers import CableDriver, GattDriver
from gateway.errors import DriverError
from gateway.matching import Loaded

FOLDER = Path("/etc/health-gateway/drivers")
"""Single files. Whoever wants more makes a package, with an entry point."""
OTHERS_MAY_WRITE = 0o022
ROOT = 0


@dataclass(frozen=True, slots=True)
class LoadedCable:
    """As `Loaded`, for a device with a cable."""

    driver: CableDriver
    source: str
    story: str


Source = Callable[[], Loaded | LoadedCable | None]


def by_name(name: str) -> Source:
    """`package.module` or `package.module:DRIVER`. Gives None for a helper file, which declares nothing."""
    return partial(_named, name)


def by_file(path: Path) -> Source:
    """A file on its own, or one of a package, which is imported as that."""
    return partial(_filed, path)


def trusted_files(folder: Path, owner: int = ROOT) -> tuple[list[Path], list[DriverError]]:
    """The driver files of a folder, and why others are left out: who may write there may do all that the gateway may."""
    try:
        if not folder.is_dir():
            return [], []
        found = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
        for path in (folder, *folder.absolute().parents):
            if why := _mistrusted(path, owner, may_be_sticky=path != folder):
                return [], [DriverError(f"{folder}: {path} {why}; none of its drivers is loaded: chown root, chmod go-w")] if found else []
        whys = [(path, _mistrusted(path, owner)) for path in found]
    except OSError as error:
        return [], [DriverError(f"{folder}: {error.strerror}")]
    return [path for path, why in whys if not why], [
        DriverError(f"{path} {why}; it is not loaded: chown root, chmod go-w") for path, why in whys if why
    ]


def _mistrusted(path: Path, owner: int, *, may_be_sticky: bool = False) -> str | None:
    """`may_be_sticky`: a directory above, such as /tmp, where nobody can put one folder in another's place."""
    status = path.stat()
    if status.st_uid not in (ROOT, owner):
        return "is not root's"
    if not status.st_mode & OTHERS_MAY_WRITE or (may_be_sticky and status.st_mode & stat.S_ISVTX):
        return None
    return "may be written by others than its owner"


def _named(name: str) -> Loaded | LoadedCable | None:
    module_name, _, attribute = name.partition(":")
    return _declared(_run(module_name, lambda: importlib.import_module(module_name)), attribute)


def _filed(path: Path) -> Loaded | LoadedCable | None:
    if not path.is_file():
        raise DriverError(f"{path}: no such file")
    top, parts = path.absolute(), [path.stem]
    while (top.parent / "__init__.py").exists():
        top = top.parent
        parts.insert(0, top.name)
    if len(parts) > 1:
        _make_room(top)
        return _declared(_run(str(path), lambda: importlib.import_module(".".join(parts))), "")
    return _declared(_run(str(path), lambda: _alone(path)), "")


def _make_room(package: Path) -> None:
    """So that this package is imported, and not another of its name that is installed, or was imported before."""
    known = sys.modules.get(package.name)
    if known is not None and package not in [Path(place) for place in getattr(known, "__path__", ())]:
        for name in [name for name in sys.modules if name == package.name or name.startswith(f"{package.name}.")]:
            del sys.modules[name]
    if str(package.parent) in sys.path:
        sys.path.remove(str(package.parent))
    sys.path.insert(0, str(package.parent))
    importlib.invalidate_caches()


def _alone(path: Path) -> ModuleType:
    name = f"health_gateway_driver_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _run(name: str, what: Callable[[], ModuleType]) -> ModuleType:
    try:
        return what()
    except SyntaxError as error:
        raise DriverError(f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}") from error
    except Exception as error:
        raise DriverError(f"{name}{_last_line(error)}: {type(error).__name__}: {error}") from error


def _last_line(error: Exception) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f" ({traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno})" if traceback else ""


def _declared(module: ModuleType, attribute: str) -> Loaded | LoadedCable | None:
    driver = getattr(module, attribute or "DRIVER", None)
    if driver is None and not attribute:
        return None  # a helper file, such as the conversation that several drivers share
    if isinstance(driver, CableDriver):
        return LoadedCable(driver, str(module.__file__), module.__doc__ or "")
    if not isinstance(driver, GattDriver):
        raise DriverError(f"{module.__file__}: {attribute or 'DRIVER'} is no driver declaration")
    return Loaded(driver, str(module.__file__), module.__doc__ or "")
