"""To play with, in a notebook or on a page.

What a filter answers, where a grid reads, where attention goes, what a network is worth
without some of its parts: point at a place, or change a number, and see.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vhist.files import write_whole
from vhist.plots import NEUTRALS, shown

__all__ = [
    "AttentionExplorer",
    "Explorer",
    "FilterExplorer",
    "GridExplorer",
    "SwitchExplorer",
]

# The colours end at this many times an even look, and at one over it.
_MOST = 16

_LARGEST = 512  # pixels


class Explorer:
    """What the explorers share: they show themselves, or are saved as a page.

    A notebook and a page of sphinx-gallery show one that ends a cell. It is a box that
    a script fills; nothing is fetched.
    """

    _kind: str

    def _data(self) -> dict[str, Any]:
        """Return what the script needs, as JSON can hold it."""
        raise NotImplementedError  # this class alone is no box

    def _repr_html_(self) -> str:
        stored = json.dumps(self._data(), separators=(",", ":"))
        stored = stored.replace("<", "\\u003c")  # names may hold the end of a script
        style, *script = (
            Path(__file__).with_name(name).read_text("utf-8")
            for name in ("explorer.css", "common.js", f"{self._kind}.js")
        )
        return (
            f'<div class="vhist-explorer" data-kind="{self._kind}"><p>Something to '
            "play with: this needs JavaScript, and in Jupyter a notebook that is "
            f'trusted.</p><script type="application/json">{stored}</script></div>'
            f"<style>{style}</style><script>(() => {{\n{''.join(script)}}})();</script>"
        )

    def save(self, path: str | Path) -> Path:
        """Write a page that shows this, and needs no other file.

        Parameters
        ----------
        path : path
            Such as ``attention.html``.

        Returns
        -------
        Path
            The same.

        Raises
        ------
        OSError
            If it cannot be written; what was there still is.
        """
        path = Path(path)
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(repr(self))}</title><style>:root {{ color-scheme: light "
            "dark; font-family: system-ui, sans-serif }</style></head><body>"
            f"{self._repr_html_()}</body></html>\n"
        )
        write_whole(lambda file: file.write(page.encode()), path)
        return path


class FilterExplorer(Explorer):
    """A place to point at, and what a filter of a first layer makes of it.

    Beside the picture stand the window at that place, the filter, their products summed
    over the colours, and the map of the sums after a ReLU. The window is drawn as
    pixels; what is multiplied is normalised as by :func:`vhist.data.normalize`.

    Parameters
    ----------
    picture : Tensor of shape (3, h, w)
        uint8, or float in [0, 255].
    weight : Tensor of shape (n, 3, kernel height, kernel width)
        As a convolution has them: all of its filters, or some.
    bias : Tensor of shape (n,), optional
        Zero if not given.
    stride, padding : int or tuple of 2 int
        Of the convolution, in pixels, alike in both directions.

    Attributes
    ----------
    stride, padding : int

    Raises
    ------
    ValueError
        If the filters are not for colour pictures, larger than the padded picture or
        not finite, there is not one bias for each, stride or padding is too small or
        not alike, or the picture is larger than 512 pixels or its numbers are in
        another range.

    Examples
    --------
    >>> import torch
    >>> from vhist.explorer import FilterExplorer
    >>> from vhist.models import alexnet_small
    >>> first = alexnet_small().features.conv1
    >>> FilterExplorer(torch.zeros(3, 64, 64), first.weight, first.bias, stride=2)
    FilterExplorer(64 filters of 5 x 5)
    """

    _kind = "filter"

    def __init__(
        self,
        picture: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        if weight.ndim != 4 or weight.shape[1] != 3 or not weight.numel():
            raise ValueError(
                "weight must have shape (n, 3, height, width), one or more filters for "
                f"colours; got {tuple(weight.shape)}"
            )
        bias = torch.zeros(len(weight)) if bias is None else bias
        if bias.shape != weight.shape[:1]:
            raise ValueError(
                f"bias must have shape ({len(weight)},), got {tuple(bias.shape)}"
            )
        weight, bias = (t.detach().float().cpu() for t in (weight, bias))
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise ValueError("weight and bias must be finite numbers")
        stride = _alike("stride", stride, at_least=1)
        padding = _alike("padding", padding, at_least=0)
        self._pixels = _pixels(picture)
        height, width = (side + 2 * padding for side in self._pixels.shape[:2])
        tall, wide = weight.shape[2:]
        if tall > height or wide > width:
            raise ValueError(
                f"a filter of {tall} x {wide} is larger than the picture of {height} x "
                f"{width}, padding included"
            )
        self.stride, self.padding = stride, padding
        self._weight, self._bias = weight, bias

    def __repr__(self) -> str:
        n, _, tall, wide = self._weight.shape
        return f"FilterExplorer({n} filters of {tall} x {wide})"

    def _data(self) -> dict[str, Any]:
        from vhist.data import MEAN, STD

        height, width, _ = self._pixels.shape
        return {
            "height": height,
            "width": width,
            "pixels": _text(self._pixels.numpy().tobytes()),
            "mean": MEAN,
            "std": STD,
            "size": self._weight.shape[2:],
            "stride": self.stride,
            "padding": self.padding,
            "weights": _text(self._weight.numpy().astype("<f4").tobytes()),
            "biases": _text(self._bias.numpy().astype("<f4").tobytes()),
            "colours": _colours("viridis"),
            "signed": _colours("PuOr_r"),
        }


class AttentionExplorer(Explorer):
    """A picture to point at, and where each head of each block looks from there.

    The colours are those of how many times an even look a patch gets, 1 / tokens being
    even, from 1/16 to 16, beyond which all look alike. What goes to a class token is
    not drawn.

    Parameters
    ----------
    picture : Tensor of shape (3, h, w)
        uint8, or float in [0, 255].
    maps : Tensor of shape (blocks, heads, tokens, tokens), or dict of such
        Attention weights of this picture, as :func:`vhist.inspect.attention_maps` gives
        them for several: a row per query, the class token first if there is one. Of
        several, such as before and after training, a button chooses by name. Each
        weight costs a byte and a third: of a large network, choose some blocks.

    Attributes
    ----------
    blocks, heads : int
    rows, columns : int
        Of patches.
    class_token : bool

    Raises
    ------
    ValueError
        If the maps are none of this picture's patches, differ in shape or have rows
        that do not sum to one, or the picture is larger than 512 pixels or its numbers
        are in another range.

    Examples
    --------
    >>> import torch
    >>> from vhist.explorer import AttentionExplorer
    >>> from vhist.inspect import attention_maps
    >>> from vhist.models import vit_small_8
    >>> pictures = torch.zeros(1, 3, 64, 64)
    >>> maps = attention_maps(vit_small_8(), pictures)
    >>> AttentionExplorer(pictures[0], maps[0])
    AttentionExplorer(6 blocks, 3 heads, 8 x 8 patches and a class token)
    """

    _kind = "attention"

    def __init__(self, picture: Tensor, maps: Tensor | Mapping[str, Tensor]) -> None:
        named = dict(maps) if isinstance(maps, Mapping) else {"": maps}
        if not named:
            raise ValueError("there is nothing to show: give at least one tensor")
        shapes = {tuple(m.shape) for m in named.values()}
        if len(shapes) > 1:
            raise ValueError(f"maps must be alike in shape, got {sorted(shapes)}")
        (shape,) = shapes
        if len(shape) != 4 or not all(shape) or shape[2] != shape[3]:
            raise ValueError(
                f"maps must have shape (blocks, heads, tokens, tokens), got {shape}; "
                "attention_maps gives one such tensor per picture"
            )
        self._pixels = _pixels(picture)
        self.blocks, self.heads, tokens, _ = shape
        self.rows, self.columns = _grid(tokens, *self._pixels.shape[:2])
        patches = self.rows * self.columns
        self.class_token = tokens > patches
        self._maps = [{"name": str(n), **_looks(m, patches)} for n, m in named.items()]

    def __repr__(self) -> str:
        token = " and a class token" if self.class_token else ""
        return (
            f"AttentionExplorer({self.blocks} blocks, {self.heads} heads, "
            f"{self.rows} x {self.columns} patches{token})"
        )

    def _data(self) -> dict[str, Any]:
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(self._pixels.numpy()).save(file, "webp", quality=85)
        return {
            "picture": f"data:image/webp;base64,{_text(file.getvalue())}",
            "blocks": self.blocks,
            "heads": self.heads,
            "rows": self.rows,
            "columns": self.columns,
            "classToken": self.class_token,
            "most": _MOST,
            "colours": _colours("viridis"),
            "maps": self._maps,
        }


class GridExplorer(Explorer):
    """Six numbers to change, and what a spatial transformer reads with them.

    Beside the picture with the places of the grid stands the result, as
    :func:`vhist.models.stn.sample` gives it: read bilinearly, zero outside, −1 and 1
    the edges of the picture.

    Parameters
    ----------
    picture : Tensor of shape (3, h, w)
        uint8, or float in [0, 255].
    theta : Tensor of shape (2, 3), optional
        Where it begins, rounded to hundredths; the identity if not given.

    Attributes
    ----------
    theta : tuple of 6 float
        Row by row.

    Raises
    ------
    ValueError
        If theta has another shape or numbers beyond 2, or the picture is larger than
        512 pixels or its numbers are in another range.

    Examples
    --------
    >>> import torch
    >>> from vhist.explorer import GridExplorer
    >>> GridExplorer(torch.zeros(3, 64, 64), torch.eye(2, 3) / 2)
    GridExplorer(0.5, 0.0, 0.0, 0.0, 0.5, 0.0)
    """

    _kind = "grid"

    def __init__(self, picture: Tensor, theta: Tensor | None = None) -> None:
        theta = torch.eye(2, 3) if theta is None else theta.detach().cpu()
        if theta.shape != (2, 3):
            raise ValueError(f"theta must have shape (2, 3), got {tuple(theta.shape)}")
        if not theta.abs().le(2).all():  # nor if one is not a number
            raise ValueError(
                f"theta must be numbers from -2 to 2, got {theta.tolist()}"
            )
        self._pixels = _pixels(picture)
        self.theta = tuple(round(number, 2) for number in theta.flatten().tolist())

    def __repr__(self) -> str:
        return f"GridExplorer{self.theta}"

    def _data(self) -> dict[str, Any]:
        height, width, _ = self._pixels.shape
        return {
            "height": height,
            "width": width,
            "pixels": _text(self._pixels.numpy().tobytes()),
            "theta": self.theta,
        }


class SwitchExplorer(Explorer):
    """Parts to take out, and what is left of each network without them.

    Parameters
    ----------
    parts : sequence of str
        What the switches are called.
    accuracy : dict of str to Tensor of shape (2, 2, ...)
        By the network's name, an axis for each part: at 0 without it, at 1 with it.
        Numbers from 0 to 1.
    colors : sequence of str, optional
        One of matplotlib's for each network; violet, olive and grey if not given.

    Attributes
    ----------
    parts : tuple of str

    Raises
    ------
    ValueError
        If there is no part or network, a tensor has another shape or is no accuracy,
        there are fewer colours than networks, or one is none.

    Examples
    --------
    >>> import torch
    >>> from vhist.explorer import SwitchExplorer
    >>> SwitchExplorer(["dropout", "flips"], {"small net": torch.rand(2, 2)})
    SwitchExplorer(2 parts of small net)
    """

    _kind = "switch"

    def __init__(
        self,
        parts: Sequence[str],
        accuracy: Mapping[str, Tensor],
        colors: Sequence[str] = NEUTRALS,
    ) -> None:
        from matplotlib.colors import to_hex

        if not parts or not accuracy:
            raise ValueError("there is nothing to show: give a part and a network")
        if isinstance(colors, str) or len(colors) < len(accuracy):
            raise ValueError(
                f"colors must be a list of {len(accuracy)} or more, got {colors!r}"
            )
        for name, found in accuracy.items():
            if found.shape != (2,) * len(parts):
                raise ValueError(
                    f"accuracy of {name} must have an axis of 2 for each of "
                    f"{len(parts)} parts, got {tuple(found.shape)}"
                )
            if not (found.ge(0).all() and found.le(1).all()):  # nor not a number
                raise ValueError(f"accuracy of {name} must be numbers from 0 to 1")
        self.parts = tuple(map(str, parts))
        self._networks = [
            {
                "name": str(name),
                "color": to_hex(color),
                "accuracy": found.flatten().tolist(),
            }
            for (name, found), color in zip(accuracy.items(), colors, strict=False)
        ]

    def __repr__(self) -> str:
        names = ", ".join(network["name"] for network in self._networks)
        return f"SwitchExplorer({len(self.parts)} parts of {names})"

    def _data(self) -> dict[str, Any]:
        return {"parts": self.parts, "networks": self._networks}


def _pixels(picture: Tensor) -> Tensor:
    """Return a picture as bytes of shape (h, w, 3)."""
    if picture.ndim != 3 or len(picture) != 3 or not picture.numel():
        raise ValueError(
            f"picture must have shape (3, h, w), got {tuple(picture.shape)}"
        )
    height, width = picture.shape[1:]
    if max(height, width) > _LARGEST:  # each pixel is computed anew at every change
        raise ValueError(
            f"a picture of {height} x {width} is too large to play with; make it at "
            f"most {_LARGEST} pixels high and wide (vhist.data.resize)"
        )
    if not picture.isfinite().all():
        raise ValueError("picture must be finite numbers")
    return (255 * shown(picture)).round().byte().permute(1, 2, 0)  # chw -> hwc


def _alike(name: str, value: int | tuple[int, int], *, at_least: int) -> int:
    """Return the number that a convolution has in both directions."""
    numbers = [*dict.fromkeys(value)] if isinstance(value, tuple) else [value]
    if len(numbers) == 1 and isinstance(numbers[0], int) and numbers[0] >= at_least:
        return numbers[0]
    raise ValueError(
        f"{name} must be a whole number of at least {at_least}, the same in both "
        f"directions, got {value!r}"
    )


def _colours(name: str) -> str:
    """Return 256 colours of a map of matplotlib, three bytes each."""
    import matplotlib

    return _text(matplotlib.colormaps[name](range(256), bytes=True)[:, :3].tobytes())


def _grid(tokens: int, h: int, w: int) -> tuple[int, int]:
    """Return how many rows and columns of square patches a picture has."""
    for patches in (tokens - 1, tokens):  # with and without a class token
        if patches:
            side = math.sqrt(h * w / patches)
            rows, columns = round(h / side), round(w / side)
            if rows * columns == patches and rows * w == columns * h:
                return rows, columns
    raise ValueError(
        f"{tokens} tokens are no grid of square patches of a picture of {h}x{w}, with "
        "or without a class token"
    )


def _looks(maps: Tensor, patches: int) -> dict[str, Any]:
    """Return what is drawn of weights, and for each query where the largest is."""
    weights = maps.detach().float().cpu()
    sums = weights.sum(dim=-1)
    if not (weights.ge(0).all() and (sums - 1).abs().max() < 0.02):  # nor not a number
        raise ValueError("maps must be shares of attention: rows that sum to one")
    looks = weights[..., -patches:] * weights.shape[-1]  # times an even look
    place = 127.5 * (1 + (looks.log2() / math.log2(_MOST)).clamp(-1, 1))
    times, at = looks.transpose(0, 2).flatten(1).max(dim=1)  # query, head, block, key
    blocks = len(maps)
    strongest = [
        [i // patches % blocks, i // patches // blocks, i % patches, float(f"{t:.2g}")]
        for i, t in zip(at.tolist(), times.tolist(), strict=True)
    ]
    return {
        "weights": _text(place.round().byte().numpy().tobytes()),
        "strongest": strongest,
    }


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
