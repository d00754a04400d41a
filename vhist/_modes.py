"""Which layers of a model learn, and which answer, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from vhist.recipe import Recipe


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Set a model to evaluation; afterwards each layer has its own mode again."""
    modes = {layer: layer.training for layer in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for layer, mode in modes.items():  # those of a frozen backbone differ
            layer.training = mode


def set_mode(model: nn.Module, recipe: Recipe) -> list[nn.Parameter]:
    """Set a model to training, but a frozen backbone to evaluation.

    Returns
    -------
    list of nn.Parameter
        Those that need no gradient any more.
    """
    from vhist.pretrained import head

    model.train()
    if recipe.backbone_lr > 0:
        return []
    model.eval()
    name, layer = head(model)
    layer.train()
    frozen = [
        p
        for key, p in model.named_parameters()
        if p.requires_grad and not key.startswith(f"{name}.")
    ]
    for p in frozen:
        p.requires_grad_(requires_grad=False)
    return frozen


@contextmanager
def thawed(frozen: list[nn.Parameter]) -> Iterator[None]:
    """Let the backbone learn again when the run has ended, however it did."""
    try:
        yield
    finally:
        for p in frozen:
            p.requires_grad_()
