"""What code a result rests on: a digest that changes with what the code does, not how it looks.

Comments, layout, docstrings, import lines and the places of modules do not count: the same code
elsewhere is the same code. What is imported counts itself, however deep.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
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
    imports: tuple[ast.Import | ast.ImportFrom, ...]
    """Inside functions, too; not those for type checkers."""
    lazy: Mapping[str, str]
    """Name -> module, of a package that imports its names when they are used: its ``_LAZY``."""


@cache
def _parsed(text: str) -> _Source:
    tree = ast.parse(text)
    nodes = [*_running(tree)]
    lazy = dict[str, str]()
    for node in nodes:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_LAZY":
            lazy |= ast.literal_eval(node.value)
    imports = tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
    return _Source(sha256(_text(_Plain().visit(tree)).encode()).hexdigest(), imports, lazy)


class _Plain(ast.NodeTransformer):
    """Leaves out what does nothing: docstrings, import lines, what only a type checker reads.

    A name that an import gives anew, ``from a import f as g``, is put back to what it stands for
    wherever it is used; so its line can go, too.
    """

    def __init__(self) -> None:
        self._meant: dict[str, set[str]] = {}

    def visit_Module(self, node: ast.Module) -> ast.AST:
        for inner in ast.walk(node):
            for alias in getattr(inner, "names", ()):
                if getattr(alias, "asname", None):
                    self._meant.setdefault(alias.asname, set()).add(alias.name)
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if _for_type_checkers(node):
            return [self.visit(inner) for inner in node.orelse]
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        # some versions end what stands behind a colon with an empty string
        values = [one for one in node.values if getattr(one, "value", None) != ""]
        return self.generic_visit(ast.JoinedStr(values))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("|".join(sorted(self._meant.get(node.id, {node.id}))), node.ctx)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _WITH_BODY):
            node.body = [inner for inner in node.body if not _is_text(inner)]
        return super().generic_visit(node)


def _text(node: Any) -> str:
    """A syntax tree as text that no version of Python tells otherwise.

    Unlike ``ast.dump``, which prints fields that one version has and another has not: here empty
    fields are left out, and strings are told in ASCII.
    """
    if isinstance(node, ast.AST):
        fields = [
            f"{name}={_text(value)}"
            for name, value in ast.iter_fields(node)
            if value is not None and value != [] and name not in ("ctx", "kind", "type_comment")
        ]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    return ascii(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(getattr(getattr(node, "value", None), "value", None), str) and isinstance(
        node, ast.Expr
    )


def _for_type_checkers(node: ast.AST) -> bool:
    test = getattr(node, "test", None)
    return getattr(test, "attr", getattr(test, "id", "")) == "TYPE_CHECKING"


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and _for_type_checkers(node):
            yield from _running(ast.Module(node.orelse, []))
        else:
            yield node
            yield from _running(node)


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


@cache
def _is_own(name: str) -> bool:
    """Whether a module is of this package, or a file of the user's that was not installed."""
    top = name.partition(".")[0]
    if top == _OWN:
        return True
    place = next((one for one in _places(top) if one.exists()), None)
    if place is None or place.is_relative_to(sysconfig.get_path("stdlib")):
        return False
    return not {"site-packages", "dist-packages"} & {*place.parts}


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
        candidates = [Path(loaded)]
    else:
        top, *inner = name.split(".")
        places = _places(top)
        candidates = [place.joinpath(*inner, "__init__.py") for place in places if place.is_dir()]
        candidates += [place.joinpath(*inner).with_suffix(".py") for place in places if inner]
        candidates += [] if inner else places
    return next((file for file in candidates if file.suffix == ".py" and file.is_file()), None)


def _places(top: str) -> list[Path]:
    """The folders of a package, or the file of a module."""
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    return [Path(one) for one in (*(spec.submodule_search_locations or ()), spec.origin) if one]
