"""
Is weight decay the same as L2?
===============================

For plain SGD it is; Adam hardly decays those weights whose gradients are large.
"""

# %%
# L2 adds ``weight_decay * weight`` to the gradient. SGD multiplies it by the learning
# rate, and the weight shrinks by a fixed share. Adam :cite:p:`kingma2015` first divides
# by the size of recent gradients, so the share depends on them. AdamW
# :cite:p:`loshchilov2019` takes its share directly from the weight.
#
# We watch two weights for which nothing is to be learned: their gradients change sign
# at every step. One has small gradients, the other large ones.
#
# This belongs to the chapters on :doc:`AlexNet </chapters/plot_10_alexnet>`, where the
# paper used SGD, and on :doc:`ViT </chapters/plot_40_vit>`. To try: ``sizes = (1, 2)``.

from math import exp

import matplotlib.pyplot as plt
import torch
from torch import nn

sizes = (1e-3, 10.0)  # of the two weights' gradients
rate, decay, steps = 1e-3, 0.5, 2000  # their product is 1

paths = {}
settings = {"lr": rate, "weight_decay": decay}
cases = {"SGD": {}, "Adam": {}, "AdamW": {}, "SGD, momentum": {"momentum": 0.9}}
for name, more in cases.items():
    weights = nn.Parameter(torch.ones(2, dtype=torch.float64))
    kind = getattr(torch.optim, name.split(",")[0])
    optimizer = kind([weights], **settings, **more)
    places = [weights.tolist()]
    for step in range(steps):
        weights.grad = (-1) ** step * torch.tensor(sizes, dtype=torch.float64)
        optimizer.step()
        places.append(weights.tolist())
    paths[name] = torch.tensor(places)

expected = exp(-rate * decay * steps)
end = {name: path[-1].tolist() for name, path in paths.items()}
for name, left in end.items():
    print(f"{name:13} leaves {left[0]:.3f} and {left[1]:.3f}; expected {expected:.3f}")

# %%
# The dotted line is what decay by a fixed share should do.

fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.8), sharey=True, layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=False):  # the first three
    for i, style in enumerate(("-", "--")):
        label = f"gradients ±{sizes[i]:g}"
        # every other step: large gradients have it zigzag by more than a line's width
        ax.plot(range(0, steps + 1, 2), path[::2, i], style, label=label, linewidth=2)
    share = [(1 - rate * decay) ** step for step in range(steps + 1)]
    ax.plot(share, ":", color="#8c959f", linewidth=3, zorder=0)
    ax.set(title=name, xlabel="step")
axes[0].set(ylabel="weight", ylim=(-0.05, 1.05))
axes[0].legend(fontsize=8, loc="lower left")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Same rate, same decay: only Adam with L2 tells the two weights apart.",
    "Three panels. For SGD and AdamW both weights follow one falling curve; for Adam"
    " one falls nearly to zero and the other stays near one.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Adam's first weight is nearly gone: where gradients are small, the decay is most of
# what Adam sees, and it takes large steps there. The second weight hardly notices. A
# decay tuned for AdamW means something else to Adam, so :class:`vhist.Recipe` offers
# no Adam. With momentum, SGD's L2 passes through the momentum, too, and grows tenfold
# for both weights alike. AlexNet's was of that kind.
