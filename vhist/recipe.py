"""The recipe: everything that decides a training run, but the model and the data."""

import math
import sys
from dataclasses import dataclass, replace
from typing import Literal

from vhist._checks import brief, check_fields

__all__ = ["Recipe", "recipe_for"]

# Far beyond any use; what is larger is a slip of the hand.
_MOST = {"image_size": 10_000, "start_size": 10_000}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, but the model and the data.

    Variants are made with :func:`dataclasses.replace`.
    """

    epochs: int = 15
    """passes over the training pictures"""
    batch_size: int = 64
    """pictures per step, over all processes; the last, smaller batch of an epoch is
    left out"""
    accumulate: int = 1
    """parts that a batch is computed in, one after the other, to save memory"""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """adamw (arXiv:1711.05101), or sgd with Nesterov momentum"""
    lr: float = 1e-3
    """highest learning rate"""
    momentum: float = 0.9
    """of sgd"""
    weight_decay: float = 0.05
    """of weight matrices and filters; never of biases, norms, positions, tokens"""
    schedule: Literal["constant", "cosine", "onecycle", "step"] = "cosine"
    """course of the learning rate after warm-up: flat; half a cosine to 0; a straight
    line to 0; divided by step_factor"""
    warmup_epochs: float = 1.0
    """epochs of linear rise from 0 to lr"""
    step_epochs: int = 30
    """epochs between two drops of schedule step"""
    step_factor: float = 10.0
    """divisor of each drop of schedule step"""
    label_smoothing: float = 0.1
    """share of the target spread over all classes (arXiv:1512.00567, section 7)"""
    clip_norm: float | None = None
    """largest norm of the gradient; none is no limit"""
    ema: float = 0.0
    """decay per step of the running average of the weights that is evaluated and kept
    in the end, for example 0.999; 0 keeps the weights themselves"""
    image_size: int = 64
    """height and width that the network sees, in pixels"""
    start_size: int | None = None
    """image_size of the first epoch, in pixels; it grows in steps of 8 over the first
    two thirds of the epochs. For networks that take any size"""
    augment: Literal["resized_crop", "paper", "none"] = "resized_crop"
    """random resized crop and flip; or AlexNet's crop, flip and colour; or nothing"""
    crop_area: tuple[float, float] = (0.35, 1.0)
    """smallest and largest share of the picture in a resized crop"""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """of forward and backward; auto is bfloat16 on a GPU, float32 elsewhere"""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile; auto is on for 1,000 steps or more on a GPU, off elsewhere"""
    seed: int = 0
    """of shuffling, augmentation and dropout"""

    def __post_init__(self) -> None:
        check_fields(self)
        # A record that is read has a list here.
        object.__setattr__(self, "crop_area", tuple(self.crop_area))
        for name in (
            *("epochs", "batch_size", "accumulate", "step_epochs"),
            *("image_size", "start_size"),
        ):
            value, most = getattr(self, name), _MOST.get(name, 10**9)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {brief(value)}")
            if value is not None and value > most:
                raise ValueError(f"{name} must be at most {most:,}, got {brief(value)}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be in [0, 2**63), got {brief(self.seed)}")
        for name in ("lr", "step_factor", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= sys.float_info.max:
                raise ValueError(
                    f"{name} must be positive and finite, got {brief(value)}"
                )
        for name in ("weight_decay", "warmup_epochs"):
            value = getattr(self, name)
            if not 0 <= value <= sys.float_info.max:
                raise ValueError(
                    f"{name} cannot be below 0 nor infinite, got {brief(value)}"
                )
        for name in ("momentum", "label_smoothing", "ema"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {brief(value)}")
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"batch_size must be a multiple of accumulate, got {self.batch_size} "
                f"and {self.accumulate}"
            )
        if (self.start_size or 0) > self.image_size:
            raise ValueError(
                f"start_size cannot be above image_size={self.image_size}, "
                f"got {self.start_size}"
            )
        if not 0 < self.crop_area[0] <= self.crop_area[1] <= 1:
            raise ValueError(
                f"crop_area must be two numbers in (0, 1], the smaller first, "
                f"got {brief(self.crop_area)}"
            )
        drops = self.epochs // self.step_epochs
        if self.schedule == "step" and drops * abs(math.log10(self.step_factor)) > 300:
            raise ValueError(
                f"{drops} drops by step_factor={self.step_factor} are beyond any "
                "number; raise step_epochs"
            )

    def lr_at(self, epoch: float) -> float:
        """Return the learning rate after ``epoch`` epochs, a float."""
        if epoch < self.warmup_epochs:
            return self.lr * epoch / self.warmup_epochs
        rest = max(self.epochs - self.warmup_epochs, 1e-9)
        t = min((epoch - self.warmup_epochs) / rest, 1.0)
        if self.schedule == "cosine":
            return self.lr * (1 + math.cos(math.pi * t)) / 2
        if self.schedule == "onecycle":
            return self.lr * (1 - t)
        if self.schedule == "step":
            return self.lr / self.step_factor ** int(epoch / self.step_epochs)
        return self.lr

    def size_at(self, epoch: int) -> int:
        """Return the height and width of the pictures of an epoch, counted from 0."""
        if self.start_size is None or epoch >= self.epochs - 1:
            return self.image_size  # what the record's answers are for
        t = min(1.0, epoch / max(1, self.epochs * 2 / 3))
        grown = (self.image_size - self.start_size) * t
        return self.image_size if t == 1 else self.start_size + int(grown / 8) * 8


def recipe_for(model: str) -> Recipe:
    """Return the recipe that vhist's records of this model's family start from.

    Parameters
    ----------
    model : str
        Builder's name. Sizes follow it: the small models see 64 pixels.
    """
    size = 64 if "_small" in model else 227 if model == "alexnet" else 224
    recipe = Recipe(image_size=size)
    if model.startswith("resnet"):
        return replace(
            recipe,
            optimizer="sgd",
            lr=0.2,
            weight_decay=5e-4,
            schedule="onecycle",
            warmup_epochs=3.0,
        )
    if model.startswith("vit"):
        return replace(recipe, warmup_epochs=2.0, clip_norm=1.0)
    return replace(recipe, lr=5e-4, clip_norm=1.0)
