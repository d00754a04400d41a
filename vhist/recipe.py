"""The recipe: everything that decides a training run, but the model and the data."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Literal

from vhist._checks import check_fields
from vhist._text import brief

__all__ = ["Recipe", "in_bfloat16", "recipe_for"]

# Far beyond any use; anything larger is a typo.
_MOST = {"image_size": 10_000, "start_size": 10_000}

# Models that do not see 224 pixels.
_SIZES = {"alexnet": 227, "stn": 32}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, but the model and the data.

    Variants are made with :func:`dataclasses.replace`.

    Raises
    ------
    TypeError
        If a field is of another type, or there is none of that name.
    ValueError
        If a number is out of range, a word is none of those below, or two fields do
        not go together.
    """

    epochs: int = 15
    """passes over the training pictures"""
    batch_size: int = 64
    """pictures per step, over all processes; the last, smaller batch of an epoch is
    left out"""
    repeats: int = 1
    """how often an epoch shows each picture: few pictures make longer epochs"""
    accumulate: int = 1
    """parts that a batch is computed in, one after the other, to save memory"""
    optimizer: Literal["adamw", "sgd", "muon"] = "adamw"
    """adamw (arXiv:1711.05101); sgd; or muon (arXiv:2502.16982) for all filters and
    matrices but those of the layers that the model has first and last, with adamw for
    the rest"""
    lr: float = 1e-3
    """highest learning rate"""
    momentum: float = 0.9
    """of sgd and muon"""
    nesterov: bool = True
    """look ahead with the momentum of sgd or muon; AlexNet, VGG and ResNet did not"""
    weight_decay: float = 0.05
    """of weight matrices and filters; never of biases, norms, and what is named as
    positions or tokens are"""
    backbone_lr: float = 1.0
    """learning rate of all layers but the last, the head, in units of lr; below 1
    trained weights change less than the new head (arXiv:1801.06146, section 3.2), 0
    leaves them as they are, batch statistics included"""
    schedule: Literal["constant", "cosine", "onecycle", "step"] = "cosine"
    """course of the learning rate after warm-up: constant; cosine, half a wave to 0
    (arXiv:1608.03983); onecycle, a straight line to 0, while the momentum stays; or
    step, divided by step_factor every step_epochs"""
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
    """resized_crop, at random, and a flip; paper, which is AlexNet's crop, flip and
    colour; or none"""
    crop_area: tuple[float, float] = (0.35, 1.0)
    """smallest and largest share of the picture in a resized crop, before the picture's
    border cuts it"""
    mixup: float = 0.0
    """alpha of Beta(alpha, alpha), from which the share of a second picture that is
    blended in is drawn (arXiv:1710.09412); 0 is off"""
    cutmix: float = 0.0
    """the same for a rectangle that is pasted (arXiv:1905.04899); with both, each batch
    gets one of them"""
    dropout_in_evaluation: bool = False
    """leave dropout on during validation: a mistake, made here to show its effect"""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """of forward and backward: float32, bfloat16, or auto, which is bfloat16 on a GPU
    and float32 elsewhere"""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile: on, off, or auto, which is on for 1,000 steps or more on a GPU and
    off elsewhere. On a GPU it also replays kernels as CUDA graphs: those of muon, and
    those of the model for one process, without accumulate, with pictures of one
    size"""
    seed: int = 0
    """of shuffling, augmentation and dropout; on the command line also of the first
    weights and of the pictures that are kept of each class"""

    def __post_init__(self) -> None:
        check_fields(self)
        for name, value in vars(self).items():
            object.__setattr__(self, name, _plain(value))
        for name in (
            *("epochs", "batch_size", "repeats", "accumulate", "step_epochs"),
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
        for name in ("weight_decay", "backbone_lr", "warmup_epochs"):
            value = getattr(self, name)
            if not 0 <= value <= sys.float_info.max:
                raise ValueError(
                    f"{name} cannot be below 0 nor infinite, got {brief(value)}"
                )
        for name in ("momentum", "label_smoothing", "ema"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {brief(value)}")
        for name in ("mixup", "cutmix"):
            value = getattr(self, name)
            if not 0 <= value <= 100:
                raise ValueError(f"{name} must be in [0, 100], got {brief(value)}")
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
        """Return the learning rate after ``epoch`` epochs, a float.

        A step uses the rate at its end: with warm-up the first is above 0, and the last
        step of a schedule that falls to 0 changes no weight.
        """
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


def recipe_for(
    model: str, family: str = "modern", optimizer: str | None = None
) -> Recipe:
    """Return the recipe that a model of this name is trained with.

    Three families answer three questions: what did it give then, what did the article
    get out of it, and what does it give today?

    ``"paper"``
        As published, for the data of this book. AlexNet: SGD, batch 128, 0.01 divided
        by 10 three times, 90 epochs, crop, flip and colour (sections 4.1 and 5). VGG:
        the same with batch 256 and 74 epochs (section 3.1). ResNet: 0.1, decay 1e-4,
        120 epochs (section 3.4). ViT: from scratch on ImageNet, cosine, decay 0.3,
        clipping, 300 epochs (table 3, appendix B.1). Adapted: rates fall at equal
        distances where the papers waited for a plateau, pictures have one scale,
        biases do not decay, and ViT's batch of 4,096 at 3e-3 became 512 at 1e-3, since
        9,469 pictures hold only two of the former; its warm-up is a tenth of the run.
    ``"article"``
        AdamW at 1e-4 from the first step to the last, batch 256, random resized crops
        and flips; 400 epochs for AlexNet, 200 for the others. Tested in evaluation
        mode, which the article was not. See :data:`vhist.runs.ARTICLE`. The spatial
        transformer ``stn`` has another source: SGD with momentum at 0.01, batch 256, 50
        epochs, pictures as they are.
    ``"modern"``
        What vhist's own records start from: warm-up, a rate that falls to 0, label
        smoothing, milder crops, small batches, as after a decade of practice (He et al.
        2019, arXiv:1812.01187).

    A recipe leaves the model as its builder makes it. What a paper or the article had
    otherwise is an option of the builder (``--model-options``): ``dropout=0.1`` for the
    paper's ViT on ImageNet, 0.5 for the article's; ``dropout_position="after"`` for the
    papers' AlexNet and VGG, with ``groups=2`` for AlexNet; ``version="v1"`` from
    ResNet-50 on. A Linformer gets ViT's recipes; that of its own article is in the plan
    ``interludes``.

    Parameters
    ----------
    model : str
        Builder's name. Sizes follow it: the small models see 64 pixels, ``stn`` 32.
    family : {"modern", "article", "paper"}
    optimizer : {"adamw", "sgd", "muon"}, optional
        In place of the family's own, with a rate, a momentum and a weight decay to
        begin with: those of one optimizer are far off for another.

    Raises
    ------
    ValueError
        If there is no such family or optimizer, the name is of no architecture of the
        book, or the family has no recipe for this model: the paper of the spatial
        transformer had other pictures than these.
    """
    if family not in FAMILIES:
        raise ValueError(
            f"no family of recipes {brief(family)}; there are {', '.join(FAMILIES)}"
        )
    size = 64 if "_small" in model else _SIZES.get(model, 224)
    kinds = ("alexnet", "vgg", "resnet", "vit", "linformer", "stn")
    kind = next((k for k in kinds if model.startswith(k)), "")
    if not kind:
        raise ValueError(
            f"no recipe for a model {brief(model)}: names begin with {', '.join(kinds)}"
        )
    kind = "vit" if kind == "linformer" else kind
    recipe = replace(FAMILIES[family](kind), image_size=size)
    if optimizer in (None, recipe.optimizer):
        return recipe
    if optimizer not in OPTIMIZERS:
        raise ValueError(
            f"no optimizer {brief(optimizer)}; there are {', '.join(OPTIMIZERS)}"
        )
    settings: dict[str, Any] = {"optimizer": optimizer, **OPTIMIZERS[optimizer]}
    return replace(recipe, **settings)


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and words as Python's: a file may hold no others."""
    if isinstance(value, tuple | list):  # a record that is read has a list
        return tuple(map(_plain, value))
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def in_bfloat16(precision: str, device_type: str) -> bool:
    """Return whether a precision is bfloat16 on a device such as ``"cpu"``."""
    return precision == "bfloat16" or (precision == "auto" and device_type == "cuda")


def _modern(kind: str) -> Recipe:
    if kind == "resnet":
        return Recipe(
            optimizer="sgd",
            lr=0.2,
            weight_decay=5e-4,
            schedule="onecycle",
            warmup_epochs=3.0,
        )
    if kind == "vit":
        return Recipe(warmup_epochs=2.0, clip_norm=1.0)
    if kind == "stn":  # too small to overfit
        return Recipe(
            lr=2e-3, weight_decay=0.01, label_smoothing=0.0, crop_area=(0.6, 1.0)
        )
    return Recipe(lr=5e-4, clip_norm=1.0)


def _article(kind: str) -> Recipe:
    if kind == "stn":
        return Recipe(
            epochs=50,
            batch_size=256,
            optimizer="sgd",
            nesterov=False,
            lr=0.01,
            weight_decay=0.0,
            schedule="constant",
            warmup_epochs=0.0,
            label_smoothing=0.0,
            augment="none",
        )
    return Recipe(
        epochs=400 if kind == "alexnet" else 200,
        batch_size=256,
        lr=1e-4,
        weight_decay=0.01,
        schedule="constant",  # its steps of 1,000 and 2,000 epochs never came
        warmup_epochs=0.0,
        label_smoothing=0.0,
        crop_area=(0.08, 1.0),
    )


def _paper(kind: str) -> Recipe:
    if kind == "stn":
        raise ValueError(
            "the paper of stn has no pictures like these; use modern or article"
        )
    if kind == "vit":
        return Recipe(
            epochs=300,
            batch_size=512,
            weight_decay=0.3,
            warmup_epochs=30.0,
            label_smoothing=0.0,
            clip_norm=1.0,
            crop_area=(0.08, 1.0),
        )
    epochs, batch = {"alexnet": (90, 128), "vgg": (74, 256), "resnet": (120, 256)}[kind]
    return Recipe(
        epochs=epochs,
        batch_size=batch,
        optimizer="sgd",
        nesterov=False,
        lr=0.1 if kind == "resnet" else 0.01,
        weight_decay=1e-4 if kind == "resnet" else 5e-4,
        schedule="step",
        step_epochs=epochs // 4 + 1,  # three drops
        warmup_epochs=0.0,
        label_smoothing=0.0,
        augment="paper",
    )


# What to begin with where a family has another optimizer: PyTorch's rate for AdamW, and
# of SGD and Muon what plans long and muon use.
OPTIMIZERS: dict[str, dict[str, float]] = {
    "adamw": {"lr": 1e-3, "weight_decay": 0.05},
    "sgd": {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4},
    "muon": {"lr": 2e-3, "momentum": 0.95, "weight_decay": 0.05},
}

FAMILIES: dict[str, Callable[[str], Recipe]] = {
    "modern": _modern,
    "article": _article,
    "paper": _paper,
}
