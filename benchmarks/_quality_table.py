"""The table of ``explain_quality``, and what a reader must know about its settings."""

from __future__ import annotations

import statistics
from pathlib import Path

import _tables
from _records import Record
from interlock.explain.peers import PEERS

HEADER = (
    "method",
    "pixels ≠ 0",
    "Gini",
    "ROAD",
    "grey",
    "Gini, cut",
    "ROAD, cut",
    "grey, cut",
    "H-Sets − ROAD",
    "H-Sets − ROAD, cut",
    "s / image",
)

_IG, _SMOOTH, _SHAP = (PEERS[name].options for name in ("ig", "smoothgrad", "kernel-shap"))

NOTES = f"""\
Mean ± half-width of the 95 % interval over photos. ROAD and grey are AOPC: the mean drop of the
class probability as the top 1, 2, 3, 5, 7, 10, 15, 20 % of the pixels are removed, most relevant
first; ROAD fills them from their neighbours, "grey" with mid-grey, which owes nothing to local
smoothing. "Cut": only the k strongest pixels of a map stay, k being the non-zero pixels of H-Sets'
default on the same photo. "H-Sets − ROAD": paired difference of H-Sets' default and the method; an
interval above zero means that H-Sets is better. Seconds: median, one thread, other processes
beside it.

Settings. H-Sets, paper: mu = 0.5 lets a row bring in only a few features, so a set would need
hundreds of rows to reach its 2000; the cap on rows is what keeps it affordable.
IG: Captum, {_IG["steps"]} steps, zero baseline (mid-grey) or H-Sets' own blurred one, which
controls for what the baseline alone brings. SmoothGrad: {_SMOOTH["samples"]} samples, noise of
{_SMOOTH["noise"]:.0%} of the photo's range. Grad-CAM: the last convolution's activations.
Occlusion: a mid-grey window of a seventh of the side, by half its width. Guided Backprop: ReLU6
guided too, which Captum's does not do. KernelSHAP: {_SHAP["samples"]} samples over H-Sets' SLIC
superpixels, mid-grey. "Positive": channels are
summed with their sign and negative sums become zero."""


def row(method: str, found: list[Record], reference: list[Record]) -> list[str]:
    """One line of the table."""
    shown = _tables.plus_minus
    nonzero = statistics.mean(r["nonzero"] for r in found)
    cells = [method, f"{nonzero:.1%}", *(shown([r[m] for r in found]) for m in _MEASURES)]
    cut = "cut_road" in found[0]
    cells += [shown([r[f"cut_{m}"] for r in found]) if cut else "" for m in _MEASURES]
    for column in ("road", "cut_road"):
        pairs = zip(reference, found, strict=True)
        comparable = found is not reference and column in found[0]
        cells.append(shown([a["road"] - b[column] for a, b in pairs]) if comparable else "")
    return [*cells, f"{statistics.median(r['seconds'] for r in found):.2f}"]


_MEASURES = ("gini", "road", "grey")


def publish(rows: dict[str, list[Record]], reference: str, half: str, path: Path) -> None:
    """Print the table and write it to ``path``."""
    count = len(rows[reference])
    title = f"{count} photos of the {half} half, mobilenet_v1_0.75_224, all classified correctly."
    lines = [row(method, found, rows[reference]) for method, found in rows.items()]
    _tables.publish("\n\n".join((title, _tables.markdown(HEADER, lines), NOTES)), path)
