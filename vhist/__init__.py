"""How vision networks became what they are: an executable book.

``import vhist`` loads nothing heavy: PyTorch comes in with the first name that needs
it, torchvision, Pillow and matplotlib with the functions that do.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vhist.summary import summary

if TYPE_CHECKING:
    from vhist import (
        atlas,
        augment,
        catalogue,
        checkpoint,
        data,
        decoding,
        estimate,
        explorer,
        files,
        folders,
        inspect,
        models,
        muon,
        parallel,
        plan,
        plots,
        pretrained,
        recipe,
        runs,
        sketchnette,
        train,
    )
    from vhist.data import load_dataset
    from vhist.models import create_model, list_models
    from vhist.recipe import Recipe
    from vhist.train import evaluate, fit

__all__ = [
    "Recipe",
    "atlas",
    "augment",
    "catalogue",
    "checkpoint",
    "create_model",
    "data",
    "decoding",
    "estimate",
    "evaluate",
    "explorer",
    "files",
    "fit",
    "folders",
    "inspect",
    "list_models",
    "load_dataset",
    "models",
    "muon",
    "parallel",
    "plan",
    "plots",
    "pretrained",
    "recipe",
    "runs",
    "sketchnette",
    "summary",
    "train",
]

# Names at the top of the package, and the module (room) that each comes from.
_ROOMS = {
    "Recipe": "recipe",
    "create_model": "models",
    "evaluate": "train",
    "fit": "train",
    "list_models": "models",
    "load_dataset": "data",
}


def __getattr__(name: str):
    """Load a room when one of its names is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'vhist' has no attribute {name!r}")
    room = import_module(f"vhist.{_ROOMS.get(name, name)}")
    return getattr(room, name) if name in _ROOMS else room


def __dir__() -> list[str]:
    return __all__
