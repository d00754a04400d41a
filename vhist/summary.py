"""The layer table: what each layer puts out, holds, and costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from vhist._modes import evaluating
from vhist._text import brief, first_line, html_table, table

if TYPE_CHECKING:  # so that `import vhist` does not wait for PyTorch
    from torch import nn
    from torch.utils.hooks import RemovableHandle

__all__ = ["Row", "Summary", "summary"]

_COLUMNS = ("layer", "type", "output shape", "parameters", "multiply-adds")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
        Path of the layer in the model.
    kind : str
        Its class, or ``Parameter`` for an array that the model owns itself.
    shape : tuple of int
        Of the output for one picture, or of the parameter.
    parameters : int
        Trained numbers.
    macs : int
        Multiply-adds for one picture.
    activations : int
        Numbers put out for one picture.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    activations: int


@dataclass(frozen=True)
class Summary:
    """A layer table that prints as text and shows as a table in notebooks.

    Attributes
    ----------
    rows : tuple of Row
        In the order of execution.
    buffers : int
        Numbers that are stored but not trained, such as running means.
    """

    rows: tuple[Row, ...]
    buffers: int

    @property
    def parameters(self) -> int:
        """Weights and biases of the whole model, frozen ones included."""
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-adds for one picture; one of them is two FLOP."""
        return sum(row.macs for row in self.rows)

    @property
    def activations(self) -> int:
        """Numbers that all layers put out for one picture."""
        return sum(row.activations for row in self.rows)

    def collapse(self, depth: int) -> Summary:
        """Return a shorter table: layers merged down to ``depth`` parts of their path.

        Parameters
        ----------
        depth : int
            1 keeps one row per child of the model, 2 one per grandchild, ...

        Raises
        ------
        ValueError
            If depth is below 1.
        """
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        merged: dict[str, Row] = {}
        for row in self.rows:
            name = ".".join(row.name.split(".")[:depth])
            old = merged.get(name)
            if old is None:
                merged[name] = replace(row, name=name)
                continue
            merged[name] = Row(
                name,
                "several",
                row.shape,
                old.parameters + row.parameters,
                old.macs + row.macs,
                old.activations + row.activations,
            )
        return replace(self, rows=tuple(merged.values()))

    def _cells(self) -> Iterator[tuple[str, ...]]:
        for row in self.rows:
            shape = " x ".join(map(str, row.shape))
            yield row.name, row.kind, shape, f"{row.parameters:,}", f"{row.macs:,}"

    def _totals(self) -> list[str]:
        weights, outputs = (4e-6 * n for n in (self.parameters, self.activations))
        return [
            f"{self.parameters:,} parameters ({weights:,.1f} MB in float32)",
            f"{self.macs:,} multiply-adds per picture",
            f"{self.activations:,} activations per picture ({outputs:,.1f} MB)",
        ]

    def __str__(self) -> str:
        lines = table(_COLUMNS, [*self._cells()], right=(3, 4)).splitlines()
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:], rule, *self._totals()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        foot = "<br>".join(self._totals())
        return (
            f"{html_table(_COLUMNS, self._cells(), kind='vhist-summary')}<p>{foot}</p>"
        )


def summary(model: nn.Module, input_size: int | tuple[int, ...]) -> Summary:
    """Trace a model once, without computing, and count every layer.

    Each array of numbers is counted exactly once: those of layers, those that a
    module owns itself (class token, positions, attention's fused projections).
    Multiply-adds are those of :class:`torch.utils.flop_counter.FlopCounterMode`:
    convolutions and matrix products, attention's two included. What a module with
    submodules multiplies between them has a row of its own, ``Between``, at the end. A
    layer that runs twice counts in its first row.

    Parameters
    ----------
    model : nn.Module
        Left as it is.
    input_size : int or tuple of int
        Height and width of an RGB picture, or the shape without the batch axis.

    Returns
    -------
    Summary

    Raises
    ------
    TypeError
        If the model is not a network.
    ValueError
        If the model cannot take an input of that size.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    if not isinstance(model, torch.nn.Module):
        raise TypeError(
            f"model must be a network, such as vhist.create_model gives, got "
            f"{brief(model)}"
        )
    if hasattr(input_size, "__index__"):
        input_size = (3, int(input_size), int(input_size))
    if not isinstance(input_size, tuple | list):
        raise TypeError(
            f"input_size must be pixels or a shape, got {brief(input_size)}"
        )
    tracer = _Tracer(model)
    # Once per module: of one that is used twice PyTorch would put back a stand-in.
    stand_ins = {
        f"{prefix}.{name}".lstrip("."): t.detach().to("meta")
        for prefix, m in model.named_modules()
        for kind in (m.named_parameters, m.named_buffers)
        for name, t in kind(recurse=False)
    }
    try:
        first = next(model.parameters(), torch.empty(0))
        x = torch.zeros(1, *input_size, dtype=first.dtype, device="meta")
        with (
            evaluating(model),
            tracer,
            torch.no_grad(),
            FlopCounterMode(display=False) as counter,
        ):
            torch.func.functional_call(model, stand_ins, (x,), tie_weights=False)
    except (RuntimeError, AssertionError) as error:  # torchvision's ViT asserts
        if "meta" in str(error):  # a tensor with numbers, or a look at one without
            raise ValueError(
                f"the model cannot be traced without numbers ({first_line(error)}): "
                "make tensors with device=x.device, and decide nothing by .item()"
            ) from error
        raise ValueError(
            f"the model cannot take an input of shape {tuple(input_size)}: "
            f"{first_line(error)}"
        ) from error
    flops = {
        name.partition(".")[2]: sum(ops.values())
        for name, ops in counter.get_flop_counts().items()
    }
    tracer.add_rest()
    # Those of all calls of a layer, in the row of its first.
    rows = [replace(r, macs=flops.pop(r.name, 0) // 2) for r in tracer.rows]
    rows += _between(flops, rows)
    return Summary(tuple(rows), sum(b.numel() for b in model.buffers()))


def _between(flops: dict[str, int], rows: list[Row]) -> list[Row]:
    """Return a row for each module that multiplies outside of its submodules."""
    own = {name: count // 2 for name, count in flops.items()}
    found: dict[str, Row] = {}
    for name in sorted(own, key=len, reverse=True):  # the innermost first
        inside = [r for r in [*rows, *found.values()] if _is_inside(r.name, name)]
        rest = own[name] - sum(r.macs for r in inside)
        if rest > 0:
            found[name] = Row(name, "Between", (), 0, rest, 0)
    return [found[name] for name in flops if name in found]


def _is_inside(name: str, module: str) -> bool:
    return not module or name == module or name.startswith(f"{module}.")


class _Tracer:
    """Collects a row per layer that runs, and per parameter that no layer owns."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.rows: list[Row] = []
        self.seen: set[int] = set()
        self.handles: list[RemovableHandle] = []

    def __enter__(self) -> None:
        for name, module in self.model.named_modules():
            if _is_layer(module):
                hook = self._layer_hook(name, module)
                self.handles.append(module.register_forward_hook(hook))
            else:
                own = self._own_hook(name, module)
                self.handles.append(module.register_forward_pre_hook(own))

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def add_rest(self) -> None:
        """Add a row for each parameter of modules whose call was not seen."""
        for name, p in self.model.named_parameters():
            if id(p) not in self.seen:
                self._new(name, "Parameter", tuple(p.shape), p.numel())

    def _new(
        self, name: str, kind: str, shape: tuple[int, ...], parameters: int
    ) -> None:
        elements = prod(shape) if kind != "Parameter" else 0
        self.rows.append(Row(name, kind, shape, parameters, 0, elements))

    def _layer_hook(self, name: str, layer: nn.Module):
        from torch import Tensor

        sizes = {id(p): p.numel() for p in layer.parameters()}

        def hook(module: nn.Module, inputs: object, output: object) -> None:
            first = output[0] if isinstance(output, tuple) else output
            fresh = sum(n for key, n in sizes.items() if key not in self.seen)
            self.seen.update(sizes)
            if isinstance(first, Tensor):
                # One picture, but tokens or windows may stand on the first axis.
                alone = first.shape[:1] == (1,)
                shape = tuple(first.shape[1:] if alone else first.shape)
                self._new(name, type(module).__name__, shape, fresh)

        return hook

    def _own_hook(self, prefix: str, parent: nn.Module):
        own = parent.named_parameters(recurse=False)
        sizes = [(n, id(p), p.numel(), tuple(p.shape)) for n, p in own]

        def hook(module: nn.Module, inputs: object) -> None:
            for name, key, size, shape in sizes:
                if key not in self.seen:
                    self.seen.add(key)
                    path = f"{prefix}.{name}" if prefix else name
                    self._new(path, "Parameter", shape, size)

        return hook


def _is_layer(module: nn.Module) -> bool:
    """Whether to show the module as one row.

    Modules without children are layers. So is PyTorch's attention: it calls its
    children's weights directly, so their own hooks never fire, which is how older
    summary tools came to miss them.
    """
    from torch.nn import MultiheadAttention

    childless = next(module.children(), None) is None
    return childless or isinstance(module, MultiheadAttention)
