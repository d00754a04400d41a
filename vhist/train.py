"""Training: a recipe, a loop that can be seen whole, an evaluation that evaluates."""

import math
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from vhist import data as vdata
from vhist.data import Dataset, Split
from vhist.runs import Run

__all__ = ["Evaluation", "Recipe", "evaluate", "fit", "recipe_for"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, but the model and the data.

    Variants are made with :func:`dataclasses.replace`.
    """

    epochs: int = 15
    """passes over the training pictures"""
    batch_size: int = 64
    """pictures per step; the last, smaller batch of an epoch is left out"""
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
    image_size: int = 64
    """height and width that the network sees, in pixels"""
    augment: Literal["resized_crop", "paper", "none"] = "resized_crop"
    """random resized crop and flip; or AlexNet's crop, flip and colour; or nothing"""
    crop_area: tuple[float, float] = (0.35, 1.0)
    """smallest and largest share of the picture in a resized crop"""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """of forward and backward; auto is bfloat16 on a GPU, float32 elsewhere"""
    seed: int = 0
    """of shuffling, augmentation and dropout"""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "step_epochs", "image_size"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}"
                )
        for name in ("lr", "step_factor"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "warmup_epochs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} cannot be below 0, got {getattr(self, name)}")
        for name in ("momentum", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be positive, got {self.clip_norm}")
        if not 0 < self.crop_area[0] <= self.crop_area[1] <= 1:
            raise ValueError(
                f"crop_area must be two numbers in (0, 1], the smaller first, "
                f"got {self.crop_area}"
            )
        _one_of("optimizer", self.optimizer, "adamw", "sgd")
        _one_of("schedule", self.schedule, "constant", "cosine", "onecycle", "step")
        _one_of("augment", self.augment, "resized_crop", "paper", "none")
        _one_of("precision", self.precision, "auto", "float32", "bfloat16")

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


def _one_of(name: str, value: str, *allowed: str) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


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


@dataclass(frozen=True)
class Evaluation:
    """Answers of a model to every picture of a split.

    Attributes
    ----------
    logits : Tensor of shape (n, num_classes)
    labels : Tensor of shape (n,)
    """

    logits: Tensor
    labels: Tensor

    @property
    def loss(self) -> float:
        """Mean cross-entropy, in nats, without label smoothing."""
        return F.cross_entropy(self.logits, self.labels).item()

    @property
    def predictions(self) -> Tensor:
        """Class with the largest logit, of shape (n,)."""
        return self.logits.argmax(dim=1)

    @property
    def accuracy(self) -> float:
        """Share of right predictions, counted over pictures, not batches."""
        return (self.predictions == self.labels).float().mean().item()

    def most_wrong(self, count: int = 12) -> Tensor:
        """Return the indices of the pictures with the largest loss, worst first."""
        losses = F.cross_entropy(self.logits, self.labels, reduction="none")
        return losses.argsort(descending=True)[:count]


@torch.inference_mode()
def evaluate(
    model: nn.Module, split: Split, *, image_size: int, batch_size: int = 256
) -> Evaluation:
    """Run a model on a split in evaluation mode: no dropout, running statistics.

    Parameters
    ----------
    model : nn.Module
        Maps (n, 3, image_size, image_size) to logits (n, num_classes). Its mode is
        restored afterwards.
    split : Split
    image_size : int
        Height and width that the network sees, in pixels; pictures are scaled to it.
    batch_size : int
        Pictures at a time; the answer does not depend on it.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    logits = []
    for images in split.images.split(batch_size):
        x = vdata.normalize(vdata.resize(images.to(device), image_size))
        logits.append(model(x).float())
    model.train(was_training)
    return Evaluation(torch.cat(logits), split.labels.to(device))


def fit(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe,
    *,
    name: str = "",
    model_name: str = "",
    model_options: dict | None = None,
    verbose: bool = True,
) -> Run:
    """Train a model in place and return the record of the run.

    Parameters
    ----------
    model : nn.Module
        Already on its device; the data follows it there.
    data : Dataset
    recipe : Recipe
    name, model_name, model_options
        What the record is called and how the model was built.
    verbose : bool
        Show a progress bar on a terminal and one line per epoch.

    Raises
    ------
    ValueError
        If there are fewer pictures than one batch, or more classes than outputs.
    FloatingPointError
        If the loss of an epoch is not finite.
    """
    device = next(model.parameters()).device
    _check_fit(model, data, recipe)
    clock, commit = _Clock(), _commit()
    data = data.to(device)
    # Convolutions run up to a quarter faster with channels last, also on a CPU.
    model.to(memory_format=torch.channels_last)
    torch.manual_seed(recipe.seed)
    batches = Batches(data.train, recipe, Generator(device).manual_seed(recipe.seed))
    optimizer = make_optimizer(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: recipe.lr_at((step + 1) / len(batches)) / recipe.lr
    )
    autocast = torch.autocast(
        device.type, torch.bfloat16, enabled=_in_bfloat16(recipe, device)
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    largest = recipe.clip_norm or math.inf
    model.train()
    log: list[dict] = []
    for epoch in range(1, recipe.epochs + 1):
        total = torch.zeros((), device=device)
        for images, labels in _progress(batches, epoch, verbose):
            with autocast:
                loss = criterion(model(images), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), largest)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            total += loss.detach()
        result = evaluate(model, data.val, image_size=recipe.image_size)
        train_loss = total.item() / len(batches)
        _check_finite(train_loss, epoch, recipe)
        log.append(
            {
                "epoch": epoch,
                "lr": recipe.lr_at(epoch),
                "train_loss": round(train_loss, 5),
                "val_loss": round(result.loss, 5),
                "val_accuracy": round(result.accuracy, 6),
                "seconds": clock.seconds,
            }
        )
        if verbose:
            print(_line(log[-1]), flush=True)
    return Run(
        name=name,
        model=model_name or type(model).__name__,
        model_options=model_options or {},
        parameters=sum(p.numel() for p in model.parameters()),
        recipe=asdict(recipe),
        data=_describe(data),
        command=" ".join(["vhist", *sys.argv[1:]]) if _on_command_line() else "",
        commit=commit,
        **_describe_machine(device),
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
        log=log,
        predictions=result.predictions.tolist(),
        labels=result.labels.tolist(),
        most_wrong=_most_wrong(result, data),
    )


class Batches:
    """Shuffled, augmented batches of a split, a fresh permutation per pass.

    Parameters
    ----------
    split : Split
        On the device where the batches are wanted.
    recipe : Recipe
    generator : torch.Generator
        On the same device; decides order and augmentation.
    """

    def __init__(self, split: Split, recipe: Recipe, generator: Generator) -> None:
        self.split, self.recipe, self.generator = split, recipe, generator
        self.components = (
            vdata.colour_components(split.images[:2000])
            if recipe.augment == "paper"
            else None
        )

    def __len__(self) -> int:
        return len(self.split) // self.recipe.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        device = self.split.labels.device
        order = torch.randperm(len(self.split), generator=self.generator, device=device)
        size = self.recipe.batch_size
        for i in range(len(self)):
            chosen = order[i * size : (i + 1) * size]
            images = self.augment(self.split.images[chosen])
            yield vdata.normalize(images), self.split.labels[chosen]

    def augment(self, images: Tensor) -> Tensor:
        """Map uint8 pictures to (n, 3, image_size, image_size) in [0, 255]."""
        size, generator = self.recipe.image_size, self.generator
        if self.recipe.augment == "resized_crop":
            return vdata.random_resized_crop(
                images, size, area=self.recipe.crop_area, generator=generator
            )
        if self.components is None:
            return vdata.resize(images, size)
        x = vdata.random_crop(images, size, generator=generator)
        x = vdata.random_flip(x, generator=generator)
        return vdata.pca_colour(x, self.components, generator=generator)


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; vectors, positions and tokens do not decay."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, p in model.named_parameters():
        vector = p.ndim < 2 or name in ("positions", "token")
        (free if vector else decayed).append(p)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            groups, recipe.lr, recipe.momentum, nesterov=nesterov, fused=True
        )
    return torch.optim.AdamW(groups, recipe.lr, fused=True)


def _check_fit(model: nn.Module, data: Dataset, recipe: Recipe) -> None:
    if len(data.train) < recipe.batch_size:
        raise ValueError(
            f"batch_size={recipe.batch_size} is more than the {len(data.train)} "
            "training pictures; use a smaller batch"
        )
    size = recipe.image_size
    with torch.inference_mode():
        was_training = model.training
        model.eval()
        device = next(model.parameters()).device
        outputs = model(torch.zeros(1, 3, size, size, device=device)).shape[-1]
        model.train(was_training)
    if outputs != len(data.classes):
        raise ValueError(
            f"the model answers {outputs} classes, {data.name} has "
            f"{len(data.classes)}: build it with num_classes={len(data.classes)}"
        )


class _Clock:
    """Seconds of the wall clock and of the processor since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self.wall, 2)

    @property
    def cpu_seconds(self) -> float:
        return round(time.process_time() - self.cpu, 2)


def _in_bfloat16(recipe: Recipe, device: torch.device) -> bool:
    if recipe.precision == "auto":
        return device.type == "cuda"
    return recipe.precision == "bfloat16"


def _check_finite(loss: float, epoch: int, recipe: Recipe) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is no longer finite in epoch {epoch}: lower lr "
            f"(now {recipe.lr:g}) or set clip_norm"
        )


def _progress(batches: Batches, epoch: int, verbose: bool):
    """Wrap the batches in a bar that only a terminal shows."""
    from tqdm import tqdm

    hidden = None if verbose else True  # None: hidden unless stderr is a terminal
    return tqdm(batches, f"epoch {epoch}", leave=False, disable=hidden)


def _line(entry: dict) -> str:
    return (
        f"epoch {entry['epoch']:4d}  train loss {entry['train_loss']:7.4f}  "
        f"val loss {entry['val_loss']:7.4f}  val accuracy "
        f"{100 * entry['val_accuracy']:6.2f} %  {entry['seconds']:8.1f} s"
    )


def _describe(data: Dataset) -> dict:
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "image_size": data.image_size,
        "train": len(data.train),
        "val": len(data.val),
        "classes": list(data.classes),
    }


def _most_wrong(result: Evaluation, data: Dataset) -> list[dict]:
    rows = []
    probabilities = result.logits.softmax(dim=1)
    for i in result.most_wrong().tolist():
        guess = int(result.predictions[i])
        rows.append(
            {
                "file": data.val.files[i],
                "label": int(result.labels[i]),
                "prediction": guess,
                "probability": round(float(probabilities[i, guess]), 4),
            }
        )
    return rows


def _on_command_line() -> bool:
    return Path(sys.argv[0]).name in ("vhist", "__main__.py")


def _describe_machine(device: torch.device) -> dict:
    from importlib.metadata import version

    return {
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "vhist": version("vhist"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "date": date.today().isoformat(),
        "peak_memory": _peak_memory(device),
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            s.split(":")[1].strip() for s in lines if s.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _commit() -> str:
    """Return the commit of a checkout that this file is part of, else nothing."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        if not (here.parent / ".git").exists():
            return ""
        done = subprocess.run(git, capture_output=True, text=True, timeout=10)
        return done.stdout.strip()
    except OSError:
        return ""
