"""Do the sets find interactions that are known? Parts that only together decide the class.

    python benchmarks/explain_synthetic.py                # --images 100, --rules xor and

A small network learns scenes in which a pair of glyphs decides and nothing else does (see
``_parts``). Then, on a photo it never saw, every method marks pixels, the peers as many as H-Sets:

- precision: share of the marked pixels that lie on the two true parts;
- recall: share of the true parts' pixels that are marked; F1 from both, image by image;
- joint recovery: share of images in which each of the two parts has at least 20 % of its pixels
  marked, by all sets together or by the first set alone;
- distractors: share of the marked pixels that lie on glyphs without meaning;
- partner AUROC: one Hessian row, of the pixel with the strongest evidence in one part: does it
  rank the partner's pixels above those of the distractors? This tests interaction, not relevance.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

import _small_net
import _tables
from _parts import GLYPH, Scenes, draw
from interlock import HSets
from interlock.explain._baseline import baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain._ranking import ranking
from interlock.explain.peers import make_peer
from interlock.explain.priors import segment, slic

OUT = Path(__file__).resolve().parents[1] / "build" / "explain_synthetic"
TOUCHED = 0.2
TAUS = (1e-3, 1e-2, 1e-1, 1.0)
MAX_ROWS = 12

# How H-Sets may mark: as it comes, or with as many and as large sets as there are parts.
BUDGETS: dict[str, dict[str, Any]] = {
    "default": {},
    "fitted": {"sets": 2, "size": 3 * GLYPH * GLYPH},
}
# The published growth marks as much as it finds; no peer is matched to it.
PUBLISHED: dict[str, dict[str, Any]] = {
    f"H-Sets, paper, at most {MAX_ROWS} rows a set": {"paper": True},
    f"H-Sets, fitted, growth by rows, at most {MAX_ROWS}": BUDGETS["fitted"] | {"growth": "rows"},
}

Found = dict[str, list[dict[str, float]]]


def h_sets(model: nn.Module, x: Tensor, target: int, **options: Any) -> Tensor:
    """The pixels of each set, (S, H, W) bool, the set with the highest score first."""
    make = HSets.paper if options.pop("paper", False) else HSets
    return make(model, **options).explain(x, target).masks.any(dim=1)


def strongest(saliency: Tensor, pixels: int) -> Tensor:
    """The ``pixels`` largest entries as one set, (1, H, W)."""
    kept = torch.zeros(saliency.shape, dtype=torch.bool)
    kept.view(-1)[torch.from_numpy(ranking(saliency[None], saliency, 0)[:pixels])] = True
    return kept[None]


def peers(model: nn.Module, x: Tensor, target: int) -> dict[str, Tensor]:
    """Maps (H, W), larger is more relevant."""

    def ig(**options: Any) -> Tensor:
        return make_peer("ig", model, **options).saliency(x, target)

    zero = ig()
    image = ((x - x.min()) / (x.max() - x.min())).permute(1, 2, 0).double().numpy()
    regions = torch.from_numpy(segment(slic, image)).flatten()
    mean = torch.zeros(int(regions.max()) + 1).index_add_(0, regions, zero.flatten())
    mean /= regions.bincount()
    return {
        "IG, zero baseline": zero,
        "IG, zero baseline, absolute": ig(evidence="absolute"),
        "IG, blurred baseline": ig(baseline="blur"),
        "IG, blurred baseline, absolute": ig(baseline="blur", evidence="absolute"),
        "Superpixels by IG, zero baseline": mean[regions].view(x.shape[1:]),
        "Random": torch.rand(x.shape[1:]),
    }


def found_of(masks: Tensor, parts: Tensor, distractors: Tensor) -> dict[str, float]:
    """Scores of sets (S, H, W) against the two true parts (2, H, W)."""
    union, truth = masks.any(dim=0), parts.any(dim=0)
    hit = float((union & truth).sum())
    precision = hit / max(1, int(union.sum()))
    recall = hit / int(truth.sum())
    return {
        "pixels": float(union.sum()),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(precision + recall, 1e-12),
        "distractors": float((union & distractors).sum()) / max(1, int(union.sum())),
        "joint": float(touches_both(union, parts)),
        "joint_first": float(len(masks) > 0 and touches_both(masks[0], parts)),
    }


def touches_both(mask: Tensor, parts: Tensor) -> bool:
    """Whether each part has at least ``TOUCHED`` of its pixels in the (H, W) mask."""
    covered = (mask & parts).flatten(1).sum(dim=1) / parts.flatten(1).sum(dim=1)
    return bool((covered >= TOUCHED).all())


def auroc(inside: Tensor, outside: Tensor) -> float:
    """The chance that a value of ``inside`` exceeds one of ``outside``; ties count half."""
    difference = inside.flatten()[:, None] - outside.flatten()[None]
    return float(((difference > 0).double() + (difference == 0).double() / 2).mean())


def partner_auroc(
    model: nn.Module, x: Tensor, target: int, parts: Tensor, distractors: Tensor, tau: float
) -> float:
    """Mean over both parts of the AUROC of |Hessian row|, partner against distractors."""
    differentiable = Differentiable(model, 10)
    path = differentiable.along_path(x, baseline_for(x, 0.0), target, 50)
    evidence = path.mean(dim=0) * x
    seeds = torch.zeros(2, *x.shape)
    for direction, part in zip(seeds, parts, strict=True):
        direction.view(-1)[(evidence.abs() * part).argmax()] = 1.0
    rows = differentiable.hessian(x, target, 2, tau)(seeds).abs().sum(dim=1)  # (2, H, W)
    partners = [(rows[0], parts[1]), (rows[1], parts[0])]
    return sum(auroc(row[partner], row[distractors]) for row, partner in partners) / 2


def trained(rule: str, seed: int, console: Console) -> nn.Module:
    """The network for a rule, from ``build/`` or trained now."""
    file = OUT / f"{rule}-{seed}-{_small_net.STEPS}-{_small_net.XOR_STEPS}.pt"
    if file.exists():
        model = _small_net.build(_small_net.CLASSES[rule])
        model.load_state_dict(torch.load(file, weights_only=True))
        return model.eval()
    with console.status(f"training for the rule {rule}") as status:
        model = _small_net.train(
            rule, seed, lambda loss: status.update(f"training for {rule}: loss {loss:.3f}")
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), file)
    return model


def measure(model: nn.Module, scenes: Scenes, shown: Any) -> Found:
    """Scores of every method on every scene, and the partner AUROC for every tau."""
    found: Found = defaultdict(list)
    for n in shown(range(len(scenes.images))):
        x, target, parts = scenes.images[n], int(scenes.labels[n]), scenes.parts[n]
        distractors = scenes.distractors[n]
        torch.manual_seed(n)
        maps = peers(model, x, target)
        for budget, options in BUDGETS.items():
            masks = h_sets(model, x, target, **options)
            marked = {f"H-Sets, {budget}": masks}
            zero = options | {"baseline": 0.0}
            marked[f"H-Sets, {budget}, zero baseline"] = h_sets(model, x, target, **zero)
            either = h_sets(model, x, target, **zero, evidence="absolute")
            marked[f"H-Sets, {budget}, zero baseline, absolute"] = either
            pixels = int(masks.any(dim=0).sum())
            marked |= {f"{peer} ({budget})": strongest(m, pixels) for peer, m in maps.items()}
            for name, mask in marked.items():
                found[name].append(found_of(mask, parts, distractors))
        for name, options in PUBLISHED.items():
            masks = h_sets(model, x, target, max_rows=MAX_ROWS, **options)
            found[name].append(found_of(masks, parts, distractors))
        for tau in TAUS:
            rank = partner_auroc(model, x, target, parts, distractors, tau)
            found[f"tau = {tau:g}"].append({"auroc": rank})
    return found


def report(rule: str, accuracy: float, found: Found) -> str:
    """Two tables for one rule."""
    columns = {"pixels": 0, "precision": 3, "recall": 3, "f1": 3, "distractors": 3}
    columns |= {"joint": 2, "joint_first": 2}
    header = ["method", "pixels", "precision", "recall", "F1", "on distractors"]
    header += ["joint", "joint, first set"]
    lines, ranks = [], []
    for name, scores in found.items():
        if "auroc" in scores[0]:
            ranks.append([name, _tables.plus_minus([s["auroc"] for s in scores])])
            continue
        cells = [_tables.plus_minus([s[c] for s in scores], d) for c, d in columns.items()]
        if not name.startswith("H-Sets"):
            cells[-1] = ""  # the peers mark one set, the union itself
        lines.append([name, *cells])
    count = len(next(iter(found.values())))
    title = (
        f"Rule {rule}: accuracy {accuracy:.1%} on the held-out photo; {count} images, mean ± "
        f"half-width of the 95 % interval. In brackets: whose number of pixels a peer marks."
    )
    tables = [
        _tables.markdown(header, lines),
        _tables.markdown(["Hessian", "partner AUROC"], ranks),
    ]
    return "\n\n".join([title, *tables])


def main(argv: list[str] | None = None) -> int:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--rules", nargs="+", choices=["xor", "and"], default=["xor", "and"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(argv)
    torch.set_num_threads(chosen.threads)
    console = Console(stderr=True)

    def shown(items: Any) -> Any:
        return track(items, "images", console=console, disable=not console.is_terminal)

    parts = []
    for rule in chosen.rules:
        model = trained(rule, chosen.seed, console)
        held_out = draw(500, rule, held_out=True, seed=chosen.seed)
        accuracy = _small_net.accuracy(model, held_out.images, held_out.labels)
        scenes = draw(chosen.images, rule, held_out=True, seed=chosen.seed + 1)
        parts.append(report(rule, accuracy, measure(model, scenes, shown)))
    _tables.publish("\n\n".join(parts), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
