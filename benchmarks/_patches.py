"""Patches against the undefended models, crafted once and kept as 8-bit pictures.

    python benchmarks/_patches.py --victims cifar10 --parts report   # all of them, resumable

They do not depend on any defence, so that every row of the table meets the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor

import _photos
from _records import code_digest, key
from _victims import Part, Victim, victims
from interlock.defend.patch_attack import PatchAttack, Patched
from interlock.defend.universal import UniversalPatch, UniversalPatchAttack

OUT = _photos.ROOT / "build" / "defend_quality" / "patches"
DEFEND = _photos.ROOT / "src" / "interlock" / "defend"
CODE = tuple(DEFEND / f"{name}.py" for name in ("patch_attack", "ascent", "regions"))
UNIVERSAL_CODE = (DEFEND / "universal.py",)
AREAS = (0.01, 0.02, 0.03, 0.005, 0.05)
FEWER = {"mobilenet": 64, "embedded": 96, "cifar10": 320}
"""Photos for the smallest and the largest area, which no target names."""
STEPS = 40
CHUNK = 32


@dataclass(frozen=True)
class Attacked:
    """Photos that the bare model gets right, with a patch each."""

    pixels: Tensor
    """(N, 3, H, W) uint8."""
    masks: Tensor
    """(N, 1, H, W) bool."""
    labels: Tensor
    """(N,) true classes."""


def random_place(area: float, seed: int) -> PatchAttack:
    return PatchAttack(area=area, steps=STEPS, seed=seed)


def searched_place(area: float, seed: int) -> PatchAttack:
    return PatchAttack(area=area, steps=STEPS, location="search", seed=seed)


def targeted(area: float, seed: int) -> PatchAttack:
    return PatchAttack(area=area, steps=STEPS, targeted=True, seed=seed)


def l2_ball(area: float, seed: int) -> PatchAttack:
    return PatchAttack(area=area, steps=STEPS, norm="l2", epsilon=10.0, seed=seed)


def two_patches(area: float, seed: int) -> PatchAttack:
    return PatchAttack(area=area, steps=STEPS, patches=2, seed=seed)


MADE: dict[str, Callable[[float, int], PatchAttack]] = {
    "random place": random_place,
    "searched place": searched_place,
    "targeted": targeted,
    "L2 ball": l2_ball,
    "two patches": two_patches,
}
UNIVERSAL = "universal"
ATTACKS = (*MADE, UNIVERSAL)


def photos_for(victim: Victim, area: float) -> int | None:
    """How many photos an area is measured on; None: all of them."""
    return FEWER[victim.name] if area in (min(AREAS), max(AREAS)) else None


@cache
def universal(victim: Victim, area: float) -> tuple[UniversalPatchAttack, UniversalPatch]:
    """One patch for all photos, trained on those that settings are chosen on."""
    index = right_photos(victim, "choose")
    photos = victim.sets["choose"][index]
    attack = UniversalPatchAttack(area=area, bounds=victim.bounds, batch_size=CHUNK)
    return attack, attack.train(victim.model, victim.input(photos.pixels), photos.labels)


def right_photos(victim: Victim, part: Part) -> Tensor:
    """Indices of the photos that the bare model gets right: the only ones worth attacking."""
    photos = victim.sets[part]
    return (victim.predictions(photos.pixels) == photos.labels).nonzero()[:, 0]


_digest = cache(code_digest)  # once a run: an edit on the way must not split its files


def code_of(attack: str) -> tuple[Path, ...]:
    """The files that decide what an attack's pictures look like."""
    return (*CODE, *UNIVERSAL_CODE) if attack == UNIVERSAL else CODE


def file_of(victim: Victim, part: Part, attack: str, area: float, start: int) -> Path:
    """Where the chunk of pictures from ``start`` is kept; its name says what made it."""
    name = key(
        victim=victim.name,
        part=part,
        attack=attack,
        area=area,
        start=start,
        steps=STEPS,
        chunk=CHUNK,
        code=_digest(*code_of(attack)),
    )
    return OUT / victim.name / f"{attack.replace(' ', '-')}-{area}-{name}.safetensors"


def craft(victim: Victim, part: Part, attack: str, area: float) -> Attacked:
    """The pictures of one attack at one size: from disk, or made now."""
    index = right_photos(victim, part)[: photos_for(victim, area)]
    photos = victim.sets[part][index]
    chunks = []
    for start in range(0, len(index), CHUNK):
        file = file_of(victim, part, attack, area, start)
        some = photos[slice(start, start + CHUNK)]
        if file.exists() and len((stored := load_file(file))["pixels"]) >= len(some):
            chunks.append({k: v[: len(some)] for k, v in stored.items()})
            continue
        goal = some.labels
        if attack == "targeted":  # a class that is neither the true one nor its neighbour
            classes = int(victim.model(victim.input(some.pixels[:1])).shape[1])
            goal = (some.labels + classes // 2 + torch.arange(start, start + len(goal))) % classes
            goal = torch.where(goal == some.labels, (goal + 1) % classes, goal)
        made = pasted(victim, attack, area, start, victim.input(some.pixels), goal)
        pixels = torch.where(made.masks, victim.pixels(made.images), some.pixels)
        chunks.append({"pixels": pixels.contiguous(), "masks": made.masks})
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(chunks[-1], file.with_suffix(".part"))
        file.with_suffix(".part").rename(file)
    return Attacked(
        torch.cat([c["pixels"] for c in chunks]),
        torch.cat([c["masks"] for c in chunks]),
        photos.labels,
    )


def pasted(
    victim: Victim, attack: str, area: float, start: int, x: Tensor, labels: Tensor
) -> Patched:
    """The attack with this victim's pixel range; each chunk has its own places."""
    if attack == UNIVERSAL:
        trainer, patch = universal(victim, area)
        return trainer.apply(patch, x, seed=start)
    made = replace(MADE[attack](area, start), bounds=victim.bounds, batch_size=CHUNK)
    return made(victim.model, x, labels)


def main() -> None:
    """Craft what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--victims", nargs="+", default=["cifar10", "embedded", "mobilenet"])
    parser.add_argument("--parts", nargs="+", default=["choose", "report"])
    parser.add_argument("--attacks", nargs="+", default=ATTACKS)
    parser.add_argument("--areas", nargs="+", type=float, default=AREAS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(stderr=True)
    for victim in (v for v in victims() if v.name in chosen.victims):
        todo = [
            (p, at, area) for area in chosen.areas for p in chosen.parts for at in chosen.attacks
        ]
        for part, attack, area in track(todo, description=victim.name, console=console):
            craft(victim, part, attack, area)


if __name__ == "__main__":
    main()
