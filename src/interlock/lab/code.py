"""What code a result rests on: a digest that changes with what the code does, not how it looks."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

_NO_MATTER = frozenset(
    f"interlock.{name}"
    for name in ("_version", "errors", "_atomic", "_png", "explain.figure", "explain.layers")
)
"""Modules that decide no value: names of errors, drawing, the writing of files."""

_LIBRARIES = ("art", "captum", "shapiq", "skimage")
"""Libraries that are methods themselves: their version is part of the code."""

_WITH_BODY = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(*files: Path) -> str:
    """A digest of what Python files do; layout, comments and docstrings do not count."""
    parsed = [ast.dump(_without_docstrings(file.read_text(encoding="utf-8"))) for file in files]
    return sha256("\n".join(parsed).encode()).hexdigest()[:12]


def _without_docstrings(source: str) -> ast.Module:
    """The parsed source less every string that stands alone as a statement."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _WITH_BODY):
            node.body = [inner for inner in node.body if not _is_text(inner)]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@cache
def modules_digest(*names: str) -> str:
    """A digest of modules of this package and of all that they import from it, however deep.

    Libraries that are methods themselves, such as Captum, count by their version. An edit of any
    of these files gives another digest; edits elsewhere in the package do not.

    Args:
        names: full names, such as ``"interlock.explain.hsets"``.
    """
    files, libraries = _closure(names)
    found = [code_digest(*files)]
    found += [f"{name}=={version}" for name in sorted(libraries) for version in _version(name)]
    return sha256("\n".join(found).encode()).hexdigest()[:12]


def _closure(names: Iterable[str]) -> tuple[list[Path], set[str]]:
    waiting, files, libraries = list(names), dict[str, Path](), set[str]()
    while waiting:
        name = waiting.pop()
        file = _file(name)
        if name in files or name in _NO_MATTER or file is None:
            continue
        files[name] = file
        for imported in _imports(name, file):
            top = imported.partition(".")[0]
            if top == "interlock":
                waiting.append(imported)
            elif top in _LIBRARIES:
                libraries.add(top)
    return [files[name] for name in sorted(files)], libraries


def _imports(name: str, file: Path) -> Iterator[str]:
    """Modules that a file imports when it runs, inside functions too."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _running(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if base.startswith("interlock") and _file(inner) else base


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _running(node)


@cache
def _file(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _version(library: str) -> list[str]:
    distribution = {"art": "adversarial-robustness-toolbox", "skimage": "scikit-image"}
    try:
        return [metadata.version(distribution.get(library, library))]
    except metadata.PackageNotFoundError:
        return []
