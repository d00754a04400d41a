"""Training: a recipe, a loop that can be seen whole, an evaluation that evaluates."""

import hashlib
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vhist import checkpoint as checkpoints
from vhist import data as vdata
from vhist.data import Dataset, Split
from vhist.parallel import Team
from vhist.runs import Run, commit, describe_machine, peak_memory

__all__ = ["Batches", "Evaluation", "Recipe", "evaluate", "fit", "recipe_for"]


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
        for name in (
            *("epochs", "batch_size", "accumulate", "step_epochs"),
            *("image_size", "start_size"),
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name in ("lr", "step_factor"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "warmup_epochs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} cannot be below 0, got {getattr(self, name)}")
        for name in ("momentum", "label_smoothing", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be positive, got {self.clip_norm}")
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
                f"got {self.crop_area}"
            )
        _one_of("optimizer", self.optimizer, "adamw", "sgd")
        _one_of("schedule", self.schedule, "constant", "cosine", "onecycle", "step")
        _one_of("augment", self.augment, "resized_crop", "paper", "none")
        _one_of("precision", self.precision, "auto", "float32", "bfloat16")
        _one_of("compile", self.compile, "auto", "on", "off")

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
        if self.start_size is None:
            return self.image_size
        t = min(1.0, epoch / max(1, self.epochs * 2 / 3))
        grown = (self.image_size - self.start_size) * t
        return self.image_size if t == 1 else self.start_size + int(grown / 8) * 8


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
    model: nn.Module,
    split: Split,
    *,
    image_size: int,
    batch_size: int = 256,
    precision: str = "auto",
) -> Evaluation:
    """Run a model on a split in evaluation mode: no dropout, running statistics.

    Of several processes, each runs a share of the pictures and gets all answers.

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
    precision : {"auto", "float32", "bfloat16"}
        See :class:`Recipe`.
    """
    team = Team.current()
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    mine = split.images[team.share(len(split))]
    logits = []
    with _autocast(precision, device):
        for images in mine.split(batch_size):
            x = vdata.normalize(vdata.resize(images.to(device), image_size))
            logits.append(model(x).float())
    model.train(was_training)
    answers = team.assemble(torch.cat(logits), len(split))
    return Evaluation(answers, split.labels.to(device))


def fit(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe,
    *,
    name: str = "",
    model_name: str = "",
    model_options: dict | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 60.0,
    resume: bool = False,
    tensorboard: str | Path | None = None,
    verbose: bool = True,
) -> Run:
    """Train a model in place and return the record of the run.

    Whatever is random in a step is drawn from (seed, step) alone. A run that was
    killed and resumed therefore ends in the same weights as one that was not: on a CPU
    bit for bit, with the same number of threads and the same PyTorch.

    Under torchrun, within :func:`vhist.parallel.processes`, every process computes a
    share of each batch.

    Parameters
    ----------
    model : nn.Module
        Already on its device; the data follows it there.
    data : Dataset
    recipe : Recipe
    name, model_name, model_options
        What the record is called and how the model was built.
    checkpoint : path, optional
        File to keep the state of the run in, so that it can be resumed. Ctrl-C and
        SIGTERM then finish the step and save.
    checkpoint_seconds : float
        Seconds between two such savings.
    resume : bool
        Continue from ``checkpoint``; begin if there is none.
    tensorboard : path, optional
        Folder for TensorBoard's event files; needs the package ``tensorboard``.
    verbose : bool
        Show a progress bar on a terminal and one line per epoch.

    Raises
    ------
    ValueError
        If there are fewer pictures than one batch, or more classes than outputs; if
        the checkpoint is of another model, recipe or data set, or damaged.
    FloatingPointError
        If a loss is not finite; names the step, its pictures, learning rate and
        gradient norm.
    MemoryError
        If the step does not fit into memory; suggests a smaller setting.
    OSError
        If the checkpoint cannot be written; the one before is kept.
    vhist.checkpoint.Interrupted
        If a signal stopped the run; it is saved.
    """
    team, device = Team.current(), next(model.parameters()).device
    _check_fit(model, data, recipe, team)
    with memory_advice(recipe):
        data = data.to(device)
    # Convolutions run up to a quarter faster with channels last, also on a CPU.
    model.to(memory_format=torch.channels_last)
    parameters = list(model.parameters())
    optimizer = make_optimizer(model, recipe)
    average = _average(model, recipe)
    evaluated = model if average is None else average.module
    batches = Batches(data.train, recipe, team)
    steps, parts = len(batches), recipe.accumulate
    watch = _Watch(batches, parameters)
    facts = {"model": model_name or type(model).__name__}
    facts |= {"model_options": model_options or {}}
    facts |= {"recipe": asdict(recipe), "data": _describe(data)}
    state = _State(model, optimizer, average, facts, watch, team)
    keeper = _Keeper(state, checkpoint and Path(checkpoint), checkpoint_seconds)
    keeper.begin(resume)
    net = team.wrap(_compiled(model, recipe, steps, device))
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    autocast = _autocast(recipe.precision, device)
    verbose, result = verbose and team.first, None
    model.train()
    set_lr(optimizer, recipe.lr_at((state.step + 1) / steps))
    with (
        keeper,
        _Board(tensorboard if team.first else None) as board,
        memory_advice(recipe),
        _fast_convolutions(device),
    ):
        for epoch in range(len(state.log), recipe.epochs):
            start = state.step - epoch * steps
            for images, labels in _progress(batches, epoch, start, verbose):
                seed_step(recipe.seed, state.step, team.rank)
                total = 0
                for x, y in zip(images.chunk(parts), labels.chunk(parts), strict=True):
                    with autocast:
                        loss = criterion(net(x), y) / parts
                    loss.backward()
                    total += loss.detach()
                norm = clip_gradients(parameters, recipe.clip_norm)
                watch.note(state.step, total, norm)
                optimizer.step()
                optimizer.zero_grad()
                state.step += 1
                set_lr(optimizer, recipe.lr_at((state.step + 1) / steps))
                if average is not None:
                    average.update_parameters(model)
                keeper.after_step()
            team.agree(evaluated)
            result = evaluate(
                evaluated,
                data.val,
                image_size=recipe.size_at(epoch),
                precision=recipe.precision,
            )
            state.end_epoch(result, recipe.lr_at(epoch + 1))
            board.add(state.log[-1])
            if verbose:
                print(_line(state.log[-1]), flush=True)
        keeper.save()
    if average is not None:
        model.load_state_dict(average.module.state_dict())
    if result is None:  # resumed with nothing left to do
        size, precision = recipe.image_size, recipe.precision
        result = evaluate(model, data.val, image_size=size, precision=precision)
    return Run(
        name=name,
        parameters=sum(p.numel() for p in parameters),
        command=_command(),
        **facts,
        **describe_machine(device),
        commit=state.commit,
        processes=team.size,
        seconds=state.clock.seconds,
        cpu_seconds=state.clock.cpu_seconds,
        peak_memory=max(state.peak_memory, peak_memory(device)),
        log=state.log,
        predictions=result.predictions.tolist(),
        labels=result.labels.tolist(),
        most_wrong=_most_wrong(result, data),
    )


class Batches:
    """Shuffled, augmented batches of a split.

    Order and augmentation of an epoch are drawn from (seed, epoch) and (seed, step)
    alone: any batch can be had again, and each process gets its share of it.

    Parameters
    ----------
    split : Split
        On the device where the batches are wanted.
    recipe : Recipe
    team : Team, optional
        The processes that share each batch.
    """

    def __init__(self, split: Split, recipe: Recipe, team: Team | None = None) -> None:
        self.split, self.recipe, self.team = split, recipe, team or Team()
        self.generator = Generator(split.labels.device)
        self.components = (
            vdata.colour_components(split.images[:2000])
            if recipe.augment == "paper"
            else None
        )

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return len(self.split) // self.recipe.batch_size

    def order(self, epoch: int) -> Tensor:
        """Return the permutation of the pictures in an epoch, of shape (n,)."""
        chance = self.generator.manual_seed(_mix(self.recipe.seed, "epoch", epoch))
        device = self.split.labels.device
        return torch.randperm(len(self.split), generator=chance, device=device)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of each batch of an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        start : int
            Number of batches to leave out.

        Yields
        ------
        images : Tensor of shape (n, 3, size, size), float32, normalised
        labels : Tensor of shape (n,), int64
        """
        size, device = self.recipe.batch_size, self.split.labels.device
        mine, order = self.team.share(size), self.order(epoch)
        width = self.recipe.size_at(epoch)
        for i in range(start, len(self)):
            step = epoch * len(self) + i
            chance = self.generator.manual_seed(_mix(self.recipe.seed, "batch", step))
            # Drawn for the whole batch: the same, however many share it.
            u = torch.rand(size, 6, generator=chance, device=device)[mine]
            chosen = order[i * size : (i + 1) * size][mine]
            images = self.augment(self.split.images[chosen], width, u)
            yield vdata.normalize(images), self.split.labels[chosen]

    def augment(self, images: Tensor, size: int, u: Tensor) -> Tensor:
        """Map uint8 pictures to (n, 3, size, size) in [0, 255].

        Parameters
        ----------
        images : Tensor of shape (n, 3, h, w), uint8
        size : int
            Height and width of the result, in pixels.
        u : Tensor of shape (n, 6)
            Uniform random numbers, a row per picture.
        """
        if self.recipe.augment == "resized_crop":
            area = self.recipe.crop_area
            return vdata.random_resized_crop(images, size, area=area, u=u[:, :5])
        if self.components is None:
            return vdata.resize(images, size)
        x = vdata.random_crop(images, size, u=u[:, :2])
        x = vdata.random_flip(x, u=u[:, 2:3])
        return vdata.pca_colour(x, self.components, u=u[:, 3:])


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


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Seed PyTorch's global generators, which draw dropout, for one step."""
    number = _mix(seed, "step", step, rank)
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(number)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give all parameters of an optimizer one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def clip_gradients(parameters: list[nn.Parameter], largest: float | None):
    """Scale the gradient to a norm of at most ``largest``; return its norm before."""
    return None if largest is None else nn.utils.clip_grad_norm_(parameters, largest)


def _mix(*words: object) -> int:
    """Hash words to a seed: neighbouring steps get unrelated random numbers."""
    text = " ".join(map(str, words)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


class _Watch:
    """The losses of an epoch, kept on the device, and the search for one not finite.

    On a CPU each is looked at before its step is taken. On a GPU looking would make the
    processor wait, so it is done before anything is saved and at the epoch's end.
    """

    def __init__(self, batches: Batches, parameters: list[nn.Parameter]) -> None:
        self.batches, self.recipe = batches, batches.recipe
        self.parameters = parameters
        device = parameters[0].device
        self.at_once = device.type == "cpu"
        self.losses = torch.zeros(len(batches), device=device)
        self.norms = torch.full_like(self.losses, math.nan)

    def note(self, step: int, loss: Tensor, norm: Tensor | None) -> None:
        """Note loss and gradient norm of a step."""
        i = step % len(self.losses)
        self.losses[i] = loss
        if norm is not None:
            self.norms[i] = norm
        if self.at_once and not math.isfinite(loss):
            if norm is None:
                grads = [p.grad for p in self.parameters if p.grad is not None]
                self.norms[i] = nn.utils.get_total_norm(grads)
            self.check(step)

    def check(self, step: int) -> None:
        """Raise if a loss of the epoch, up to this step, is not finite."""
        bad = (~self.losses.isfinite()).nonzero()
        if not len(bad):
            return
        n = len(self.losses)
        epoch, i = step // n, int(bad[0])
        size = self.recipe.batch_size
        chosen = self.batches.order(epoch)[i * size : (i + 1) * size].tolist()
        norm = float(self.norms[i])
        at = epoch + (i + 1) / n
        raise FloatingPointError(
            f"the loss is {float(self.losses[i])} in step {epoch * n + i} (epoch "
            f"{epoch + 1}, learning rate {self.recipe.lr_at(at):.3g}, gradient norm "
            f"{'not known without clip_norm' if math.isnan(norm) else f'{norm:.3g}'}): "
            f"lower lr or set clip_norm; training pictures of this batch: {chosen}"
        )


class _State:
    """Everything that changes while a network learns."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: AveragedModel | None,
        facts: dict,
        watch: _Watch,
        team: Team,
    ) -> None:
        self.parts = {"model": model, "optimizer": optimizer, "average": average}
        self.facts, self.watch, self.team = facts, watch, team
        self.step = 0
        self.log: list[dict] = []
        self.clock, self.commit, self.peak_memory = _Clock(), commit(), 0

    def end_epoch(self, result: Evaluation, lr: float) -> None:
        """Write the log line of an epoch."""
        self.watch.check(self.step - 1)
        train_loss = self.team.gather(self.watch.losses).mean().item()
        self.log.append(
            {
                "epoch": len(self.log) + 1,
                "lr": lr,
                "train_loss": round(train_loss, 5),
                "val_loss": round(result.loss, 5),
                "val_accuracy": round(result.accuracy, 6),
                "seconds": self.clock.seconds,
                "cpu_seconds": self.clock.cpu_seconds,
            }
        )
        self.watch.losses.zero_()

    def save(self, path: Path) -> None:
        """Write all of it to a file, by the first process."""
        self.watch.check(self.step - 1)
        losses = self.team.gather(self.watch.losses)
        if not self.team.first:
            return
        device = self.watch.losses.device
        stored = {k: p.state_dict() for k, p in self.parts.items() if p is not None}
        stored |= {"facts": self.facts, "step": self.step, "losses": losses}
        stored |= {"log": self.log, "commit": self.commit}
        stored |= {"seconds": self.clock.seconds, "cpu_seconds": self.clock.cpu_seconds}
        stored["peak_memory"] = max(self.peak_memory, peak_memory(device))
        checkpoints.save(stored, path)

    def restore(self, path: Path) -> bool:
        """Take over what is in a file; return False if there is none."""
        stored = checkpoints.load(path)
        if stored is None:
            return False
        try:
            _same_run(stored["facts"], self.facts, path)
            for key, part in self.parts.items():
                if part is not None:
                    part.load_state_dict(stored[key])
            losses = stored["losses"].to(self.watch.losses.device)
            same = len(losses) == self.team.size
            self.watch.losses[:] = losses[self.team.rank] if same else losses.mean(0)
            self.step, self.log = int(stored["step"]), list(stored["log"])
            self.commit, self.peak_memory = stored["commit"], stored["peak_memory"]
            self.clock = _Clock(stored["seconds"], stored["cpu_seconds"])
        except (KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{path} is no checkpoint of this run: {reason}"
            ) from error
        return True


def _same_run(there: dict, here: dict, path: Path) -> None:
    """Refuse to go on with another model, recipe or data set; name what differs."""
    for part, values in here.items():
        pairs = values.items() if isinstance(values, dict) else [("", values)]
        old = there[part] if isinstance(values, dict) else {"": there[part]}
        for key, value in pairs:
            if (part, key) != ("data", "name") and old.get(key) != value:
                what = f"{part} {key}".strip()
                raise ValueError(
                    f"cannot resume {path}: {what} is {old.get(key)} there and {value} "
                    "here; give what it began with, or another name"
                )


class _Keeper:
    """Saves the state from time to time, and when a signal asks the run to stop."""

    def __init__(self, state: _State, path: Path | None, seconds: float) -> None:
        self.state, self.path, self.seconds = state, path, seconds
        self.signals = checkpoints.Signals(caught=path is not None)
        self.last = time.monotonic()

    def begin(self, resume: bool) -> None:
        """Take over the state that was saved, or make sure that there is none."""
        if self.path is None:
            return
        if resume:
            self.state.restore(self.path)
        elif checkpoints.exists(self.path):
            raise ValueError(
                f"{self.path} exists: continue it with resume (--resume), or choose "
                "another name"
            )

    def __enter__(self) -> None:
        self.signals.__enter__()

    def __exit__(self, *_: object) -> None:
        self.signals.__exit__()

    def after_step(self) -> None:
        """Save if it is time; if a signal came, save and stop."""
        if self.path is None:
            return
        due = time.monotonic() - self.last >= self.seconds
        stop, due = self.state.team.any(self.signals.number is not None, due)
        if stop or due:
            self.save()
        if stop:
            raise checkpoints.Interrupted(
                f"stopped after step {self.state.step}, saved to {self.path}",
                self.signals.number or signal.SIGTERM,
            )

    def save(self) -> None:
        """Save now."""
        if self.path is not None:
            self.state.save(self.path)
            self.last = time.monotonic()


class _Board:
    """TensorBoard's event files, if they are wanted."""

    def __init__(self, folder: str | Path | None) -> None:
        self.writer = None
        if folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ValueError(
                    "TensorBoard is not installed: pip install 'vhist[tensorboard]'"
                ) from error
            self.writer = SummaryWriter(folder)

    def __enter__(self) -> "_Board":
        return self

    def __exit__(self, *_: object) -> None:
        if self.writer is not None:
            self.writer.close()

    def add(self, entry: dict) -> None:
        """Write a line of the log."""
        if self.writer is not None:
            for key, value in entry.items():
                self.writer.add_scalar(key, value, entry["epoch"])


def _average(model: nn.Module, recipe: Recipe) -> AveragedModel | None:
    if not recipe.ema:
        return None
    mean = get_ema_multi_avg_fn(recipe.ema)
    return AveragedModel(model, multi_avg_fn=mean, use_buffers=True)


def _compiled(model: nn.Module, recipe: Recipe, steps: int, device: torch.device):
    """Compile where it pays: the minute it takes is won back on a GPU, on a CPU not."""
    pays = device.type == "cuda" and steps * recipe.epochs >= 1000
    wanted = recipe.compile == "on" or (recipe.compile == "auto" and pays)
    return torch.compile(model) if wanted else model


def _autocast(precision: str, device: torch.device) -> torch.autocast:
    short = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=short)


def _fast_convolutions(device: torch.device):
    """Let cuDNN try its algorithms once per shape and keep the fastest."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=True)


@contextmanager
def memory_advice(recipe: Recipe) -> Iterator[None]:
    """Say in one line what to change if memory runs out.

    Raises
    ------
    MemoryError
        In place of PyTorch's own errors.
    """
    try:
        yield
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        words = ("out of memory", "allocate memory", "not enough memory")
        if not any(w in str(error) for w in words) and not isinstance(
            error, MemoryError
        ):
            raise
        half, parts = recipe.batch_size // 2, recipe.accumulate * 2
        fits = recipe.batch_size % parts == 0
        advice = f"accumulate={parts}, which changes no result" if fits else ""
        raise MemoryError(
            f"out of memory at batch_size={recipe.batch_size} and image_size="
            f"{recipe.image_size}: try {advice or f'batch_size={max(1, half)}'}"
        ) from error


def _check_fit(model: nn.Module, data: Dataset, recipe: Recipe, team: Team) -> None:
    if len(data.train) < recipe.batch_size:
        raise ValueError(
            f"batch_size={recipe.batch_size} is more than the {len(data.train)} "
            "training pictures; use a smaller batch"
        )
    if recipe.batch_size % (team.size * recipe.accumulate):
        raise ValueError(
            f"batch_size={recipe.batch_size} cannot be shared evenly among "
            f"{team.size} processes with accumulate={recipe.accumulate}"
        )
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for size in {recipe.image_size, recipe.start_size or recipe.image_size}:
            outputs = model(torch.zeros(1, 3, size, size, device=device)).shape[-1]
    model.train(was_training)
    if outputs != len(data.classes):
        raise ValueError(
            f"the model answers {outputs} classes, {data.name} has "
            f"{len(data.classes)}: build it with num_classes={len(data.classes)}"
        )


class _Clock:
    """Seconds of the wall clock and of the processor, over all parts of a run."""

    def __init__(self, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        self.wall = time.perf_counter() - seconds
        self.cpu = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self.wall, 2)

    @property
    def cpu_seconds(self) -> float:
        return round(time.process_time() - self.cpu, 2)


def _progress(batches: Batches, epoch: int, start: int, verbose: bool):
    """Wrap the batches in a bar that only a terminal shows."""
    from tqdm import tqdm

    hidden = None if verbose else True  # None: hidden unless stderr is a terminal
    return tqdm(
        batches.epoch(epoch, start),
        f"epoch {epoch + 1}",
        total=len(batches),
        initial=start,
        leave=False,
        disable=hidden,
    )


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


def _command() -> str:
    """Return the command line that repeats the run, if there was one."""
    if Path(sys.argv[0]).name not in ("vhist", "__main__.py"):
        return ""
    return " ".join(["vhist", *(w for w in sys.argv[1:] if w != "--resume")])
