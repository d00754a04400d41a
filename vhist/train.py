"""Training: a recipe, a loop that can be seen whole, an evaluation that evaluates."""

import hashlib
import json
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vhist import augment
from vhist._checks import fits, is_out_of_memory
from vhist._modes import evaluating, training
from vhist._text import brief, first_line
from vhist.checkpoint import Checkpointer, State
from vhist.data import Dataset, Split, normalize, resize
from vhist.estimate import (
    check_logits,
    eval_batch_size,
    outputs,
    steps_per_epoch,
)
from vhist.muon import Muon
from vhist.parallel import Team
from vhist.pretrained import head
from vhist.recipe import Recipe, in_bfloat16
from vhist.runs import Run, describe_machine

__all__ = ["Batches", "Evaluation", "evaluate", "fit", "make_optimizer"]

_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


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


@torch.no_grad()
def evaluate(
    model: nn.Module,
    split: Split,
    *,
    image_size: int,
    batch_size: int = 256,
    precision: str = "auto",
    dropout: bool = False,
) -> Evaluation:
    """Run a model on a split in evaluation mode: no dropout, running statistics.

    Of several processes, each runs a share of the pictures and gets all answers.

    Parameters
    ----------
    model : nn.Module
        Maps (n, 3, image_size, image_size) to logits (n, num_classes), in the type of
        its first parameter. Its mode is restored afterwards.
    split : Split
    image_size : int
        Height and width that the network sees, in pixels; pictures are scaled to it.
    batch_size : int
        Pictures at a time; the answer does not depend on it.
    precision : {"auto", "float32", "bfloat16"}
        See :class:`vhist.recipe.Recipe`.
    dropout : bool
        Leave dropout on, from PyTorch's global generator: to see what that does.

    Raises
    ------
    TypeError
        If ``split`` is not a Split, such as the ``val`` of a data set, or the model
        does not return one tensor.
    ValueError
        If a size is no whole number above 0, there is no such precision, there are no
        pictures, or the model does not return a row of logits for each.
    """
    for key, value in (("image_size", image_size), ("batch_size", batch_size)):
        if not (fits(value, int) and value >= 1):
            raise ValueError(
                f"{key} must be a whole number, at least 1, got {brief(value)}"
            )
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a Module, got a {type(model).__name__}")
    if not isinstance(split, Split):
        raise TypeError(
            f"split must be a Split, such as data.val, got a {type(split).__name__}"
        )
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(
            f"precision must be auto, float32 or bfloat16, got {brief(precision)}"
        )
    if not len(split):
        raise ValueError("there are no pictures to evaluate")
    team = Team.current()
    # A model without parameters, such as a guess, is where the pictures are.
    nothing = torch.empty(0, device=split.images.device)
    first = next(model.parameters(), nothing)
    device = first.device
    mine = split.images[team.share(len(split))]
    count = len(mine)
    if not count:  # there are more processes than pictures
        mine = split.images[:1]
    logits = []
    kernels = _fast_kernels(precision, device)  # others round differently
    with evaluating(model), _autocast(precision, device), kernels:
        for layer in model.modules():
            if dropout and isinstance(layer, _DROPOUT):
                layer.train()
        for images in mine.split(batch_size):
            images = images.to(device, non_blocking=True)
            x = normalize(resize(images, image_size))
            logits.append(check_logits(model(x.to(first.dtype)), len(x)).float())
    answers = team.assemble(torch.cat(logits)[:count], len(split))
    return Evaluation(answers, split.labels.to(device))


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Leave PyTorch's global generators as they were.

    Otherwise every model built after a run would begin with the same weights.
    """
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(gpus):
        yield


@_generators_kept()
def fit(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe,
    *,
    name: str = "",
    model_name: str = "",
    model_options: dict | None = None,
    weights: str = "",
    command: str = "",
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 60.0,
    resume: bool = False,
    tensorboard: str | Path | None = None,
    verbose: bool = True,
) -> Run:
    """Train a model in place and return the record of the run.

    Whatever is random in a step is drawn from (seed, step) alone. A run that was
    killed and resumed therefore ends in the same weights as one that was not: on a CPU
    bit for bit, with the same number of threads and the same PyTorch. PyTorch's global
    CPU and CUDA generators are left as they were; the model ends in training mode and
    with channels last.

    Under torchrun, within :func:`vhist.parallel.processes`, every process computes a
    share of each batch.

    Parameters
    ----------
    model : nn.Module
        Already on its device; the data follows it there. In float32, and its output is
        one tensor of logits, (n, num_classes).
    data : Dataset
    recipe : Recipe
    name, model_name, model_options, weights, command
        What the record is called, how the model was built, what weights it began with
        and which command line repeats the run.
    checkpoint : path, optional
        File to keep the state of the run in, so that it can be resumed. Ctrl-C, SIGTERM
        and SIGHUP then finish the step and save. No other process can train with it
        meanwhile.
    checkpoint_seconds : float
        Seconds between saves.
    resume : bool
        Continue from ``checkpoint``, or start afresh if there is none.
    tensorboard : path, optional
        Folder for TensorBoard's event files; needs the package ``tensorboard``.
    verbose : bool
        Show a progress bar on a terminal and one line per epoch.

    Raises
    ------
    TypeError
        If ``model`` is no module, ``data`` no data set, ``recipe`` no recipe, or the
        output no tensor.
    ValueError
        If there are fewer pictures than one batch, fewer than two classes, nothing to
        train, or not as many outputs as classes; if a label belongs to no class; if
        ``checkpoint`` is in use, of another model, recipe or data set, or damaged; if
        ``resume`` has none; if batch norm gets a single value per channel.
    FloatingPointError
        If a loss is not finite; names the step, its pictures, learning rate and
        gradient norm.
    MemoryError
        If the step does not fit into memory; suggests a smaller setting.
    OSError
        If the checkpoint cannot be written; the one before is kept.
    vhist.checkpoint.Interrupted
        If a signal stopped the run. Its state is saved, unless a second signal came.
    """
    for key, value, kind in (
        ("model", model, nn.Module),
        ("data", data, Dataset),
        ("recipe", recipe, Recipe),
    ):
        if not isinstance(value, kind):
            raise TypeError(
                f"{key} must be a {kind.__name__}, got a {type(value).__name__}"
            )
    if resume and checkpoint is None:
        raise ValueError("resume needs checkpoint=, the file to go on from")
    parameters = list(model.parameters())
    _check_learns(parameters)
    team, device = Team.current(), parameters[0].device
    with _if_memory_ends(_smaller_step(recipe)):
        _check_fit(model, data, recipe, team)
    with _if_memory_ends(_smaller_data(data, device)):
        data = data.to(device)
    # Convolutions run up to a quarter faster with channels last, also on a CPU.
    model.to(memory_format=torch.channels_last)
    batches = Batches(data.train, recipe, team, len(data.classes))
    steps, parts = len(batches), recipe.accumulate
    compiles = _compiles(recipe, steps, device)
    cuda_graph = compiles and device.type == "cuda"
    optimizer = make_optimizer(model, recipe, cuda_graph=cuda_graph)
    average = _average(model, recipe)
    evaluated = model if average is None else average.module
    facts: dict = {
        "model": model_name or type(model).__name__,
        "model_options": _plain("model_options", model_options or {}),
        "recipe": asdict(recipe),
        "data": _describe(data),
        "weights": str(weights),
    }
    chosen = {"selection": _selection(data)}
    state = State(model, optimizer, average, batches, facts | chosen)
    checkpointer = Checkpointer(state, checkpoint, checkpoint_seconds, resume=resume)

    def judge(net: nn.Module, epoch: int) -> Evaluation:
        seed_step(recipe.seed, state.step, team.rank)  # if dropout stays on
        return evaluate(
            net,
            data.val,
            image_size=recipe.size_at(epoch),
            batch_size=eval_batch_size(recipe, team.size),
            precision=recipe.precision,
            dropout=recipe.dropout_in_evaluation,
        )

    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    autocast = _autocast(recipe.precision, device)
    # The weight of a part's gradient in that of the batch; None means 1.
    share = None if parts == 1 else torch.tensor(1 / parts, device=device)
    verbose, result = verbose and team.first, None
    with (
        training(model, recipe),
        checkpointer,
        _board(tensorboard if team.first else None) as board,
        _if_memory_ends(_smaller_step(recipe)),
        _in_one_line(),
        _fast_kernels(recipe.precision, device),
    ):
        set_lr(optimizer, recipe.lr_at((state.step + 1) / steps))
        net = team.wrap(_compiled(model, recipe, team) if compiles else model)
        for epoch in range(len(state.log), recipe.epochs):
            start = state.step - epoch * steps
            for images, labels in _progress(batches, epoch, start, verbose):
                seed_step(recipe.seed, state.step, team.rank)
                losses: list[Tensor] = []
                for x, y in _parts(images, labels, parts):
                    with team.no_sync(net, unless=len(losses) + 1 == parts):
                        with autocast:
                            loss = criterion(net(x), y)
                        loss.backward(share)
                    losses.append(loss.detach())
                norm = clip_gradients(parameters, recipe.clip_norm)
                state.note(losses, norm)
                optimizer.step()
                optimizer.zero_grad()
                state.step += 1
                set_lr(optimizer, recipe.lr_at((state.step + 1) / steps))
                if average is not None:
                    average.update_parameters(model)
                checkpointer.after_step()
            team.broadcast_buffers(evaluated)
            result = judge(evaluated, epoch)
            entry = state.end_epoch(
                lr=recipe.lr_at(epoch + 1),
                val_loss=result.loss,
                val_accuracy=result.accuracy,
            )
            if board is not None:
                for key, value in entry.items():
                    board.add_scalar(key, value, entry["epoch"])
            if verbose:
                checkpointer.say(_line(entry))
        checkpointer.save()
    if average is not None:
        model.load_state_dict(average.module.state_dict())
    result = result or judge(model, recipe.epochs - 1)  # nothing was left to do
    return Run(
        name=str(name),
        parameters=sum(p.numel() for p in parameters),
        command=command,
        **facts | {"recipe": _plain("recipe", asdict(recipe))},
        **describe_machine(device),
        commit=state.commit,
        processes=team.size,
        seconds=state.seconds,
        cpu_seconds=state.cpu_seconds,
        peak_memory=state.peak_memory,
        log=state.log,
        predictions=result.predictions.tolist(),
        labels=result.labels.tolist(),
        most_wrong=_most_wrong(result, data),
    )


class Batches:
    """Shuffled, augmented batches of a split.

    The order is drawn from (seed, epoch), the augmentation from (seed, step), and from
    nothing else: any batch can be drawn again, and each process gets its share of it.

    Parameters
    ----------
    split : Split
        On the device where the batches are wanted.
    recipe : Recipe
    team : Team, optional
        The processes that share each batch.
    classes : int
        Width of mixed labels; -1 counts the classes in the batch, which may lack some.
    """

    def __init__(
        self,
        split: Split,
        recipe: Recipe,
        team: Team | None = None,
        classes: int = -1,
    ) -> None:
        self.split, self.recipe, self.team = split, recipe, team or Team()
        self.generator = Generator(split.labels.device)
        self.classes = classes
        self.components = (
            # A sample from all over: a folder's pictures are sorted by class.
            augment.colour_components(split.images[:: -(-len(split) // 2000) or 1])
            if recipe.augment == "paper"
            else None
        )

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return len(self.split) * self.recipe.repeats // self.recipe.batch_size

    def order(self, epoch: int) -> Tensor:
        """Return the pictures of an epoch in their order, of shape (n * repeats,)."""
        chance = self.generator.manual_seed(_mix(self.recipe.seed, "epoch", epoch))
        n, device = len(self.split), self.split.labels.device
        shown = n * self.recipe.repeats
        return torch.randperm(shown, generator=chance, device=device) % n

    def pictures(self, step: int) -> Tensor:
        """Return the indices of the pictures of a step, of shape (batch_size,)."""
        epoch, i = divmod(step, len(self))
        size = self.recipe.batch_size
        return self.order(epoch)[i * size : (i + 1) * size]

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
            With mixup or cutmix of shape (n, classes), float32: the share of each.
        """
        n, steps = self.recipe.batch_size, len(self)
        rows = self.order(epoch)[: steps * n].view(steps, n)
        mine, width = self.team.share(n), self.recipe.size_at(epoch)
        own = rows[:, mine].unbind()  # all at once: cheaper than one in each step
        mixed = self.recipe.mixup > 0 or self.recipe.cutmix > 0
        for i in range(start, steps):
            step = epoch * steps + i
            u = self.draw(step)
            images, labels = self._take(own[i], u, mine, width)
            if mixed:
                # Each picture's partner is its mirror image in the batch, whichever
                # process has that one.
                v = u if u is None else u.flip(0)
                others = self._take(rows[i].flip(0)[mine], v, mine, width)
                images, labels = self.mix((images, labels), others, step)
            x = normalize(images).contiguous(memory_format=torch.channels_last)
            yield x, labels

    def _take(self, rows: Tensor, u: Tensor | None, mine: slice, size: int):
        # With one byte per number, ten times as fast on a CPU as images[rows].
        images = self.split.images.index_select(0, rows)
        images = self.augment(images, size, u if u is None else u[mine])
        return images, self.split.labels.index_select(0, rows)

    def draw(self, step: int) -> Tensor | None:
        """Return the random numbers of a whole batch, of shape (batch_size, 6).

        The same, however many processes share it. None if nothing is augmented.
        """
        if self.recipe.augment == "none":
            return None
        n, device = self.recipe.batch_size, self.split.labels.device
        self.generator.manual_seed(_mix(self.recipe.seed, "batch", step))
        return torch.rand(n, 6, generator=self.generator, device=device)

    def mix(
        self, batch: tuple[Tensor, Tensor], others: tuple[Tensor, Tensor], step: int
    ) -> tuple[Tensor, Tensor]:
        """Mix two batches, pictures and labels, as mixup or cutmix does.

        Returns
        -------
        images : Tensor of shape (n, 3, size, size), float32
        labels : Tensor of shape (n, classes), float32
        """
        recipe = self.recipe
        chance = random.Random(_mix(recipe.seed, "mix", step))  # no wait for a GPU
        cut = recipe.cutmix > 0 and (recipe.mixup == 0 or chance.random() < 0.5)
        alpha = recipe.cutmix if cut else recipe.mixup
        share = chance.betavariate(alpha, alpha)
        if cut:
            centre = chance.random(), chance.random()
            images, share = augment.cutmix(batch[0], others[0], share, centre)
        else:
            images = batch[0].lerp(others[0], share)
        first, second = (
            F.one_hot(labels, self.classes).float() for labels in (batch[1], others[1])
        )
        return images, first.lerp(second, share)

    def augment(self, images: Tensor, size: int, u: Tensor | None) -> Tensor:
        """Map uint8 pictures to (n, 3, size, size) in [0, 255].

        Parameters
        ----------
        images : Tensor of shape (n, 3, h, w), uint8
        size : int
            Height and width of the result, in pixels.
        u : Tensor of shape (n, 6) or None
            Uniform random numbers, a row per picture; None augments nothing.
        """
        if u is None:
            return resize(images, size)
        if self.components is None:
            area = self.recipe.crop_area
            return augment.random_resized_crop(images, size, area=area, u=u[:, :5])
        if size < (full := self.recipe.image_size):  # the same share of the picture
            images = resize(images, round(images.shape[-1] * size / full))
        x = augment.random_crop(images, size, u=u[:, :2])
        x = augment.random_flip(x, u=u[:, 2:3])
        return augment.pca_colour(x, self.components, u=u[:, 3:])


def make_optimizer(
    model: nn.Module, recipe: Recipe, *, cuda_graph: bool = False
) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; vectors, positions and tokens do not decay.

    Each of its groups has a key ``lr_scale``, its learning rate in units of the
    recipe's: ``backbone_lr``, or 1 for the head. A frozen backbone is in no group. The
    key ``matrices`` and the argument ``cuda_graph`` are for :class:`vhist.muon.Muon`.
    """
    muon = recipe.optimizer == "muon"
    # Only where one layer is treated unlike the others does a model need a head.
    last = head(model)[0] if muon or recipe.backbone_lr != 1 else ""
    wide = [
        name
        for name, p in model.named_parameters()
        if p.ndim > 1 and not _is_position_or_token(name.rpartition(".")[2])
    ]
    alike: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        in_head = name.startswith(f"{last}.")
        scale = 1.0 if in_head else recipe.backbone_lr
        decay = recipe.weight_decay if name in wide else 0.0
        inner = muon and name in wide[1:] and not in_head
        alike.setdefault((scale, decay, inner), []).append(p)
    groups = [
        {
            "params": alike[scale, decay, inner],
            "weight_decay": decay,
            "lr_scale": scale,
            "matrices": inner,
        }
        for scale, decay, inner in sorted(alike, reverse=True)
        if scale > 0
    ]
    if muon:
        device = next(model.parameters()).device
        short = in_bfloat16(recipe.precision, device.type)
        dtype = torch.bfloat16 if short else None
        return Muon(
            groups,
            recipe.lr,
            recipe.momentum,
            nesterov=recipe.nesterov,
            dtype=dtype,
            cuda_graph=cuda_graph,
        )
    if recipe.optimizer == "sgd":
        nesterov = recipe.nesterov and recipe.momentum > 0
        return torch.optim.SGD(
            groups, recipe.lr, recipe.momentum, nesterov=nesterov, fused=True
        )
    return torch.optim.AdamW(groups, recipe.lr, fused=True)


def _is_position_or_token(name: str) -> bool:
    """Return whether a ViT's parameter is one, by the names of several libraries."""
    return "token" in name or name.startswith(("pos", "relative_pos"))


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Seed PyTorch's global generators, which draw dropout, for one step."""
    number = _step_seeds(seed, step // 256, rank)[step % 256]
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(number)  # also where another GPU is in use


@lru_cache(maxsize=2)
def _step_seeds(seed: int, block: int, rank: int) -> list[int]:
    """Return the seeds of 256 steps: between two steps, one takes ten times as long."""
    steps = range(256 * block, 256 * (block + 1))
    return [_mix(seed, "step", step, rank) for step in steps]


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give the groups of :func:`make_optimizer` their learning rates."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]


def clip_gradients(parameters: list[nn.Parameter], largest: float | None):
    """Scale the gradient to a norm of at most ``largest``; return its norm before."""
    return None if largest is None else nn.utils.clip_grad_norm_(parameters, largest)


def _mix(*words: object) -> int:
    """Hash words to a seed: neighbouring steps get unrelated random numbers."""
    text = " ".join(map(str, words)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def _board(folder: str | Path | None):
    """Return the writer of TensorBoard's event files, a context; None in it if not."""
    if folder is None:
        return nullcontext()
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError(
            "TensorBoard is not installed: pip install tensorboard"
        ) from error
    return SummaryWriter(folder)


def _average(model: nn.Module, recipe: Recipe) -> AveragedModel | None:
    if not recipe.ema:
        return None
    mean = get_ema_multi_avg_fn(recipe.ema)
    return AveragedModel(model, multi_avg_fn=mean, use_buffers=True)


def _parts(images: Tensor, labels: Tensor, count: int):
    """Return the parts of a batch; a batch of one part is not cut, to save time."""
    if count == 1:
        return [(images, labels)]
    return zip(images.chunk(count), labels.chunk(count), strict=True)


def _compiles(recipe: Recipe, steps: int, device: torch.device) -> bool:
    """Return whether it pays: a GPU wins back the minute it takes, a CPU does not."""
    pays = device.type == "cuda" and steps * recipe.epochs >= 1000
    return recipe.compile == "on" or (recipe.compile == "auto" and pays)


def _compiled(model: nn.Module, recipe: Recipe, team: Team):
    # Launching ResNet-34's kernels one by one takes the CPU longer than running them
    # takes the GPU, so they are recorded once and replayed as a CUDA graph. A replay
    # writes to the same memory: gradients that wait for another part's, or that other
    # processes read, would be lost. Each picture size would need its own recording.
    grows = recipe.start_size not in (None, recipe.image_size)
    replayed = recipe.accumulate == 1 and team.size == 1 and not grows
    # For any size at once: compiled size by size, a resumed run would get other code.
    dynamic = True if grows else None
    return torch.compile(
        model, dynamic=dynamic, mode="reduce-overhead" if replayed else None
    )


def _autocast(precision: str, device: torch.device):
    short = in_bfloat16(precision, device.type)
    return torch.autocast(device.type, torch.bfloat16) if short else nullcontext()


def _fast_kernels(precision: str, device: torch.device):
    """Keep PyTorch from using kernels that are slow for training on this device."""
    if device.type == "cuda":
        return _cudnn_benchmark()
    if device.type == "cpu" and in_bfloat16(precision, device.type):
        # The CPU's fused attention has a backward pass four times slower in bfloat16
        # than in float32; plain products take a fifth off a step of the small ViT.
        return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()


@contextmanager
def _cudnn_benchmark() -> Iterator[None]:
    """Let cuDNN try its algorithms once per shape and keep the fastest.

    Not if the user asked for deterministic ones; other settings stay as they are.
    """
    cudnn = torch.backends.cudnn
    before, cudnn.benchmark = cudnn.benchmark, not cudnn.deterministic
    try:
        yield
    finally:
        cudnn.benchmark = before


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Say what to do if PyTorch cannot compile, or a layer cannot take what it gets.

    Raises
    ------
    TypeError, ValueError
        In place of PyTorch's own errors.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):  # also within the compiler; see below
            raise
        if "more than 1 value per channel" in str(error):
            raise ValueError(
                "batch norm cannot compute a deviation from one value per channel: "
                "raise batch_size or image_size, or lower accumulate"
            ) from error
        if isinstance(error, TypeError) and "cross_entropy" in str(error):
            kind = first_line(error).rpartition(" ")[2]
            raise TypeError(
                "in training, too, the model must return one tensor of logits, not a "
                f"{kind}"
            ) from error
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise ValueError(
            f"torch.compile failed ({first_line(error)}): choose compile=off"
        ) from error


@contextmanager
def _if_memory_ends(text: str) -> Iterator[None]:
    """Say in one line what to change if memory runs out.

    Raises
    ------
    MemoryError
        In place of PyTorch's own errors.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(text) from error


def _smaller_step(recipe: Recipe) -> str:
    batch, parts = recipe.batch_size, recipe.accumulate * 2
    if batch % parts == 0:
        advice = f"accumulate={parts}, the same batch in {parts} parts"
    elif batch > 1:
        advice = f"batch_size={batch // 2}"
    else:
        advice = "smaller pictures (image_size) or a smaller model"
    return (
        f"out of memory at batch_size={batch}, accumulate={recipe.accumulate} and "
        f"image_size={recipe.image_size}: try {advice}"
    )


def _smaller_data(data: Dataset, device: torch.device) -> str:
    count, size = len(data.train) + len(data.val), data.image_size
    return (
        f"{device} has no room for {count:,} pictures of {size} pixels: store smaller "
        "ones (data_size) or fewer (per_class)"
    )


def _check_learns(parameters: list[nn.Parameter]) -> None:
    if not (torch.is_grad_enabled() and any(p.requires_grad for p in parameters)):
        raise ValueError(
            "there is nothing to train: no parameter requires a gradient, or gradients "
            "are switched off (torch.no_grad)"
        )
    for p in parameters:
        if p.is_floating_point() and p.dtype != torch.float32:
            raise ValueError(
                f"a model is trained in float32, this one has {p.dtype}: take "
                "model.float(), and precision='bfloat16' to compute in that"
            )


def _check_fit(model: nn.Module, data: Dataset, recipe: Recipe, team: Team) -> None:
    steps_per_epoch(recipe, len(data.train), team.size)  # raises if there are none
    if not len(data.val):
        raise ValueError(f"{data.name} has no validation pictures")
    if len(data.classes) < 2:
        raise ValueError(
            f"{data.name} has one class, {data.classes[0]!r}: there is nothing to tell "
            "apart"
        )
    answered = outputs(model, recipe)
    if answered != len(data.classes):
        raise ValueError(
            f"the model answers {answered} classes, {data.name} has "
            f"{len(data.classes)}: build it with num_classes={len(data.classes)}"
        )
    for split in (data.train, data.val):
        low, high = (f(split.labels).item() for f in (torch.min, torch.max))
        if low < 0 or high >= answered:
            raise ValueError(
                f"labels must be 0 to {answered - 1}, one for each of {data.name}'s "
                f"classes; there are {low} to {high}"
            )
    if recipe.backbone_lr != 1:
        name, layer = head(model)
        if layer.out_features != answered:
            raise ValueError(
                f"backbone_lr takes the linear layer that is declared last for the "
                f"head, but {name} does not put out the {answered} logits"
            )


def _progress(batches: Batches, epoch: int, start: int, verbose: bool):
    """Wrap the batches in a bar that only a terminal shows."""
    from tqdm import tqdm

    # None: hidden unless stderr is a terminal; a daemon has none at all.
    hidden = None if verbose and sys.stderr is not None else True
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
        "classes": [str(name) for name in data.classes],
    }


def _selection(data: Dataset) -> str:
    """Hash which pictures a data set has: parts of one share its fingerprint."""
    digest = hashlib.sha256()
    for split in (data.train, data.val):
        digest.update("\n".join(split.files).encode(errors="surrogatepass"))
        digest.update(split.labels.cpu().contiguous().numpy())
        if not data.fingerprint:  # tensors of the user's
            digest.update(split.images.cpu().contiguous().numpy())
    return digest.hexdigest()[:16]


def _plain(name: str, values: dict) -> dict:
    """Return values as a record's file holds them.

    Raises
    ------
    TypeError
        If they cannot, before anything is trained.
    """
    try:
        return json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be plain numbers, text and lists of them: {error}"
        ) from error


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
