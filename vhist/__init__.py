"""How vision networks became what they are: an executable book.

``import vhist`` loads torch and nothing heavier: torchvision, Pillow and matplotlib
come in with the functions that need them.
"""

from vhist import (
    checkpoint,
    data,
    inspect,
    models,
    parallel,
    plots,
    recipe,
    runs,
    sketchnette,
    train,
)
from vhist.data import load_dataset
from vhist.models import create_model, list_models
from vhist.recipe import Recipe
from vhist.summary import summary
from vhist.train import evaluate, fit

__all__ = [
    "Recipe",
    "checkpoint",
    "create_model",
    "data",
    "evaluate",
    "fit",
    "inspect",
    "list_models",
    "load_dataset",
    "models",
    "parallel",
    "plots",
    "recipe",
    "runs",
    "sketchnette",
    "summary",
    "train",
]
