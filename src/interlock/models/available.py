"""Models that can be named on this machine, by looking at files alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DEPTH = 4
"""Folders below one that are looked into."""
SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})
PACKAGE = Path(__file__).parent.parent
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
    origin: Literal["embedded", "folder", "hub cache"]
    size: int
    """Bytes of its files."""
    missing: tuple[str, ...] = ()
    """What it lacks to be used."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """Commands that take it."""
        return () if self.missing else VERBS[self.use]


def available_models(folder: Path) -> list[Available]:
    """The embedded ones, those in a folder and below it, and those in the hub's cache.

    Args:
        folder: looked into to a depth of four; names are relative to the current folder. Hidden
            folders are left out.
    """
    return [
        Available("embedded", "classifier", "embedded", _size(PACKAGE / "models" / "embedded")),
        Available(
            "embedded",
            "chat model",
            "embedded",
            _size(PACKAGE / "certify" / "embedded" / "tiny_chat"),
        ),
        *_below(folder),
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
    try:
        name = path.relative_to(Path.cwd())
    except ValueError:
        name = path
    if (path / "derived.json").is_file():  # of ``defend harden``
        missing = () if (path / "weights.safetensors").is_file() else ("weights.safetensors",)
        return Available(str(name), "classifier", "folder", _size(path), missing)
    return _of_transformers(path, str(name), "folder")


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
