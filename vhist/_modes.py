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


@contextmanager
def training(model: nn.Module, recipe: Recipe) -> Iterator[None]:
    """Set a model to training, but a frozen backbone to evaluation, without gradients.

    Afterwards all of it is in training mode, and what was frozen here can learn again.
    """
    from vhist.pretrained import head

    model.train()
    frozen = []
    if recipe.backbone_lr == 0:
        name, layer = head(model)
        model.eval()
        layer.train()
        frozen = [
            p
            for key, p in model.named_parameters()
            if p.requires_grad and not key.startswith(f"{name}.")
        ]
    try:
        for p in frozen:
            p.requires_grad_(requires_grad=False)
        yield
    finally:
        for p in frozen:
            p.requires_grad_()
        model.train()
