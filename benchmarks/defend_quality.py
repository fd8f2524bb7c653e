"""Does the shield hold? Clean and robust accuracy of defences under patch attacks, per model.

    python benchmarks/defend_quality.py                       # the report photos
    python benchmarks/defend_quality.py --part choose         # those on which settings are chosen
    python benchmarks/defend_quality.py --victims cifar10 --attacks "random place" --areas 0.02

Pictures and results are kept in ``build/defend_quality/``; a second run makes only what is missing
or whose code changed. Needs ``../shared`` and says so where it is absent.

Only photos that the bare model gets right are attacked; in robust accuracy the others count as
lost in every row, so that all shares are of all photos.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from scipy import stats
from torch import Tensor, nn

import _patches
import _photos
from _patches import DEFEND, Attacked
from _records import Records, code_digest, key
from _tables import markdown, publish
from _victims import Victim, victims
from interlock.defend.adaptive import AdaptiveAttack
from interlock.defend.black_box import BlackBoxPatchAttack
from interlock.defend.fill import pull_push
from interlock.defend.patch_attack import PatchAttack
from interlock.defend.patch_cleanser import PatchCleanser
from interlock.defend.shield import ConceptShield

OUT = _photos.ROOT / "build" / "defend_quality"
SHIELD = "shield (default)"
ROWS = (
    "undefended",
    "paper masking",
    SHIELD,
    "PatchCleanser, true size",
    "PatchCleanser, half the size",
    "true region filled (ceiling)",
)
CLEANSER = ROWS[3]
STATIC = _patches.ATTACKS
ON_SHIELD = ("adaptive", "black-box 150", "black-box 1000")
ON_CLEANSER = "adapted to PatchCleanser"
FEWER = {
    "mobilenet": {"adaptive": 16, "black-box 150": 40, "black-box 1000": 16, CLEANSER: 24},
    "embedded": {"adaptive": 32, "black-box 150": 48, "black-box 1000": 24, CLEANSER: 48},
    "cifar10": {"adaptive": 100, "black-box 150": 200, "black-box 1000": 100, CLEANSER: 200},
}
"""Photos for what is slow: attacks on a defence itself, and PatchCleanser's hundreds of passes."""
MIDDLE = (0.01, 0.02, 0.03)
AREAS_OF = {"black-box 150": (0.02,), "black-box 1000": (0.02,)}
"""Sizes of the attacks on a defence itself; 1, 2 and 3 % where nothing is said."""
SHIELD_CODE = tuple(
    DEFEND / f"{name}.py" for name in ("shield", "answer", "foreign", "fill", "features", "_masks")
)
PAPER_CODE = tuple(DEFEND / f"{name}.py" for name in ("paper", "bank", "nmf", "features"))
ATTACK_CODE = (*SHIELD_CODE, *(DEFEND / f"{name}.py" for name in ("adaptive", "black_box")))


class Defences:
    """The defences of one victim, fitted when they are first asked for."""

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self._made: dict[str, Callable[[Tensor], Tensor]] = {}

    @property
    def shield(self) -> ConceptShield:
        if not hasattr(self, "_shield"):
            self._shield = ConceptShield.fit(self._victim.model, self._victim.batches("bank"))
        return self._shield

    @property
    def paper(self) -> Callable[[Tensor], Tensor]:
        if "paper" not in self._made:
            fitted = ConceptShield.paper(self._victim.model, self._victim.batches("bank"))
            self._made["paper"] = fitted.predict
        return self._made["paper"]

    def labels(self, row: str, pictures: Attacked, area: float) -> Tensor:
        """(N,) what a row of the table answers."""
        found = []
        parts = zip(pictures.pixels.split(32), pictures.masks.split(32), strict=True)
        for pixels, masks in parts:
            x = self._victim.input(pixels)
            with torch.no_grad():
                if row == "undefended":
                    found.append(self._victim.model(x).argmax(1))
                elif row == "paper masking":
                    found.append(self.paper(x))
                elif row == SHIELD:
                    found.append(self.shield.predict(x))
                elif row.startswith("true region"):
                    found.append(self._victim.model(pull_push(x, masks)).argmax(1))
                else:
                    share = 0.5 if "half" in row else 1.0
                    found.append(cleanser_of(self._victim, area, share).predict(x))
        return torch.cat(found)


def cleanser_of(victim: Victim, area: float, share: float = 1.0) -> PatchCleanser:
    """PatchCleanser for square patches of a share of the true side."""
    side = victim.sets["bank"].pixels.shape[-1] * area**0.5 * share
    return PatchCleanser(victim.model, max(1, int(np.ceil(side))))


class _MaskedAtRandom(nn.Module):
    """What PatchCleanser asks, in expectation: the model under one of its masks at a time.

    A patch that wins under the masks that leave it visible makes them outvote the one that hides
    it; searched places find where hiding the patch does not bring the label back.
    """

    def __init__(self, model: nn.Module, cleanser: PatchCleanser) -> None:
        super().__init__()
        self._model, self._cleanser = model, cleanser
        self._rng = np.random.default_rng(0)

    def forward(self, x: Tensor) -> Tensor:
        masks = self._cleanser.mask_set(*x.shape[-2:])
        chosen = masks[torch.from_numpy(self._rng.integers(len(masks), size=len(x)))]
        return self._model(torch.where(chosen.to(x.device), torch.zeros_like(x), x))


def attacked(
    victim: Victim, defences: Defences, part: _patches.Part, attack: str, area: float
) -> Attacked:
    """The pictures of an attack; those on the shield itself are made for it."""
    if attack in STATIC:
        return _patches.craft(victim, part, attack, area)
    count = FEWER[victim.name][CLEANSER if attack == ON_CLEANSER else attack]
    photos = victim.sets[part][_patches.right_photos(victim, part)[:count]]
    x = victim.input(photos.pixels)
    if attack == "adaptive":
        made = AdaptiveAttack(area=area, bounds=victim.bounds)(defences.shield, x, photos.labels)
    elif attack == ON_CLEANSER:
        masked = _MaskedAtRandom(victim.model, cleanser_of(victim, area))
        made = PatchAttack(area=area, location="search", restarts=2, bounds=victim.bounds)(
            masked, x, photos.labels
        )
    else:
        queries = int(attack.split()[1])
        made = BlackBoxPatchAttack(area=area, queries=queries, bounds=victim.bounds)(
            defences.shield, x, photos.labels
        )
    pixels = torch.where(made.masks, victim.pixels(made.images), photos.pixels)
    return Attacked(pixels, made.masks, photos.labels)


def measure(
    victim: Victim,
    part: _patches.Part,
    wanted: list[tuple[str, float]],
    chosen_rows: list[str],
    records: Records,
) -> None:
    """Fill in what is missing: clean accuracy first, then attack by attack."""
    defences = Defences(victim)
    photos = victim.sets[part]
    for row in ROWS[:3]:
        name = record_key(victim, part, row, "clean", 0)
        if name in records or row not in chosen_rows:
            continue
        if row == SHIELD:
            _ = defences.shield  # fitted outside the clock
        elif row == "paper masking":
            _ = defences.paper
        start = time.perf_counter()
        bare = Attacked(photos.pixels, torch.zeros(len(photos), 1, 1, 1), photos.labels)
        labels = defences.labels(row, bare, 0.0)
        seconds = time.perf_counter() - start
        record = {"key": name, "right": right(labels, photos.labels), "passes": 1.0}
        record["ms"] = 1000 * seconds / len(photos)
        if row == SHIELD:
            record |= looked_at(victim, defences.shield, bare)
        records.add([record])
    console = Console(stderr=True)
    for attack, area in track(wanted, description=victim.name, console=console):
        rows = [row for row in rows_under(attack) if row in chosen_rows]
        names = {row: record_key(victim, part, row, attack, area) for row in rows}
        if all(name in records for name in names.values()):
            continue
        pictures = attacked(victim, defences, part, attack, area)
        for row, name in names.items():
            if name in records:
                continue
            some = pictures
            if "Cleanser" in row:
                n = FEWER[victim.name][CLEANSER]
                some = Attacked(pictures.pixels[:n], pictures.masks[:n], pictures.labels[:n])
            if row == SHIELD:
                record = {"key": name, **looked_at(victim, defences.shield, some)}
            else:
                labels = defences.labels(row, some, area)
                record = {"key": name, "right": right(labels, some.labels)}
            records.add([record])


def rows_under(attack: str) -> tuple[str, ...]:
    """The rows that an attack is measured on: all of them only for the first."""
    if attack == ON_CLEANSER:
        return ("undefended", CLEANSER, ROWS[-1])
    if attack in ON_SHIELD:
        return ("undefended", SHIELD, ROWS[-1])
    return ROWS if attack == "random place" else tuple(r for r in ROWS if "Cleanser" not in r)


def looked_at(victim: Victim, shield: ConceptShield, pictures: Attacked) -> dict[str, Any]:
    """Where the shield is right, its mean passes, and how tampered each picture looks to it."""
    with torch.no_grad():
        answers = [shield.answer(victim.input(p)) for p in pictures.pixels.split(32)]
    labels = torch.cat([answer.labels for answer in answers])
    passes = torch.cat([answer.passes for answer in answers])
    peaks = torch.cat([answer.foreign.flatten(1).amax(dim=1) for answer in answers])
    scores = (peaks / shield.settings.trigger).tolist()
    return {
        "right": right(labels, pictures.labels),
        "passes": float(passes.float().mean()),
        "scores": [round(score, 4) for score in scores],
    }


def right(labels: Tensor, truth: Tensor) -> list[int]:
    return (labels == truth).int().tolist()


_digest = cache(code_digest)  # once a run: an edit on the way must not split its keys


def record_key(victim: Victim, part: str, row: str, attack: str, area: float) -> str:
    """Names the result of one row under one attack."""
    code = {SHIELD: SHIELD_CODE, "paper masking": PAPER_CODE}.get(row, ())
    if "Cleanser" in row:
        code = (DEFEND / "patch_cleanser.py",)
    if attack in ON_SHIELD:
        code = ATTACK_CODE
    elif attack == ON_CLEANSER:
        code = (DEFEND / "patch_cleanser.py", Path(__file__))
    return key(
        victim=victim.name,
        part=part,
        row=row,
        attack=attack,
        area=area,
        steps=_patches.STEPS,
        code=_digest(*_patches.code_of(attack), DEFEND / "fill.py", *code),
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval."""
    found = stats.binomtest(hits, count).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def share(hits: list[int], bare: list[int] | None = None) -> str:
    """A percentage of all photos with its Wilson interval.

    ``hits`` are of all photos, or of those that ``bare`` has right. Where only some of these were
    attacked, their share is scaled by the clean accuracy, and both ends of the interval by the
    ends of its interval, which is wider than need be.
    """
    count = len(hits) if bare is None else len(bare)
    right = count if bare is None else sum(bare)
    if len(hits) == right:
        mean, (low, high) = sum(hits) / count, wilson(sum(hits), count)
    else:
        ends = zip(wilson(sum(hits), len(hits)), wilson(right, count), strict=True)
        low, high = (a * b for a, b in ends)
        mean = sum(hits) / len(hits) * right / count
    return f"{100 * mean:.1f} [{100 * low:.0f}, {100 * high:.0f}]"


def table(victim: Victim, part: str, wanted: list[tuple[str, float]], records: Records) -> str:
    """One victim's results."""

    def known(row: str, attack: str, area: float) -> list[int] | None:
        name = record_key(victim, part, row, attack, area)
        return records[name]["right"] if name in records else None

    bare = known("undefended", "clean", 0) or [0]
    lines = []
    for row in ("undefended", "paper masking", SHIELD):
        hits = known(row, "clean", 0)
        if hits:
            record = records[record_key(victim, part, row, "clean", 0)]
            lines.append([row, share(hits), f"{record['passes']:.2f}", f"{record['ms']:.0f}"])
    text = [
        f"## {victim.name}: {len(bare)} photos\n",
        markdown(["clean", "accuracy, % [95 %]", "passes", "ms an image, 1 thread"], lines),
        "",
    ]
    areas = sorted({area for _, area in wanted})
    header = ["robust, % of all photos [95 %]", *(f"{100 * a:g} %" for a in areas)]
    for attack in dict.fromkeys(attack for attack, _ in wanted):
        lines = []
        for row in ROWS:
            cells = [known(row, attack, area) for area in areas]
            if any(cells):
                counts = "/".join(dict.fromkeys(str(len(c)) for c in cells if c))
                shown = [share(c, bare) if c else "–" for c in cells]
                lines.append([f"{row} ({counts} attacked)", *shown])
        if lines:
            text += [f"**{attack}**\n", markdown(header, lines), ""]
    text += [_worst(known, bare), "", _roc(victim, part, wanted, records)]
    return "\n".join(text)


def _worst(known: Callable[[str, str, float], list[int] | None], bare: list[int]) -> str:
    """Averages over 1, 2, 3 % and the attacks that do not know the shield, and the worst case."""
    lines = []
    middle = [(attack, area) for attack in STATIC for area in MIDDLE]
    for row in ("undefended", "paper masking", SHIELD, ROWS[-1]):
        cells = [c for attack, area in middle if (c := known(row, attack, area))]
        if not cells or len({len(c) for c in cells}) > 1:
            continue
        hits = np.array(cells)
        mean, worst = hits.mean(), hits.min(axis=0)
        clean = sum(bare) / len(bare)
        lines.append([row, f"{100 * clean * mean:.1f}", share(worst.tolist(), bare)])
    if not lines:
        return ""
    count = len([1 for a, s in middle if known("undefended", a, s)])
    return f"**{count} attacks and areas of 1 to 3 % together**\n\n" + markdown(
        ["", "mean, %", "worst case over them, % [95 %]"], lines
    )


def summary(found: list[tuple[Victim, Records]], part: str) -> str:
    """One table of all victims: each attack averaged over the areas of 1 to 3 %."""
    attacks = (*STATIC, *ON_SHIELD, ON_CLEANSER)
    lines = []
    for victim, records in found:
        clean = record_key(victim, part, "undefended", "clean", 0)
        if clean not in records:
            continue
        accuracy = np.mean(records[clean]["right"])
        for row in ROWS:
            cells = []
            for attack in attacks:
                names = [record_key(victim, part, row, attack, area) for area in MIDDLE]
                hits = [np.mean(records[name]["right"]) for name in names if name in records]
                cells.append(f"{100 * accuracy * np.mean(hits):.1f}" if hits else "–")
            name = record_key(victim, part, row, "clean", 0)
            alone = f"{100 * np.mean(records[name]['right']):.1f}" if name in records else "–"
            if {alone, *cells} != {"–"}:
                lines.append([f"{victim.name}: {row}", alone, *cells])
    return markdown(["% of all photos", "clean", *attacks], lines)


def _roc(victim: Victim, part: str, wanted: list[tuple[str, float]], records: Records) -> str:
    """How well the shield's score tells patched photos from clean ones."""
    clean = record_key(victim, part, SHIELD, "clean", 0)
    if clean not in records:
        return ""
    calm = np.array(records[clean]["scores"])
    lines = []
    for attack in dict.fromkeys(attack for attack, _ in wanted):
        cells = []
        for area in sorted({area for _, area in wanted}):
            name = record_key(victim, part, SHIELD, attack, area)
            if name not in records:
                cells.append("–")
                continue
            loud = np.array(records[name]["scores"])
            above = stats.mannwhitneyu(loud, calm).statistic / (len(loud) * len(calm))
            found = (loud > np.quantile(calm, 0.95)).mean()
            cells.append(f"{above:.3f} / {100 * found:.0f}")
        if set(cells) != {"–"}:
            lines.append([attack, *cells])
    areas = sorted({area for _, area in wanted})
    header = ["ROC area / % found at 5 % false alarms", *(f"{100 * a:g} %" for a in areas)]
    return markdown(header, lines) if lines else ""


def main(argv: list[str] | None = None) -> int:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["choose", "report"], default="report")
    parser.add_argument("--victims", nargs="+", default=["mobilenet", "embedded", "cifar10"])
    parser.add_argument("--attacks", nargs="+", default=[*STATIC, *ON_SHIELD, ON_CLEANSER])
    parser.add_argument("--areas", nargs="+", type=float, default=sorted(_patches.AREAS))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--table-only", action="store_true", help="print what is on file")
    chosen = parser.parse_args(argv)
    torch.set_num_threads(1)
    text, found = [], []
    for victim in (v for v in victims() if v.name in chosen.victims):
        if missing := victim.missing():
            print(f"skipped {victim.name}: {Path(missing[0])} is not there", file=sys.stderr)
            continue
        records = Records(OUT / f"{victim.name}-{chosen.part}.jsonl")
        wanted = [
            (attack, area)
            for attack in chosen.attacks
            for area in chosen.areas
            if attack in STATIC or area in AREAS_OF.get(attack, MIDDLE)
        ]
        if not chosen.table_only:
            measure(victim, chosen.part, wanted, list(chosen.rows), records)
        text.append(table(victim, chosen.part, wanted, records))
        found.append((victim, records))
    if text:
        text.insert(0, "## All\n\n" + summary(found, chosen.part))
        publish("\n\n".join(text), OUT / f"{chosen.part}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
