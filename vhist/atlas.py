"""Imagenette's validation pictures by number: their names, and the pictures if at hand.

A record holds one answer for each of these 3,925 pictures, in the order of the list
that comes with the package. The pictures themselves do not come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhist._text import brief
from vhist.catalogue import WNIDS, locate
from vhist.decoding import decode
from vhist.plots import LABELS, NEUTRALS, WIDTH, color_or_grey
from vhist.runs import RECORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from vhist.runs import Run

__all__ = ["class_of", "gallery", "picture", "val_files"]

_PICTURES = "Pictures: Imagenette, a subset of ImageNet; they belong to their owners."
_TILES = "File names from Imagenette; set VHIST_DATA to a copy of it to see pictures."

_GAP, _LINE, _SQUARE = 0.08, 0.15, 0.09  # inches: around, of text, of colour


@cache
def val_files() -> tuple[str, ...]:
    """Return the files of Imagenette's validation split, in the order of the records.

    Returns
    -------
    tuple of str
        Paths relative to the data set, such as
        ``val/n01440764/ILSVRC2012_val_00009111.JPEG``.
    """
    path = RECORDS / "imagenette-val.txt"
    return tuple(path.read_text(encoding="utf-8").split())


def class_of(file: str) -> str:
    """Return the name of a picture's class, by its folder.

    Raises
    ------
    ValueError
        If the file is in no folder of Imagenette.
    """
    folder = Path(file).parent.name
    if folder not in WNIDS:
        raise ValueError(
            f"{brief(file)} is no file of Imagenette, such as {val_files()[0]}"
        )
    return WNIDS[folder]


def picture(index: int, size: int = 128) -> Tensor | None:
    """Decode a validation picture, if the data set is on this machine.

    Parameters
    ----------
    index : int
        Its place in :func:`val_files` and in the answers of a record.
    size : int
        Height and width, in pixels: the shorter side is scaled, the middle is kept.

    Returns
    -------
    Tensor of shape (3, size, size), uint8, or None
        None where :func:`vhist.load_dataset` would find no Imagenette.

    Raises
    ------
    IndexError
        If no picture has that number, whether the data set is here or not.
    """
    _check_number(index, IndexError)
    for archive in ("full", "320px", "160px"):
        folder = locate("imagenette", size=archive)
        if folder and (path := folder / val_files()[index]).is_file():
            return decode(path, size)
    return None


def gallery(
    indices: Sequence[int | None],
    runs: Sequence[Run] = (),
    *,
    columns: int = 6,
) -> Figure:
    """Draw validation pictures in a grid, each with who answered what underneath.

    Where a picture is not at hand, a tile has its class and the name of its file.

    Parameters
    ----------
    indices : sequence of int or None
        Places of the pictures in :func:`val_files`; None leaves a gap.
    runs : sequence of Run
        Whose answers to write, each after a square in the architecture's colour;
        right ones are bold.
    columns : int

    Raises
    ------
    ValueError
        If there is nothing to draw, no column, or a record is of other pictures.
    """
    import matplotlib.pyplot as plt

    _check(indices, runs)
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    last = max(k for k, index in enumerate(indices) if index is not None)
    indices = indices[: last + 1]
    titles = ["" if i is None else class_of(val_files()[i]) for i in indices]
    answers = [_answers(i, runs) for i in indices]
    starts = range(0, len(indices), columns)
    heads = [
        max([t.count("\n") + 1 for t in titles[k:][:columns]] or [0]) for k in starts
    ]
    feet = [max(map(len, answers[k : k + columns])) for k in starts]
    cell = WIDTH / columns
    top, bottom = _LINE * (2.5 if runs else 0.5), 1.5 * _LINE
    height = top + _LINE * (sum(heads) + sum(feet)) + cell * len(starts) + bottom

    fig = plt.figure(figsize=(WIDTH, height))
    fig.set_layout_engine("none")  # not layout=: that is forgotten when it is saved
    ax = fig.add_axes((0, 0, 1, 1))  # one for all, in inches from the upper left
    found = []
    for k, run in enumerate(runs):
        _line(ax, 0.9 * k, _LINE, [run], LABELS.get(run.family, run.model), fontsize=8)
    for start, head, foot in zip(starts, heads, feet, strict=True):
        top += _LINE * head
        for k, index in enumerate(indices[start : start + columns], start):
            left = (k - start) * cell
            if index is None:
                continue
            ax.text(left, top - 0.03, titles[k], fontsize=8, va="bottom")
            found.append(_draw(ax, left, top, cell - _GAP, index))
            for line, (answer, who) in enumerate(answers[k].items()):
                right = answer == class_of(val_files()[index])
                y = top + cell - _GAP + _LINE * (line + 0.7)
                bold = "bold" if right else "normal"
                _line(ax, left, y, who, answer, fontsize=8, fontweight=bold)
        top += cell + _LINE * foot
    note = _PICTURES if any(found) else _TILES
    ax.text(0, height - 0.7 * _LINE, note, fontsize=8, va="center")
    ax.set(xlim=(0, WIDTH), ylim=(height, 0), aspect="auto")  # imshow changed them
    ax.set_axis_off()
    return fig


def _check(indices: Sequence[int | None], runs: Sequence[Run]) -> None:
    some = [i for i in indices if i is not None]
    if not some:
        raise ValueError("there are no pictures to draw: indices is empty")
    for i in some:
        _check_number(i, ValueError)
    total = len(val_files())
    for run in runs:
        if len(run.predictions) != total:
            raise ValueError(
                f"the record {run.name} is of {len(run.predictions)} pictures, "
                f"Imagenette has {total}"
            )


def _check_number(index: int, error: type[Exception]) -> None:
    last = len(val_files()) - 1
    if not 0 <= index <= last:
        raise error(f"pictures are numbered from 0 to {last}, got {index}")


def _answers(index: int | None, runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return each answer to a picture, with those who gave it."""
    answers: dict[str, list[Run]] = {}
    if index is None:
        return answers
    for run in runs:
        answer = run.data["classes"][run.predictions[index]]
        answers.setdefault(answer, []).append(run)
    return answers


def _line(
    ax: Axes, x: float, y: float, who: Sequence[Run], text: str, **style: Any
) -> None:
    """Draw a square for each run and, behind them, a text."""
    from matplotlib.patches import Rectangle

    for run in who:
        corner, color = (x, y - _SQUARE / 2), color_or_grey(run.model)
        ax.add_patch(Rectangle(corner, _SQUARE, _SQUARE, color=color, linewidth=0))
        x += _SQUARE + 0.02
    ax.text(x + 0.02, y, text, va="center_baseline", **style)


def _draw(ax: Axes, left: float, top: float, side: float, index: int) -> bool:
    """Draw a picture or a tile in its place, and return whether it was a picture."""
    from matplotlib.patches import Rectangle

    pixels = picture(index)
    if pixels is not None:
        box = (left, left + side, top + side, top)
        ax.imshow(pixels.permute(1, 2, 0).numpy(), extent=box)  # chw -> hwc
        return True
    file = val_files()[index]
    tile = Rectangle(
        (left, top), side, side, color=NEUTRALS[-1], alpha=0.2, linewidth=0
    )
    ax.add_patch(tile)
    folder, _, number = Path(file).stem.rpartition("_")
    name = "\n".join([*class_of(file).split(), "", folder, f"_{number}"])
    small = min(8, 8 * side)  # points: the longest of its lines fits
    middle = (left + side / 2, top + side / 2)
    ax.text(*middle, name, fontsize=small, ha="center", va="center")
    return False
