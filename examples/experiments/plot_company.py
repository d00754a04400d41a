"""
Does a picture's result depend on its company?
==============================================

With BatchNorm it does, during training; with LayerNorm, never.
"""

# %%
# BatchNorm :cite:p:`ioffe2015` takes mean and variance of a channel over all pictures
# of the batch. LayerNorm :cite:p:`ba2016layernorm` takes those of one word over its own
# numbers. So we give both the same picture, cut into patches, alone and in three
# batches, and measure by how much its result moves; then the next picture, twenty in
# all. The chapter is :doc:`ViT </chapters/plot_40_vit>`;
# :class:`vhist.models.VisionTransformer` has LayerNorm, :class:`vhist.models.ResNet`
# has BatchNorm.

from functools import partial

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F

data = vhist.load_dataset("sketchnette").val
church = data.images[data.labels == 4]
company = {  # none of the first twenty churches is in it
    "churches": church[20:35],
    "all classes": data.images[200:215],
    "negatives": 255 - church[20:35],
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
moved = {name: {others: [] for others in company} for name in layers}
with torch.no_grad():
    for name, layer in layers.items():
        for one in church[:20].split(1):
            alone = layer(words(one))
            for others, pictures in company.items():
                change = layer(words(torch.cat([one, pictures])))[:1] - alone
                moved[name][others].append((change.norm() / alone.norm()).item())
        for others, m in moved[name].items():
            print(f"{name:20} {others:12} {min(m):4.0%} to {max(m):4.0%}")

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
for i, name in enumerate(layers):
    for k, m in enumerate(moved[name].values()):
        places, label = [3 * k + 0.7 * i] * len(m), name if k == 0 else None
        ax.plot(places, [100 * one for one in m], "o", ms=4, color=f"C{i}", label=label)
ax.set_xticks([3 * k + 0.7 for k in range(3)], list(company))
ax.set(xlabel="the other fifteen", ylabel="moved by (% of its size)", ylim=(-8, 200))
ax.legend(fontsize=8, ncols=3, loc="upper left")
# sphinx_gallery_start_ignore
from vhist import plots

text = "How far the normalised words of twenty churches move when fifteen others join."
alt = "Columns of dots: tall for BatchNorm in training; the other two lie at zero."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# In use BatchNorm has stored values, here still 0 and 1: it computes one thing in
# training, another in use. How far a church moves is luck: the columns overlap. Does
# ``lambda x: nn.InstanceNorm1d(192)(x.mT).mT`` depend on company? (No.)
