"""What a training run would take: steps, arithmetic, memory, before it begins."""

from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from vhist._checks import is_out_of_memory
from vhist._modes import evaluating, training
from vhist._text import first_line
from vhist.models import create_model
from vhist.recipe import Recipe
from vhist.summary import Summary, summary

__all__ = [
    "builder_options",
    "check_logits",
    "estimate_memory",
    "hollow_model",
    "outputs",
    "eval_batch_size",
    "steps_per_epoch",
]


def builder_options(model: str, recipe: Recipe) -> dict[str, Any]:
    """Return what a model's builder needs to know of the pictures."""
    return {} if model.startswith("resnet") else {"image_size": recipe.image_size}


def hollow_model(model: str, recipe: Recipe, **options: Any) -> nn.Module:
    """Build a model on PyTorch's meta device, without its numbers: at once.

    Parameters
    ----------
    model : str
        Name of a builder.
    recipe : Recipe
    **options
        For the builder, for example ``num_classes``.
    """
    with torch.device("meta"):
        return create_model(model, **builder_options(model, recipe) | options)


@torch.no_grad()
def outputs(model: nn.Module, recipe: Recipe) -> int:
    """Return how many logits a model puts out, at a recipe's first and last size.

    Raises
    ------
    TypeError
        If it does not put out one tensor.
    ValueError
        If it cannot take pictures of one of these sizes.
    """
    device = next(model.parameters(), torch.empty(0)).device
    with evaluating(model):  # two pictures are too few for the statistics of a batch
        for size in {recipe.image_size, recipe.start_size or recipe.image_size}:
            x = torch.zeros(2, 3, size, size, device=device)
            try:
                answer = model(x)
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise
                raise ValueError(
                    f"the model cannot take pictures of {size} pixels: "
                    f"{first_line(error)}"
                ) from error
            logits = check_logits(answer, len(x))
    return logits.shape[1]


def check_logits(answer: object, count: int) -> Tensor:
    """Return what a model put out, if it is a row of logits for each picture.

    Parameters
    ----------
    answer : object
    count : int
        Number of pictures.

    Returns
    -------
    Tensor of shape (count, classes)

    Raises
    ------
    TypeError
        If it is not one tensor.
    ValueError
        If it has another shape.
    """
    if not isinstance(answer, Tensor):
        raise TypeError(
            f"the model must return one tensor of logits, not a {type(answer).__name__}"
        )
    if answer.ndim != 2 or len(answer) != count:
        hint = (
            ": flatten(1) drops axes of size 1" if answer.shape[2:].numel() == 1 else ""
        )
        raise ValueError(
            f"the model must return logits of shape ({count}, classes) for {count} "
            f"pictures, not {tuple(answer.shape)}{hint}"
        )
    return answer


def steps_per_epoch(recipe: Recipe, train: int, processes: int = 1) -> int:
    """Return the number of steps in one epoch.

    Parameters
    ----------
    recipe : Recipe
    train : int
        Number of training pictures.
    processes : int
        That share each batch.

    Raises
    ------
    ValueError
        If there are fewer pictures than one batch, or it cannot be shared evenly.
    """
    shown = train * recipe.repeats
    if shown < recipe.batch_size:
        raise ValueError(
            f"batch_size={recipe.batch_size} is more than the {shown} training "
            "pictures; use a smaller batch, or repeats"
        )
    if recipe.batch_size % (processes * recipe.accumulate):
        raise ValueError(
            f"batch_size={recipe.batch_size} cannot be shared evenly among "
            f"{processes} processes with accumulate={recipe.accumulate}"
        )
    return shown // recipe.batch_size


def eval_batch_size(recipe: Recipe, processes: int = 1) -> int:
    """Return how many pictures a process of a training run evaluates at a time.

    More than in training, as no layer's output is kept for a backward pass.

    Parameters
    ----------
    recipe : Recipe
    processes : int
        That share each batch.
    """
    return min(256, 4 * -(-recipe.batch_size // (recipe.accumulate * processes)))


def estimate_memory(
    model: nn.Module,
    recipe: Recipe,
    picture_shape: tuple[int, ...],
    *,
    bfloat16: bool = False,
    processes: int = 1,
) -> dict[str, int]:
    """Estimate the bytes that one process of a training run holds at its peak.

    Counted is what grows with the model and the recipe: weights, gradients, the
    optimizer's state, the running average, activations and the data set. Activations
    are what autograd keeps of one part of a batch, found by a forward pass on shapes
    alone, plus the gradients passing through the widest two layers; or those layers for
    the pictures of an evaluation, if that is more. For a frozen backbone nothing is
    kept. On a GPU Muon holds one more copy of its momentum.

    The estimate is rough: PyTorch's own code and the scratch memory of convolutions
    are not in it. On a CPU, in float32, resnet_small and vit_small_8 took 40 to 310 MB
    more than this with batches of 64 and 256 pictures, of 300 to 1,700 MB in all;
    alexnet_small took 880 MB in place of 290 with 64. What PyTorch takes once it is
    imported comes on top, about 700 MB there.

    Parameters
    ----------
    model : nn.Module
        On any device: it is traced on shapes alone, nothing is computed.
    recipe : Recipe
    picture_shape : tuple of int
        (n, 3, size, size) of all stored pictures, one byte a number.
    bfloat16 : bool
        Whether layers put out two bytes a number instead of four.
    processes : int
        That share each batch.

    Returns
    -------
    dict of str to int
        Bytes by purpose, in the order of the text above.

    Raises
    ------
    ValueError
        If the model cannot take pictures of the recipe's size.
    """
    table = summary(model, recipe.image_size)
    weights = 4 * (table.parameters + table.buffers)
    # What muon leaves to adamw is little.
    moments = {"adamw": 2, "sgd": int(recipe.momentum > 0), "muon": 1}
    part = recipe.batch_size // (recipe.accumulate * processes)
    widest = 4 * _widest(table)
    with training(model, recipe):
        learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
        step = _kept_for_backward(model, part, recipe.image_size) + part * widest
    evaluation = eval_batch_size(recipe, processes) * widest
    return {
        "weights": weights,
        # torch.distributed keeps a second copy, in the buckets that it sends
        "gradients": 4 * learned * (1 if processes == 1 else 2),
        "optimizer": 4 * learned * moments[recipe.optimizer],
        "running average": weights if recipe.ema else 0,
        "activations": max(step, evaluation) // (2 if bfloat16 else 1),
        "pictures": prod(picture_shape),
    }


def _widest(table: Summary) -> int:
    """Return the most numbers that a layer takes and puts out for one picture."""
    sizes = [row.activations for row in table.rows if row.activations]
    return max(map(sum, pairwise(sizes)), default=0)


def _kept_for_backward(model: nn.Module, n: int, size: int) -> int:
    """Return the bytes that autograd keeps of a forward pass on n pictures."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()  # a storage counts once
        return tensor

    # Not on the meta device: it knows no fused attention, and would keep all its maps.
    with FakeTensorMode():
        state = {
            name: torch.empty(t.shape, dtype=t.dtype, requires_grad=t.requires_grad)
            for name, t in [*model.named_parameters(), *model.named_buffers()]
        }
        own = {t.untyped_storage()._cdata for t in state.values()}
        with saved_tensors_hooks(note, lambda tensor: tensor):
            x = torch.zeros(n, 3, size, size)
            torch.func.functional_call(model, state, (x,))
    return sum(kept.values())
