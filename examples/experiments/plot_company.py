"""
Does a picture's result depend on its company?
==============================================

With BatchNorm it does, during training; with LayerNorm, never.
"""

# %%
# BatchNorm :cite:p:`ioffe2015` takes mean and variance of a channel over all pictures
# of the batch. LayerNorm :cite:p:`ba2016layernorm` takes those of one word over its own
# numbers. So we give both the same picture, cut into patches, alone and in three
# batches, and measure by how much its result moves. No network is needed. The chapter
# is :doc:`ViT </chapters/plot_40_vit>`; :class:`vhist.models.VisionTransformer` has
# LayerNorm, :class:`vhist.models.ResNet` has BatchNorm.

from functools import partial

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F

data = vhist.load_dataset("sketchnette").val
church = data.images[data.labels == 4]
company = {
    "churches": church[1:16],
    "all classes": data.images[:15],
    "negatives": 255 - church[1:16],
}


def words(pictures):
    x = vhist.data.normalize(pictures)
    return F.unfold(x, 8, stride=8).mT  # (n, 64, 192)


def batch_norm(x, training=True):
    layer = nn.BatchNorm1d(192).train(training)  # 192 channels
    return layer(x.mT).mT


layers = {
    "BatchNorm, training": batch_norm,
    "BatchNorm, in use": partial(batch_norm, training=False),
    "LayerNorm": nn.LayerNorm(192),
}
moved = {name: {} for name in layers}
with torch.no_grad():
    for name, layer in layers.items():
        alone = layer(words(church[:1]))
        for others, pictures in company.items():
            change = layer(words(torch.cat([church[:1], pictures])))[:1] - alone
            moved[name][others] = (change.norm() / alone.norm()).item()
        print(f"{name:20}", *(f"{c} {m:.1%}" for c, m in moved[name].items()))

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
for i, name in enumerate(layers):
    places = [3 * k + 0.7 * i for k in range(3)]
    heights = [100 * m for m in moved[name].values()]
    drawn = ax.bar(places, heights, 0.6, label=name)
    ax.bar_label(drawn, fmt="%.0f", fontsize=8)
ax.set_xticks([3 * k + 0.7 for k in range(3)], list(company))
ax.set(xlabel="the other fifteen", ylabel="moved by (% of its size)")
ax.legend(loc="upper left", fontsize=8)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "How far the normalised words of a drawn church move when fifteen others join it.",
    "Three groups of bars. In each only BatchNorm in training has a height, the larger"
    " the stranger the company; the other two are zero.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# In use BatchNorm has stored values, here still 0 and 1: it computes one thing in
# training, another in use. Does ``nn.InstanceNorm1d`` depend on company?
