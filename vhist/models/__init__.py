"""The architectures of the book, one file each, and builders that name their sizes."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

from torch import nn

from vhist._checks import check_known
from vhist.models.alexnet import AlexNet, alexnet, alexnet_small
from vhist.models.linformer import (
    Linformer,
    LinformerAttention,
    linformer,
    linformer_small_8,
)
from vhist.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnet_small,
)
from vhist.models.stn import STN, SpatialTransformer, stn
from vhist.models.vgg import (
    VGG,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
    vgg_small,
    vgg_small_bn,
)
from vhist.models.vit import (
    VisionTransformer,
    vit_b_16,
    vit_l_16,
    vit_s_16,
    vit_small_8,
    vit_ti_16,
)

__all__ = [
    "STN",
    "VGG",
    "AlexNet",
    "BasicBlock",
    "Bottleneck",
    "Linformer",
    "LinformerAttention",
    "ResNet",
    "SpatialTransformer",
    "VisionTransformer",
    "alexnet",
    "alexnet_small",
    "create_model",
    "linformer",
    "linformer_small_8",
    "list_models",
    "list_options",
    "resnet101",
    "resnet152",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet_small",
    "stn",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vgg_small",
    "vgg_small_bn",
    "vit_b_16",
    "vit_l_16",
    "vit_s_16",
    "vit_small_8",
    "vit_ti_16",
]

_BUILDERS: dict[str, Callable[..., nn.Module]] = {
    f.__name__: f
    for f in (
        *(alexnet, alexnet_small),
        *(vgg11, vgg13, vgg16, vgg19, vgg_small),
        *(vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn, vgg_small_bn),
        *(resnet18, resnet34, resnet50, resnet101, resnet152, resnet_small),
        *(vit_ti_16, vit_s_16, vit_b_16, vit_l_16, vit_small_8),
        *(linformer, linformer_small_8),
        stn,
    )
}


def list_models() -> list[str]:
    """Return the names that :func:`create_model` knows."""
    return list(_BUILDERS)


def _builder(name: str) -> Callable[..., nn.Module]:
    check_known("model", name, _BUILDERS, "list_models()", most=3)
    return _BUILDERS[name]


def list_options(name: str) -> list[str]:
    """Return the options of a model's builder that can be written as words.

    Without ``num_classes`` and ``image_size``, which the data decides, and without two
    that take Python classes.

    Parameters
    ----------
    name : str
        One of :func:`list_models`.

    Raises
    ------
    ValueError
        If there is no such model; the nearest names are suggested.
    """
    left_out = ("num_classes", "image_size", "block", "attention")
    found: list[str] = []
    for kind in get_type_hints(_builder(name))["return"].__mro__:
        *own, last = inspect.signature(kind).parameters.values()
        passes_on = last.kind == last.VAR_KEYWORD
        found += [p.name for p in (own if passes_on else [*own, last])]
        if not passes_on:  # else the class below it takes the rest
            break
    return [name for name in found if name not in left_out]


def create_model(
    name: str, *, weights: str | Path | None = None, **kwargs
) -> nn.Module:
    """Build a model by its name, with fresh random weights or with trained ones.

    Parameters
    ----------
    name : str
        One of :func:`list_models`.
    weights : {"imagenet"} or path, optional
        torchvision's published weights, downloaded once; or a file of weights. A head
        for another number of classes begins at zero, see
        :func:`vhist.pretrained.load_weights`. ``resnet34`` needs ``conv_bias=False``
        for torchvision's.
    **kwargs
        Passed to the builder, for example ``num_classes=10``. A list, as JSON has,
        stands for a tuple.

    Raises
    ------
    TypeError
        If the builder knows no argument of that name, or it is of another type.
    ValueError
        If there is no such model; the nearest names are suggested. If an argument is
        out of range, or the weights are of another model.
    FileNotFoundError
        If the weights are not there and cannot be downloaded.
    """
    builder = _builder(name)
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in kwargs.items()}
    model = builder(**given)
    if weights is not None:
        from vhist.pretrained import load_weights, read_weights

        load_weights(model, read_weights(weights, name))
    return model
