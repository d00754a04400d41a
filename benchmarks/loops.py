"""The same training, written for each trainer as its own documentation does it.

Every loop gets a model, a data set in memory and a recipe, and trains one epoch with
fused AdamW (no decay of vectors), half a cosine to 0 set at every step, label
smoothing, channels last, float32, and one validation at the end. All but ``fit`` take
the very same ready batches from :class:`common.Batches`; ``fit`` makes its own from
the same pictures. Logging, progress bars and checkpoints are off; only
``lightning_default`` leaves Lightning as it comes.

Each returns the validation loss, so that a loop that does something else is noticed.
"""

import contextlib
import logging
import math
import os
import tempfile
import time
import warnings

import torch
from common import Batches
from torch import nn
from torch.nn import functional as F

import vhist
from vhist import Recipe
from vhist.data import Dataset


def loaders(data: Dataset, recipe: Recipe) -> tuple[Batches, Batches]:
    """Return the batches of the two splits."""
    train = Batches(data.train, recipe.batch_size, shuffle=True)
    return train, Batches(data.val, 256, shuffle=False)


def adamw(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Return the optimizer of all loops."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.lr, fused=True)


def cosine(step: int, steps: int) -> float:
    """Return the share of the learning rate for a step counted from 0."""
    return (1 + math.cos(math.pi * (step + 1) / steps)) / 2


# ---- the ruler -----------------------------------------------------------------------


def bare(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train by hand: what everybody else is compared with."""
    return by_hand(model, *loaders(data, recipe), recipe)


def by_hand(model: nn.Module, train, val, recipe: Recipe) -> float:
    """Train on any iterables of batches: a loop of the fewest lines.

    The sum of the losses belongs to it: nobody trains without looking at the loss.
    """
    model.to(memory_format=torch.channels_last)
    optimizer = adamw(model, recipe)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    steps = recipe.epochs * len(train)
    step, loss = 0, math.nan
    for _ in range(recipe.epochs):
        model.train()
        total = torch.zeros(())
        for images, labels in train:
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * cosine(step, steps)
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach()
            step += 1
        loss = validate(model, val)
    return loss


@torch.inference_mode()
def validate(model: nn.Module, batches) -> float:
    """Return the loss over all pictures."""
    model.eval()
    outputs = [(model(images), labels) for images, labels in batches]
    logits, labels = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    (logits.argmax(dim=1) == labels).float().mean().item()  # the accuracy, as all do
    return F.cross_entropy(logits, labels).item()


# ---- ours ----------------------------------------------------------------------------


def fit(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train with :func:`vhist.fit`."""
    return vhist.fit(model, data, recipe, verbose=False).log[-1]["val_loss"]


# ---- peers ---------------------------------------------------------------------------


def accelerate(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train with Accelerate's loop: prepare, backward, and the wrapped steps."""
    from accelerate import Accelerator

    train, val = loaders(data, recipe)
    model.to(memory_format=torch.channels_last)
    accelerator = Accelerator(cpu=True)
    optimizer = adamw(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: cosine(step, len(train))
    )
    # The batches are on the device already, so they need no preparation.
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    model.train()
    total = torch.zeros(())
    for images, labels in train:
        loss = criterion(model(images), labels)
        total += loss.detach()
        accelerator.backward(loss)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return validate(model, val)


def timm(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train as timm's train.py does: its optimizer, scheduler, meters and timers."""
    from timm.optim import create_optimizer_v2
    from timm.scheduler import CosineLRScheduler
    from timm.utils import AverageMeter, accuracy

    train, val = loaders(data, recipe)
    model.to(memory_format=torch.channels_last)
    optimizer = create_optimizer_v2(
        model, "adamw", recipe.lr, recipe.weight_decay, fused=True
    )
    schedule = CosineLRScheduler(optimizer, t_initial=len(train), t_in_epochs=False)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    autocast = contextlib.nullcontext
    losses, batch_time, data_time = AverageMeter(), AverageMeter(), AverageMeter()
    model.train()
    end = time.time()
    for updates, (images, labels) in enumerate(train, start=1):
        data_time.update(time.time() - end)
        with autocast():
            loss = criterion(model(images), labels)
        losses.update(loss.item(), images.size(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        batch_time.update(time.time() - end)
        schedule.step_update(num_updates=updates, metric=losses.avg)
        end = time.time()

    model.eval()
    losses, top1 = AverageMeter(), AverageMeter()
    criterion = nn.CrossEntropyLoss()
    with torch.inference_mode():
        for images, labels in val:
            output = model(images)
            losses.update(criterion(output, labels).item(), images.size(0))
            top1.update(accuracy(output, labels)[0].item(), images.size(0))
    return losses.avg


def lightning(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train with Lightning's barebones trainer: everything that can be off is off."""
    return _lightning(model, data, recipe, log=False, barebones=True)


def lightning_default(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train with Lightning as it comes: logger, progress bar and checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        return _lightning(model, data, recipe, log=True, default_root_dir=folder)


def _lightning(model, data, recipe, *, log: bool, **options) -> float:
    import lightning as L

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    train, val = loaders(data, recipe)

    class Classifier(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = model.to(memory_format=torch.channels_last)
            self.outputs: list = []

        def training_step(self, batch, index):
            images, labels = batch
            loss = criterion(self.model(images), labels)
            if log:
                self.log("loss", loss, prog_bar=True)
            return loss

        def validation_step(self, batch, index):
            images, labels = batch
            logits = self.model(images)
            self.outputs.append((logits, labels))

        def on_validation_epoch_end(self):
            logits, labels = map(torch.cat, zip(*self.outputs, strict=True))
            self.outputs.clear()
            self.accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
            self.loss = F.cross_entropy(logits, labels).item()

        def configure_optimizers(self):
            optimizer = adamw(self.model, recipe)
            schedule = torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: cosine(step, len(train))
            )
            each_step = {"scheduler": schedule, "interval": "step"}
            return {"optimizer": optimizer, "lr_scheduler": each_step}

    module = Classifier()
    with _silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = L.Trainer(max_epochs=1, accelerator="cpu", **options)
        trainer.fit(module, train, val)
    return module.loss


def fastai(model: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Train with fastai's Learner around the same optimizer, without bar and log."""
    from fastai.callback.progress import ProgressCallback
    from fastai.callback.schedule import ParamScheduler
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    train, val = loaders(data, recipe)
    model.to(memory_format=torch.channels_last)
    learner = Learner(
        DataLoaders(train, val, device="cpu"),
        model,
        loss_func=nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing),
        opt_func=lambda *_, **__: OptimWrapper(opt=adamw(model, recipe)),
        lr=recipe.lr,
    )
    learner.remove_cbs([cb for cb in learner.cbs if isinstance(cb, ProgressCallback)])
    n = len(train)
    schedule = ParamScheduler({"lr": lambda at: recipe.lr * cosine(round(at * n), n)})
    with learner.no_logging():
        learner.fit(1, cbs=schedule)
    return learner.recorder.values[-1][1]


@contextlib.contextmanager
def _silence():
    """Let nothing reach the terminal: drawing a bar costs the reader's terminal."""
    redirect = contextlib.redirect_stdout, contextlib.redirect_stderr
    with open(os.devnull, "w") as void, redirect[0](void), redirect[1](void):
        yield


LOOPS = {
    "bare loop": bare,
    "vhist.fit": fit,
    "Accelerate": accelerate,
    "timm-style": timm,
    "Lightning": lightning,
    "Lightning, defaults": lightning_default,
    "fastai": fastai,
}
