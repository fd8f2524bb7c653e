"""What code a result rests on: a digest that changes with what the code does, not how it looks.

Comments, layout, docstrings, import lines and the places of modules do not count: the same code
elsewhere is the same code. What is imported counts itself, however deep.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from interlock.errors import OptionError

_OWN = "interlock"
_NO_MATTER = (
    "interlock._version",
    "interlock.errors",
    "interlock.names",
    "interlock._files",
    "interlock._pictures",
    "interlock.explain.drawing.figure",
    "interlock.explain.drawing.layers",
)
"""Modules that decide no value: names of options and errors, drawing, the writing of files."""
_LIBRARIES = {
    "art": "adversarial-robustness-toolbox",
    "captum": "captum",
    "shapiq": "shapiq",
    "skimage": "scikit-image",
}
"""Libraries that are methods themselves, and what they are installed as: their version counts."""
_METHODS = ("interlock.explain", "interlock.defend", "interlock.certify")
_WITH_BODY = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_STDLIB = os.path.join(sysconfig.get_path("stdlib"), "")
_Import = ast.Import | ast.ImportFrom
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_UNTOLD = ("ctx", "kind", "type_comment")


def digest_of(*things: Any, beside: Iterable[Any] = (), outside: Collection[str] = ()) -> str:
    """A digest of the code that decides what some objects do.

    It is that of the modules that define them, and of all that these import from this package or
    from files of the user's, however deep. Libraries that are methods themselves, such as Captum,
    count by their version.

    Args:
        things: classes, functions, methods, instances or modules.
        beside: more of them whose modules count alone, without what they import: tables that
            lead from a name to a thing.
        outside: packages that are not entered, such as ``"interlock.explain"``.

    Raises:
        OptionError: a module that is asked for, or imported from this package, has no source.
    """
    return _digest(map(_home, things), map(_home, beside), outside)


def worker_digest(worker: type, *more: Any) -> str:
    """A digest of how a study's worker comes to its values, but for the methods that it calls.

    Methods are chosen by name while it runs; each of them counts for its own items.

    Args:
        worker: the class.
        more: what of the methods' packages it calls for all items.
    """
    return digest_of(worker, *more, outside=_METHODS)


@cache
def modules_digest(*names: str) -> str:
    """The same as ``digest_of``, of modules of this package by their full names."""
    return _digest(names)


def code_digest(*files: Path) -> str:
    """A digest of what Python files do, in any order, without what they import."""
    return _joined(_parsed(file.read_text(encoding="utf-8")).digest for file in files)


def _digest(names: Iterable[str], beside: Iterable[str] = (), outside: Collection[str] = ()) -> str:
    waiting, entered, libraries = list(names), set[str](), set[str]()
    shut = tuple(f"{package}." for package in outside)
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if top in _LIBRARIES:
            libraries.add(f"{top}=={_version(_LIBRARIES[top])}")
        elif name not in entered and name not in _NO_MATTER:
            entered.add(name)
            waiting += [one for one in _imports(name) if not f"{one}.".startswith(shut)]
    return _joined([*(_read(name).digest for name in entered | set(beside)), *libraries])


def _joined(parts: Iterable[str]) -> str:
    return sha256("\n".join(sorted(parts)).encode()).hexdigest()[:12]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _home(thing: Any) -> str:
    """The module that defines a thing, or the class of a thing."""
    thing = getattr(thing, "func", thing)  # of a partial
    if isinstance(thing, ModuleType):
        return thing.__name__
    made = callable(thing) and hasattr(thing, "__qualname__")
    return str((thing if made else type(thing)).__module__)


class _Source(NamedTuple):
    """What a source file tells without being run."""

    digest: str
    imports: tuple[_Import, ...]
    """Inside functions, too; not those for type checkers."""
    lazy: Mapping[str, str]
    """Name -> module, of a package that imports its names when they are used: its ``_LAZY``."""


@cache
def _parsed(text: str) -> _Source:
    tree = ast.parse(text)
    meant, imports, lazy = dict[str, set[str]](), list[_Import](), dict[str, str]()
    for node, runs in _walk(tree):
        for alias in getattr(node, "names", ()):
            if getattr(alias, "asname", None):
                meant.setdefault(alias.asname, set()).add(alias.name)
        if not runs:
            continue
        if isinstance(node, _Import):
            imports.append(node)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_LAZY":
            lazy |= ast.literal_eval(node.value)
    said = _told(tree, {name: "|".join(sorted(names)) for name, names in meant.items()})
    return _Source(sha256(said.encode()).hexdigest(), tuple(imports), lazy)


def _told(node: Any, meant: Mapping[str, str]) -> str:
    """A syntax tree as text, of what does something, that no version of Python tells otherwise.

    Docstrings, import lines and what only a type checker reads are left out. A name that an import
    gives anew, ``from a import f as g``, is told as what it stands for. Unlike ``ast.dump``, which
    prints fields that one version has and another has not, empty fields are left out, and strings
    are told in ASCII.
    """
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or name in _UNTOLD:
            continue
        if isinstance(node, ast.Name):
            told = ascii(meant.get(node.id, node.id))
        elif isinstance(value, list):
            told = ",".join(_told(inner, meant) for inner in _that_does(node, name, value))
            told = told and f"[{told}]"
        else:
            told = _told(value, meant)
        if told:
            fields.append(f"{name}={told}")
    return f"{type(node).__name__}({','.join(fields)})"


def _that_does(node: ast.AST, name: str, parts: Sequence[Any]) -> Iterator[Any]:
    """The parts of one field of a node that count."""
    for part in parts:
        if isinstance(part, ast.If) and _for_type_checkers(part):
            yield from _that_does(part, "orelse", part.orelse)
            continue
        text = name == "body" and isinstance(node, _WITH_BODY) and _is_text(part)
        # some versions end what stands behind a colon with an empty string
        empty = isinstance(node, ast.JoinedStr) and getattr(part, "value", None) == ""
        if not (isinstance(part, _Import) or text or empty):
            yield part


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def _for_type_checkers(node: ast.AST) -> bool:
    test = getattr(node, "test", None)
    return getattr(test, "attr", getattr(test, "id", "")) == "TYPE_CHECKING"


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """All statements in order, and whether they run: some only a type checker reads."""
    waiting = [(tree, True)]
    while waiting:
        node, runs = waiting.pop()
        yield node, runs
        idle = isinstance(node, ast.If) and _for_type_checkers(node)
        waiting += [
            (inner, runs and (not idle or name == "orelse"))
            for name in reversed(node._fields)
            if name in _BLOCKS
            for inner in reversed(getattr(node, name))
        ]


def _imports(name: str) -> Iterator[str]:
    """Modules of this package or the user's, and libraries, that a module imports anywhere."""
    package = name.split(".") if _is_package(name) else name.split(".")[:-1]
    for line in _read(name).imports:
        if isinstance(line, ast.Import):
            yield from (alias.name for alias in line.names if _counts(alias.name))
            continue
        above = package[: len(package) - line.level + 1] if line.level else []
        base = ".".join([*above, *([line.module] if line.module else [])])
        if _is_own(base):
            yield from (_defining(base, alias.name) for alias in line.names)
        elif _counts(base):
            yield base


def _defining(base: str, name: str) -> str:
    """The module that defines what ``from base import name`` gives."""
    if _file(f"{base}.{name}") is not None:
        return f"{base}.{name}"
    if not _is_package(base):
        return base
    source = _read(base)
    if name in source.lazy:
        return _defining(source.lazy[name], name)
    for line in source.imports:
        module = getattr(line, "module", None) or ""
        for alias in line.names:
            if (alias.asname or alias.name) == name and module != base and _is_own(module):
                return _defining(module, alias.name)
    return base  # defined in the package's own file


def _is_package(name: str) -> bool:
    file = _file(name)
    return file is not None and file.name == "__init__.py"


def _counts(name: str) -> bool:
    return name.partition(".")[0] in _LIBRARIES or _is_own(name)


def _is_own(name: str) -> bool:
    """Whether a module is of this package, or a file of the user's that was not installed."""
    top = name.partition(".")[0]
    if top == _OWN:
        return True
    place = next(filter(os.path.exists, _places(top)), None)
    if place is None or place.startswith(_STDLIB):
        return False
    return not {"site-packages", "dist-packages"} & {*place.split(os.sep)}


def _read(name: str) -> _Source:
    """The source of a module.

    Raises:
        OptionError: there is none.
    """
    file = _file(name)
    if file is None:
        raise OptionError(f"{name}: no module of that name has Python source to name results by")
    return _parsed(file.read_text(encoding="utf-8"))


def _file(name: str) -> Path | None:
    """The source file of a module, located without importing anything."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is not None:
        return Path(loaded) if loaded.endswith(".py") and os.path.isfile(loaded) else None
    top, *inner = name.split(".")
    for place in _places(top):
        whole = os.path.join(place, *inner)
        for file in (os.path.join(whole, "__init__.py"), f"{whole}.py" if inner else whole):
            if file.endswith(".py") and os.path.isfile(file):
                return Path(file)
    return None


def _places(top: str) -> tuple[str, ...]:
    """The folders of a package, or the file of a module, as Python looks for it."""
    places = _looked_up(top, (os.getcwd(), *sys.path))
    if not places:  # it may be written yet
        _looked_up.cache_clear()
    return places


@lru_cache(maxsize=256)
def _looked_up(top: str, _on: tuple[str, ...]) -> tuple[str, ...]:
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    places = (*(spec.submodule_search_locations or ()), spec.origin)
    return tuple(os.fspath(place) for place in places if place)  # transformers names a Path
