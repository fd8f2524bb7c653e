"""Models that can be named on this machine, by looking at files alone."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

DEPTH = 4
"""Folders below one that are looked into."""
SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})
PACKAGE = Path(__file__).parent.parent
RECIPES = Path("recipes") / "models.toml"
"""Of a folder: models that its recipes make."""
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")

Use = Literal["classifier", "chat model"]
VERBS: dict[Use, tuple[str, ...]] = {
    "classifier": ("explain", "defend"),
    "chat model": ("certify", "guard"),
}


@dataclass(frozen=True)
class Available:
    """One model."""

    name: str
    """As ``--model``, or ``--target`` of a chat model, takes it."""
    use: Use
    origin: Literal["embedded", "folder", "recipe", "hub cache"]
    size: int
    """Bytes of its files."""
    missing: tuple[str, ...] = ()
    """What it lacks to be used."""
    made_by: str = ""
    """The command that makes it, where it is one of a recipe."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """Commands that take it."""
        return () if self.missing else VERBS[self.use]

    @property
    def runs_code(self) -> bool:
        """Whether it is a factory of a module, whose code loading it runs."""
        return ":" in self.name


def available_models(folder: Path) -> list[Available]:
    """The embedded ones, those in a folder and below it or of its recipes, and the hub's cache.

    Args:
        folder: looked into to a depth of four; names are relative to the current folder. Hidden
            folders are left out.
    """
    below = list(_below(folder))
    known = {one.name for one in below}
    return [
        Available("embedded", "classifier", "embedded", _size(PACKAGE / "models" / "embedded")),
        Available(
            "embedded",
            "chat model",
            "embedded",
            _size(PACKAGE / "certify" / "embedded" / "tiny_chat"),
        ),
        *below,
        *(one for one in _of_recipes(folder) if one.name not in known),
        *_in_cache(),
    ]


def _below(folder: Path) -> Iterator[Available]:
    """Those in a folder and below it, sorted; what lies below one is its own."""
    for root, inner, files in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        known = {"config.json", "derived.json"} & set(files)
        model = _in_folder(Path(root)) if known else None
        if model is not None:
            inner.clear()
            yield model
            continue
        kept = [name for name in inner if not name.startswith(".") and name not in SKIPPED]
        inner[:] = sorted(kept) if depth < DEPTH else []


def _in_folder(path: Path) -> Available | None:
    name = _from_here(path)
    if (path / "derived.json").is_file():  # of ``defend harden``
        missing = () if (path / "weights.safetensors").is_file() else ("weights.safetensors",)
        return Available(name, "classifier", "folder", _size(path), missing)
    return _of_transformers(path, name, "folder")


def _of_recipes(folder: Path) -> Iterator[Available]:
    """Those that recipes of a folder make, or made; a row that is none is left out."""
    try:
        rows = tomllib.loads((folder / RECIPES).read_text("utf-8")).get("models")
    except (OSError, ValueError):
        return
    for row in rows if isinstance(rows, list) else ():
        given = row if isinstance(row, dict) else {}
        texts = {key: value for key, value in given.items() if isinstance(value, str)}
        use: Use | None = next((one for one in get_args(Use) if one == texts.get("use")), None)
        if use is None or not {"name", "made_by", "files"} <= texts.keys():
            continue
        name, made_by, files = texts["name"], texts["made_by"], texts["files"]
        place = folder / files
        shown = name if ":" in name else _from_here(folder / name)
        size = _size(place) if place.is_dir() else place.stat().st_size if place.exists() else 0
        yield Available(shown, use, "recipe", size, () if size else (files,), made_by)


def _from_here(path: Path) -> str:
    """Relative to the current folder, where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _in_cache() -> Iterator[Available]:
    from huggingface_hub.constants import HF_HUB_CACHE

    for path in sorted(Path(HF_HUB_CACHE).glob("models--*")):
        snapshots = sorted((path / "snapshots").glob("*"), key=lambda one: one.stat().st_mtime)
        try:
            wanted = path / "snapshots" / (path / "refs" / "main").read_text().strip()
        except OSError:
            wanted = path
        for snapshot in [wanted] if wanted in snapshots else snapshots[-1:]:
            name = path.name.removeprefix("models--").replace("--", "/")
            model = _of_transformers(snapshot, name, "hub cache")
            if model is not None:
                yield model


def _of_transformers(
    path: Path, name: str, origin: Literal["folder", "hub cache"]
) -> Available | None:
    """A model by its configuration; None where it is neither of the two kinds, or no model."""
    config = _json(path / "config.json")
    made = config.get("architectures")
    classes = [one for one in made if isinstance(one, str)] if isinstance(made, list) else []
    use: Use
    if any(one.endswith("ForImageClassification") for one in classes):
        use = "classifier"
        needed = {"preprocessor_config.json": (path / "preprocessor_config.json").is_file()}
    elif any(one.endswith(("ForCausalLM", "LMHeadModel")) for one in classes):
        use = "chat model"
        template = (path / "chat_template.jinja").is_file() or bool(
            _json(path / "tokenizer_config.json").get("chat_template")
        )
        needed = {"a chat template": template}
    else:
        return None
    needed["weights"] = any(any(path.glob(pattern)) for pattern in WEIGHTS)
    missing = tuple(part for part, there in needed.items() if not there)
    return Available(name, use, origin, _size(path), missing)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _size(path: Path) -> int:
    """Bytes of all files in a folder and below it."""
    return sum(
        (Path(root) / name).stat().st_size
        for root, _, files in os.walk(path)
        for name in files
        if (Path(root) / name).exists()
    )
