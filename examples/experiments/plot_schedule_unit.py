"""
A schedule counts calls
=======================

The same ``StepLR`` never fires, or ends at nothing; one indentation decides.
"""

# %%
# The article *vision-hist* :cite:p:`khazaei2024` divides its learning rate by ten every
# 1,000 or 2,000 steps. Steps of what? ``StepLR`` counts calls of ``scheduler.step()``.
# They can stand in the loop over batches, or one level further left.
#
# This belongs to the chapter :doc:`Reading a log </chapters/plot_80_reading_a_log>`. To
# try: ``step_size = 2000``, VGG's. And for which of the two loops would 60 be right?

import matplotlib.pyplot as plt
import torch
from torch import nn

import vhist

epochs, batches, step_size = 200, 37, 1000  # ResNet's, of the article


def rates(per_batch):
    """The learning rate of every step of a run."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size, gamma=0.1)
    used = []
    for _ in range(epochs):
        for _ in range(batches):
            used.append(scheduler.get_last_lr()[0])
            optimizer.step()
            if per_batch:
                scheduler.step()
        if not per_batch:
            scheduler.step()
    return used


by_epoch, by_batch = rates(per_batch=False), rates(per_batch=True)
for name, used in {"epoch": by_epoch, "batch": by_batch}.items():
    print(f"called once per {name}: from {used[0]:.0e} to {used[-1]:.0e}")

# %%
# A weight near 0.01 does not even notice the smallest steps: single precision has about
# seven digits. Adam's steps are about as long as the rate.

weight = torch.tensor(0.01)
noticed = {r: bool(weight - r != weight) for r in sorted(set(by_batch), reverse=True)}
for r, differs in list(noticed.items())[:8]:
    print(f"0.01 - {r:.0e} differs from 0.01: {differs}")

fig, ax = plt.subplots(figsize=(7.2, 2.8), layout="constrained")
ax.semilogy(by_epoch, label="once per epoch", linewidth=3)
ax.semilogy(by_batch, label="once per batch", linewidth=2)
ax.set(xlabel="training step", ylabel="learning rate")
ax.legend()
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "One schedule, called at two places.",
    "A horizontal line and a staircase that falls from it tenfold at every step.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Neither can be what was meant. A schedule in a unit with a name is harder to
# misread: that of :class:`vhist.Recipe` is in epochs, and can be asked in advance.

settings = {"schedule": "step", "step_epochs": 60, "warmup_epochs": 0}
recipe = vhist.Recipe(epochs=epochs, lr=1e-4, **settings)
planned = [recipe.lr_at(epoch) for epoch in (0, 59, 60, 120, 199)]
print("vhist, every 60 epochs:", *(f"{r:.0e}" for r in planned))
