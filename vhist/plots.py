"""Figures: one style, one colour per architecture, readable on light and dark pages.

Functions that draw take an Axes where one is enough and return what they drew on.
Matplotlib is imported when a figure is drawn, not with vhist.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vhist._text import brief

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vhist.runs import Run
    from vhist.summary import Row, Summary

__all__ = [
    "COLORS",
    "INK",
    "LABELS",
    "MORE_COLORS",
    "NEUTRALS",
    "activation_functions",
    "architecture",
    "attention",
    "blocks",
    "caption",
    "color_of",
    "confusion",
    "curves",
    "images",
    "use_style",
]

#: One colour per architecture, from the palette of Okabe and Ito (colour-blind safe).
COLORS = {
    "alexnet": "#E69F00",
    "vgg": "#009E73",
    "resnet": "#0072B2",
    "vit": "#CC79A7",
}

#: Of the networks of the interludes.
MORE_COLORS = {"stn": "#56B4E9", "linformer": "#D55E00"}

#: How the architectures are written.
LABELS = {"alexnet": "AlexNet", "vgg": "VGG", "resnet": "ResNet", "vit": "ViT"}

#: Colour of text and lines on a light and on a dark page.
INK = {"light": "#24292f", "dark": "#d9dee5"}

#: Of what is no architecture, besides ink: violet, olive and grey, each with a contrast
#: of at least 3 to either page. :func:`use_style` makes violet, olive, ink and grey the
#: colours "C0" to "C3".
NEUTRALS = ("#8a63d2", "#857f16", "#8c959f")

#: Of a figure, in inches: as wide as the text of the site.
WIDTH = 7.2


def use_style(theme: str = "light") -> None:
    """Set matplotlib's defaults to the style of the book.

    Parameters
    ----------
    theme : {"light", "dark"}
        Whose ink to write with; backgrounds are transparent.

    Raises
    ------
    ValueError
        If there is no such theme.
    """
    import matplotlib.pyplot as plt

    if theme not in INK:
        raise ValueError(f"theme must be light or dark, got {theme!r}")
    ink = INK[theme]
    violet, olive, grey = NEUTRALS
    roles = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor")
    plt.rcParams.update(dict.fromkeys((*roles, "xtick.color", "ytick.color"), ink))
    plt.rcParams.update({f"{part}.facecolor": "none" for part in ("figure", "axes")})
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=[violet, olive, ink, grey]),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.figsize": (WIDTH, 3.2),
            "font.size": 10,
            "grid.color": grey,
            "image.cmap": "viridis",
            "legend.frameon": False,
            "savefig.facecolor": "none",
        }
    )


def caption(fig: Figure, text: str, alt: str) -> Figure:
    """Give a figure its caption and, for those who cannot see it, a description.

    Parameters
    ----------
    fig : Figure
    text : str
        What to see in the figure; shown below it on the site.
    alt : str
        What the figure shows, for screen readers.
    """
    fig.vhist_caption, fig.vhist_alt = text, alt  # type: ignore[attr-defined]
    return fig


def color_of(model: str) -> str:
    """Return the colour of a model's architecture, by the builder's or class's name.

    Raises
    ------
    ValueError
        If the name begins with none of the architectures.
    """
    name = model.lower().replace("visiontransformer", "vit")
    colors = COLORS | MORE_COLORS
    for family, color in colors.items():
        if name.startswith(family):
            return color
    raise ValueError(f"{model!r} is of none of the families {', '.join(colors)}")


def color_or_grey(model: str) -> str:
    """Return the colour of an architecture as :func:`color_of`, grey for all else."""
    try:
        return color_of(model)
    except ValueError:
        return NEUTRALS[-1]


def images(
    pictures: Tensor,
    titles: Sequence[str] = (),
    *,
    columns: int = 5,
) -> Figure:
    """Draw pictures in a grid.

    Parameters
    ----------
    pictures : Tensor of shape (n, 3, h, w)
        uint8, or float in [0, 255] (clipped to it, if little is beyond).
    titles : sequence of str
        One per picture, or none.
    columns : int

    Raises
    ------
    ValueError
        If there is no picture, no column, or the numbers are in another range.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(
            f"pictures must have shape (n, 3, h, w), got {tuple(pictures.shape)}; a "
            "single one is picture[None]"
        )
    x = shown(pictures)
    fig, axes = _grid(len(x), columns, title=bool(titles))
    for ax, picture in zip(axes, x, strict=False):
        ax.imshow(picture.permute(1, 2, 0))  # chw -> hwc
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=9)
    return fig


def attention(picture: Tensor, maps: Tensor, *, columns: int = 6) -> Figure:
    """Draw a picture and, over copies of it, where the class token looks.

    Parameters
    ----------
    picture : Tensor of shape (3, h, w)
        uint8, or float in [0, 255].
    maps : Tensor of shape (m, tokens, tokens)
        Attention weights with the class token first, for example the heads of one
        block; one panel is drawn for each.

    Raises
    ------
    ValueError
        If there is no class token, not as many keys as patches, no column, or the
        picture's numbers are in another range.
    """
    side = math.isqrt(maps.shape[-1])
    if maps.ndim != 3 or maps.shape[-1] != side**2 + 1:
        raise ValueError(
            "maps must have shape (m, tokens, tokens), a class token and the square of "
            f"a number of patches; got {tuple(maps.shape)}"
        )
    base = shown(picture).permute(1, 2, 0)  # chw -> hwc
    fig, axes = _grid(len(maps) + 1, columns)
    axes[0].imshow(base)
    extent = (0, base.shape[1], base.shape[0], 0)
    for ax, weights in zip(axes[1:], maps.detach().float().cpu(), strict=False):
        ax.imshow(base.mean(dim=2), cmap="gray", extent=extent)
        looks = weights[0, 1:].view(side, side)
        ax.imshow(looks, alpha=0.65, extent=extent, interpolation="bilinear")
    return fig


def shown(pictures: Tensor) -> Tensor:
    """Return numbers in [0, 255] as matplotlib takes them, in [0, 1]."""
    x = pictures.detach().float().cpu()
    # A step of an attack may leave the range; what is normalised is far below it.
    if (
        pictures.is_floating_point()
        and x.numel()
        and (x.min() < -1 or 0 < x.max() <= 1)
    ):
        raise ValueError(
            f"pictures must be numbers in [0, 255], got {x.min():.2g} to {x.max():.2g}"
        )
    return x.clamp(0, 255) / 255


def _grid(
    count: int, columns: int, *, title: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure of square panels without axes."""
    import matplotlib.pyplot as plt

    if not count:
        raise ValueError("there is nothing to draw")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    columns = min(columns, count)
    rows = -(-count // columns)
    height = rows * (WIDTH / columns + (0.25 if title else 0.02))
    fig, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, height), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.set_axis_off()
    return fig, list(axes.flat)


def architecture(
    tables: dict[str, Summary], branches: dict[str, int] | None = None
) -> Figure:
    """Draw the layers of networks, one network below the other, one bar per layer.

    It shows convolutions and linear maps, in the order of execution and at one scale:
    the height of a bar is the side of its output (the root of the number of tokens),
    its shade the number of channels, both on logarithmic scales. A deeper network is
    longer.

    Parameters
    ----------
    tables : dict of str to Summary
        By the network's name; one that begins like an architecture's has its colour.
    branches : dict of str to int, optional
        For residual networks: how many parts of a layer's path name its branch. Each
        branch gets an arc, its shortcut.

    Raises
    ------
    ValueError
        If there is no table, or one has neither convolutions nor linear maps.
    """
    from matplotlib.colors import to_rgba

    if not tables:
        raise ValueError("there is nothing to draw: give at least one layer table")
    layers = {
        name: [row for row in table.rows if row.kind in ("Conv2d", "Linear")]
        for name, table in tables.items()
    }
    # A projection lies beside a branch, not in line.
    layers = {
        n: [r for r in x if "downsample" not in r.name] for n, x in layers.items()
    }
    for name, rows in layers.items():
        if not rows:
            raise ValueError(f"{name} has no convolution and no linear map to draw")
    fig, axes = _drawing(len(tables), 1.9)
    for ax, (name, rows) in zip(axes, layers.items(), strict=True):
        sides, channels = zip(*map(_sides_and_channels, rows), strict=True)
        tall = torch.tensor(sides).log2().add(0.6).tolist()
        strength = (torch.tensor(channels).log2() / 13).clamp(0.15, 1).tolist()
        color = color_or_grey(name)
        fill = [to_rgba(color, alpha) for alpha in strength]
        edge = {"edgecolor": color, "linewidth": 0.8}  # or faint ones are not seen
        ax.bar(range(len(rows)), tall, 0.8, [-y / 2 for y in tall], color=fill, **edge)
        shapes = list(zip(sides, channels, strict=True))
        for shape in dict.fromkeys(shapes):  # each is named where it comes up first
            side, width = shape
            text = f"{width}" if side <= 1 else f"{width} × {side:.0f}²"
            i = shapes.index(shape)
            y = -tall[i] / 2 - 0.3
            ax.text(i, y, text, rotation=90, va="top", ha="center", fontsize=8)
        parts = (branches or {}).get(name)
        for first, last in _branches(rows, parts) if parts else []:
            middle, half = (first + last) / 2, (last - first + 1) / 2
            curve = torch.linspace(0, torch.pi, 20)
            x, y = middle - half * curve.cos(), max(tall[first : last + 1]) / 2 + 0.3
            ax.plot(x.tolist(), (y + curve.sin()).tolist(), color=color, linewidth=1)
        ax.set_title(f"{name}: {len(rows)} layers", loc="left")
        ax.set_axis_off()
    longest = max(map(len, layers.values()))
    axes[0].set(xlim=(-1, longest), ylim=(-9.4, 5.6))
    return fig


def blocks(
    chains: dict[str, Sequence[str]],
    detours: dict[str, Sequence[tuple[int, int]]] | None = None,
) -> Figure:
    """Draw blocks, one below the other, each as a chain of boxes with detours.

    Parameters
    ----------
    chains : dict of str to sequence of str
        What stands in the boxes, in the order of execution, by the block's name;
        one that begins like an architecture's has its colour.
    detours : dict of str to sequence of (int, int), optional
        A pair leads around boxes: from before the first to the second of them, counted
        from 0.

    Raises
    ------
    ValueError
        If there is no chain.
    """
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    if not chains:
        raise ValueError("there is nothing to draw: give at least one chain")
    fig, axes = _drawing(len(chains), 1.35)
    gap, end, size = 0.18, 0.0, 8.5  # inches, so that a phone shows a block whole
    for ax, (name, texts) in zip(axes, chains.items(), strict=True):
        color, x, boxes = color_or_grey(name), gap, []
        arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "color": color}
        for text in texts:
            width = _width(text, size) + 0.16
            fill = to_rgba(color, 0.2)
            ax.add_patch(
                Rectangle((x, -0.5), width, 1, facecolor=fill, edgecolor=color)
            )
            ax.text(x + width / 2, 0, text, ha="center", va="center", fontsize=size)
            ax.annotate("", (x, 0), (x - gap, 0), arrowprops=arrow)
            boxes.append((x, width))
            x += width + gap
        ax.annotate("", (x, 0), (x - gap, 0), arrowprops=arrow)
        for first, last in (detours or {}).get(name, []):
            start, (left, width) = boxes[first][0] - 0.6 * gap, boxes[last]
            middle = left + width / 2
            ax.plot([start, start, middle], [0, 0.85, 0.85], color=color)
            ax.annotate("", (middle, 0.5), (middle, 0.85), arrowprops=arrow)
        ax.set_title(name, loc="left")
        ax.set_axis_off()
        end = max(end, x, _width(name, 10))
    axes[0].set(xlim=(-0.05, end + 0.05), ylim=(-0.6, 1))
    fig.set_size_inches(end + 0.2, fig.get_size_inches()[1])
    return fig


def _width(text: str, size: float) -> float:
    """Return how wide the longest line of a text is, in inches."""
    from matplotlib.textpath import TextPath

    lines = [TextPath((0, 0), line, size=size) for line in text.split("\n")]
    return max(0, *(line.get_extents().width for line in lines)) / 72


def _drawing(rows: int, height: float):
    """Return a figure for a drawing, and its axes: rows of one scale, in inches."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(
        rows,
        squeeze=False,
        figsize=(WIDTH, height * rows),
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    # The site writes a figure with this mark as SVG; matplotlib's have none for it.
    fig.vhist_drawing = True  # type: ignore[attr-defined]
    return fig, axes[:, 0]


def _sides_and_channels(row: Row) -> tuple[float, int]:
    """Read what a layer puts out: (c, h, w), (tokens, c) or (c,)."""
    if len(row.shape) == 3:
        return float(row.shape[1]), row.shape[0]
    tokens = row.shape[0] if len(row.shape) == 2 else 1
    return int(tokens**0.5), row.shape[-1]  # the class token has no place in the square


def _branches(rows: list[Row], parts: int) -> list[tuple[int, int]]:
    """Return the first and the last layer of each branch."""
    found: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        path = row.name.split(".")
        if len(path) > parts:
            found.setdefault(".".join(path[:parts]), []).append(i)
    return [(indices[0], indices[-1]) for indices in found.values()]


def activation_functions(
    functions: dict[str, nn.Module] | None = None, *, limit: float = 6.0
) -> Figure:
    """Draw activation functions and, beside them, their derivatives.

    Parameters
    ----------
    functions : dict of str to nn.Module, optional
        By default sigmoid, tanh and ReLU.
    limit : float
        The axis runs from ``-limit`` to ``limit``.
    """
    import matplotlib.pyplot as plt

    if functions is None:
        functions = {"sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "ReLU": nn.ReLU()}
    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9), layout="constrained")
    x = torch.linspace(-limit, limit, 1001, requires_grad=True)
    for name, function in functions.items():
        y = function(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        left.plot(x.detach(), y.detach(), label=name)
        right.plot(x.detach(), slope, label=name)
    left.set(title="function", xlabel="x", ylim=(-1.2, 3))
    right.set(title="derivative", xlabel="x")
    left.legend(loc="upper center")
    return fig


def curves(
    runs: Sequence[Run], key: str = "val_accuracy", *, ax: Axes | None = None
) -> Axes:
    """Draw one quantity of the runs' logs against the epoch.

    Parameters
    ----------
    runs : sequence of Run
    key : str
        ``val_accuracy`` (drawn in percent), ``val_loss``, ``train_loss`` or ``lr``.
    ax : Axes, optional
        A new figure's if not given.

    Raises
    ------
    ValueError
        If there is no run, or its log has no such quantity.
    """
    import matplotlib.pyplot as plt

    if not runs:
        raise ValueError("there is nothing to draw: give at least one run")
    for run in runs:
        if key not in run.log[0]:
            raise ValueError(
                f"the log of {run.name} has no {brief(key)}; it has "
                f"{', '.join(run.log[0])}"
            )
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, 3.0), layout="constrained")
    percent = key.endswith("accuracy")
    for run in runs:
        values = [(100 if percent else 1) * entry[key] for entry in run.log]
        epochs = [entry["epoch"] for entry in run.log]
        known = [line.get_label() for line in ax.get_lines()]
        label = "_" if run.model in known else run.model  # seeds share a label
        ax.plot(
            epochs, values, color=color_or_grey(run.model), label=label, linewidth=1.2
        )
    label = key.replace("val_", "validation ").replace("train_", "training ")
    ax.set(xlabel="epoch", ylabel=f"{label} (%)" if percent else label)
    ax.legend()
    return ax


def confusion(run: Run, *, ax: Axes | None = None) -> Axes:
    """Draw a run's confusion matrix: rows are right classes, columns answers.

    Of more than 25 classes it shows colours only; numbers stand for their names.

    Parameters
    ----------
    run : Run
    ax : Axes, optional
        A new figure's if not given.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.0, 5.0), layout="constrained")
    table = torch.tensor(run.confusion)
    share = 100 * table / table.sum(dim=1, keepdim=True).clamp(min=1)
    ax.imshow(share, vmin=0, vmax=100)
    names = run.data["classes"]
    few = len(names) <= 25  # more have no room for words and numbers
    if few:
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
        ax.set_yticks(range(len(names)), names)
    for i, row in enumerate(share.tolist() if few else []):
        for j, value in enumerate(row):
            if round(value) > 0:
                color = (
                    "black" if value > 44 else "white"
                )  # whichever has more contrast
                ax.text(j, i, round(value), ha="center", va="center", color=color)
    ax.set(xlabel="answer", ylabel="right class")
    ax.spines[:].set_visible(False)
    return ax
