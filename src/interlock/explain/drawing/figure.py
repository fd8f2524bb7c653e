"""One figure that shows an explanation at a glance."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from interlock._pictures import png_bytes
from interlock.explain.drawing.graph import draw_graph
from interlock.explain.drawing.layers import Drawable, Layers, Picture, colour
from interlock.explain.drawing.relations import (
    is_measured,
    percent,
    scattered_sentence,
    sentences,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRETCHED = 8.0  # panels are never longer than this many times their short side
_DPI = 100
_LETTERS = 11.5  # of a sentence in an inch


def draw(explanation: Drawable, title: str | None = None) -> Figure:
    """The photo with the regions of its sets, who needs whom, and the map; a sentence for each set.

    Args:
        explanation: what to draw.
        title: replaces "class 7" in the headline; taken literally, never as markup.

    Returns:
        A figure of its own, registered nowhere: ``figure.savefig(path)``.
    """
    from matplotlib.figure import Figure

    layers = Layers(explanation)
    photo = layers.photo
    height, width = photo.shape[:2]
    ratio = min(max(width / height, 1 / STRETCHED), STRETCHED)
    rows, columns = (1, 3) if ratio < 2 else (3, 1)
    # Panels of equal area look equally large, whatever their shape.
    panel_width = max(4.2 * ratio**0.5, 1.9) if columns > 1 else 7.5 if ratio < 5 else 11.0
    panel_height = panel_width / ratio
    figure_width = max(columns * (panel_width + 0.12) + 0.12, 7.5)
    lines = _lines(explanation, int((figure_width - 0.6) * _LETTERS))
    head, foot = 0.62, 0.3 + 0.21 * sum(1 + text.count("\n") for _, text in lines)
    size = (figure_width, head + rows * (panel_height + 0.36) + foot)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    figure.subplots_adjust(
        left=0.12 / size[0],
        right=1 - 0.12 / size[0],
        top=1 - (head + 0.3) / size[1],
        bottom=foot / size[1],
        wspace=0.12 / panel_width,
        hspace=0.36 / panel_height,
    )
    _headline(figure, explanation, title, size[1])
    stretched = not 1 / STRETCHED <= width / height <= STRETCHED
    aspect = "auto" if stretched else "equal"
    names = _panel_names(stretched, short=panel_width < 2.9)
    _panel(axes[0], names[0], aspect, layers.dimmed if layers.dusty else photo)
    _sets(axes[0], explanation, layers, aspect)
    axes[1].set_title(names[1], fontsize=11, loc="left", pad=4)
    draw_graph(axes[1], explanation)
    _panel(axes[2], names[2], aspect, layers.dimmed)
    axes[2].imshow(layers.saliency, aspect=aspect, interpolation="antialiased")
    _sentences(figure, lines)
    return figure


def _panel_names(stretched: bool, short: bool) -> list[str]:
    if short:
        return ["Stretched" if stretched else "Sets", "Who needs whom", "Map"]
    return [
        "Regions that act together" + " (stretched)" * stretched,
        "Who needs whom (logits)",
        "Map (brighter counts more)",
    ]


def _headline(figure: Figure, explanation: Drawable, title: str | None, height: float) -> None:
    name = (explanation.label or f"class {explanation.target}") if title is None else title
    certainty = f"probability {percent(explanation.probability)}, logit {explanation.logit:.2f}"
    certainty += "" if explanation.is_answer else "; not the model's own answer"
    left = 0.12 / figure.get_figwidth()
    room = int(figure.get_figwidth() * 8)  # letters of this size in one line
    name = name if len(name) <= room else name[: room - 1] + "…"
    # parse_math: a file may be called "$x$.png".
    figure.text(
        left, 1 - 0.14 / height, name, fontsize=15, fontweight="bold", va="top", parse_math=False
    )
    figure.text(left, 1 - 0.44 / height, certainty, fontsize=11, color="#444444", va="top")


def _panel(axes: Axes, title: str, aspect: Any, picture: Picture) -> None:
    axes.imshow(picture, aspect=aspect, interpolation="antialiased")
    axes.set_title(title, fontsize=11, loc="left", pad=4)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _sets(axes: Axes, explanation: Drawable, layers: Layers, aspect: Any) -> None:
    from matplotlib.patheffects import withStroke

    for k in range(len(explanation)):
        axes.imshow(layers.part(k), aspect=aspect, interpolation="antialiased")
    for k, (x, y) in enumerate(layers.anchors()):
        axes.text(
            min(max(x, 0.04), 0.96),
            1 - min(max(y, 0.04), 0.96),
            str(k + 1),
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=14,
            fontweight="bold",
            color="white",
            path_effects=[withStroke(linewidth=3.5, foreground="black")],
        )
    if len(explanation) == 0:
        axes.text(
            0.5,
            0.5,
            "no sets",
            transform=axes.transAxes,
            ha="center",
            va="center",
            color="white",
            fontsize=14,
        )


def _lines(explanation: Drawable, letters: int) -> list[tuple[int | None, str]]:
    """(rank, text) below the panels; the rank is None where the text is of no set."""
    if len(explanation) == 0:
        return [(None, "No feature speaks for this class, so there is no set to show.")]
    label = explanation.label or f"class {explanation.target}"
    said = list(enumerate(sentences(explanation, label)))
    joint = " · " if is_measured(explanation) else "   "
    rest = scattered_sentence(explanation)
    lines: list[tuple[int | None, str]] = [(k, f"{k + 1}{joint}{text}") for k, text in said]
    lines += [(None, rest)] if rest else []
    return [(k, "\n".join(wrap(text, letters, subsequent_indent="     "))) for k, text in lines]


def _sentences(figure: Figure, lines: Sequence[tuple[int | None, str]]) -> None:
    from matplotlib.patches import Rectangle

    width, height = figure.get_size_inches()
    y = 0.12 + 0.21 * sum(1 + text.count("\n") for _, text in lines)
    for k, text in lines:
        if k is not None:
            swatch = Rectangle(
                (0.14 / width, (y - 0.145) / height), 0.15 / width, 0.13 / height,
                facecolor=colour(k), edgecolor="#444444", linewidth=0.6,
                transform=figure.transFigure,
            )  # fmt: skip
            figure.add_artist(swatch)
        figure.text(
            0.38 / width, y / height, text, fontsize=10.5, va="top", linespacing=1.25,
            parse_math=False,
        )  # fmt: skip
        y -= 0.21 * (1 + text.count("\n"))


def inline_png(figure: Figure) -> str:
    """The figure as a ``data:`` URI, for a page that loads nothing."""
    return "data:image/png;base64," + b64encode(png_bytes(figure)).decode("ascii")
