"""Laws that a driver's file keeps before it has run once: its story, its imports, where it yields."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import drivers
from gateway.conformance.case import Case

NEVER = frozenset(
    [
        "asyncio",
        "concurrent",
        "ctypes",
        "http",
        "importlib",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
    ]
)
"""Of the standard library: a driver runs without a loop, a clock, a disk or a network of its own."""
PUBLIC = ("drivers", "drivers.standard", "drivers.kit.weighing", "profiles")
_OPENING = {"open", "exec", "eval", "compile", "__import__", "input", "print"}


def story(case: Case) -> Iterator[str]:
    """The file says what the device is, how the conversation flows, and where the facts come from."""
    for part, why in (("Flow:", "how the conversation goes"), ("Source:", "where the facts come from")):
        if not case.loaded.story.partition(part)[2].strip():
            yield f"its docstring does not say {why}: {part}"
    if not case.loaded.story.split("Flow:")[0].strip():
        yield "its docstring does not begin with what the device is"
    if not case.loaded.driver.label:
        yield "it has no label"


def yielding(case: Case) -> Iterator[str]:
    """A session may close the generator at any yield: not inside try, with or async with."""
    yield from yields_safely(Path(case.loaded.source).read_text())


def yields_safely(source: str) -> list[str]:
    """Where a driver's source yields inside `try`, `with` or `async with`: a closed generator would run on in there."""
    found: list[str] = []

    def walk(node: ast.AST, inside: str | None) -> None:
        if isinstance(node, ast.Yield | ast.YieldFrom) and inside:
            found.append(f"line {node.lineno}: yield inside {inside}")
        for child in ast.iter_child_nodes(node):
            holder = {ast.Try: "try", ast.With: "with", ast.AsyncWith: "async with"}.get(type(child))
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                walk(child, None)
            else:
                walk(child, holder or inside)

    walk(ast.parse(source), None)
    return found


def imports(case: Case) -> Iterator[str]:
    """Only the public vocabulary, the profiles and what of the standard library needs no machine."""
    path = Path(case.loaded.source)
    own = _package(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OPENING:
            yield f"line {node.lineno}: {node.func.id}() is not for drivers"
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _judged(case, node.lineno, alias.name, own)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield from _judged(case, node.lineno, node.module, own)
            if node.module == "drivers" and not case.is_ours:
                unknown = sorted({alias.name for alias in node.names} - {*drivers.__all__, "standard"})
                yield from (f"line {node.lineno}: drivers.{name} is not in drivers.__all__" for name in unknown)


def _package(path: Path) -> str:
    """The top of the package that the file is in; its own stem if it is in none."""
    top = path.stem
    while (path.parent / "__init__.py").exists():
        path = path.parent
        top = path.name
    return top


def _judged(case: Case, line: int, module: str, own: str) -> Iterator[str]:
    top = module.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names:
        if top in NEVER:
            yield f"line {line}: {module} is not for drivers: the session has the clock, the log and the retries"
    elif top == "drivers":
        if not case.is_ours and module not in PUBLIC and not module.startswith("drivers.standard."):
            yield f"line {line}: {module} is not public: from drivers import …"
    elif top != "profiles" and (top != own or top == "gateway"):
        yield f"line {line}: {module} is not for drivers, which stand on drivers, profiles and the standard library"


LAWS = (story, yielding, imports)
