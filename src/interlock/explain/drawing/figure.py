"""One figure that shows an explanation at a glance."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from interlock._pictures import png_bytes
from interlock.explain.drawing.layers import Drawable, Layers, Picture, colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRETCHED = 8.0  # panels are never longer than this many times their short side
_DPI = 100


def draw(explanation: Drawable, title: str | None = None) -> Figure:
    """The photo, the prior, the sets and the saliency side by side.

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
    rows, columns = (1, 4) if ratio < 1.3 else (2, 2) if ratio < 5 else (4, 1)
    # Panels of equal area look equally large, whatever their shape.
    panel_width = max(3.7 * ratio**0.5, 1.7) if rows < 4 else 11.0
    panel_height = panel_width / ratio
    legend_rows = max(1, -(-len(explanation) // _legend_columns(columns, panel_width)))
    head, foot = 0.62, 0.3 + 0.25 * legend_rows
    size = (
        max(columns * (panel_width + 0.12) + 0.12, 7.5),
        head + rows * (panel_height + 0.36) + foot,
    )
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
    names = _panel_names(explanation, stretched, short=panel_width < 2.6)
    _panel(axes[0], names[0], aspect, photo)
    _panel(axes[1], names[1], aspect, photo)
    axes[1].imshow(layers.borders, aspect=aspect, alpha=0.85, interpolation="antialiased")
    _panel(axes[2], names[2], aspect, layers.dimmed)
    _sets(axes[2], explanation, layers, aspect)
    _panel(axes[3], names[3], aspect, layers.dimmed)
    axes[3].imshow(layers.saliency, aspect=aspect, interpolation="antialiased")
    _legend(figure, explanation, _legend_columns(columns, panel_width))
    return figure


def _panel_names(explanation: Drawable, stretched: bool, short: bool) -> list[str]:
    if short:
        return ["Stretched" if stretched else "Photo", "Prior", "Sets", "Saliency"]
    regions = int(explanation.segments.max()) + 1
    return [
        "What the model saw" + " (stretched)" * stretched,
        f"Prior: {regions} segment{'s' * (regions != 1)}",
        "Sets that act together",
        "Saliency (brighter counts more)",
    ]


def _legend_columns(columns: int, panel_width: float) -> int:
    return max(1, int(max(columns * panel_width, 7.3) / 1.9))


def _headline(figure: Figure, explanation: Drawable, title: str | None, height: float) -> None:
    name = f"class {explanation.target}" if title is None else title
    certainty = f"probability {percent(explanation.probability)}, logit {explanation.logit:.2f}"
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
        axes.imshow(layers.set(k), aspect=aspect, interpolation="antialiased")
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


def _legend(figure: Figure, explanation: Drawable, columns: int) -> None:
    from matplotlib.patches import Patch

    left = 0.12 / figure.get_figwidth()
    if len(explanation) == 0:
        sentence = "No feature speaks for this class, so there is no set to show."
        figure.text(left, 0.08 / figure.get_figheight(), sentence, fontsize=11)
        return
    handles = [
        Patch(
            facecolor=colour(k), edgecolor="#444444", linewidth=0.6, label=_caption(explanation, k)
        )
        for k in range(len(explanation))
    ]
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(left, 0.0),
        ncols=min(columns, len(handles)),
        frameon=False,
        fontsize=10.5,
        handlelength=1.1,
        handleheight=1.1,
        handletextpad=0.5,
        columnspacing=1.4,
        borderpad=0.3,
        borderaxespad=0.0,
    )


def _caption(explanation: Drawable, k: int) -> str:
    return f"{k + 1}   score {explanation.scores[k]:.3g}"


def percent(share: float) -> str:
    """A share in [0, 1] as a person reads it: 0.5 %, 42 %, 99.9 %."""
    value = 100 * share
    digits = 1 if abs(value) < 10 or 99 < value < 99.95 else 0
    return f"{value:.{digits}f} %"


def inline_png(figure: Figure) -> str:
    """The figure as a ``data:`` URI, for a page that loads nothing."""
    return "data:image/png;base64," + b64encode(png_bytes(figure)).decode("ascii")
