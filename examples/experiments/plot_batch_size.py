"""
What does a small batch know about the data?
============================================

The mean that batch normalisation uses strays as one over the root of the batch size.
"""

# %%
# In training, batch normalisation :cite:p:`ioffe2015` measures the mean and variance of
# each channel on the batch at hand. Here is one channel, the first of an untrained
# :func:`vhist.models.resnet_small`, for a thousand drawings, averaged over the map; the
# batch's mean is the mean of such numbers. How far does it stray from the mean of all,
# and how does the size matter? The chapter :doc:`ResNet </chapters/plot_30_resnet>`
# shows what that does to an answer.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn

data = vhist.load_dataset("sketchnette")
x = vhist.data.normalize(vhist.data.resize(data.val.images, 32))
torch.manual_seed(0)
with torch.no_grad():
    channel = vhist.models.resnet_small().conv1(x)[:, 0].mean(dim=(1, 2))  # (1000,)

sizes = [2**k for k in range(1, 9)]
means, spread, expected = {}, {}, {}
for n in sizes:
    batches = channel[torch.randint(len(channel), (4000, n))]
    means[n] = batches.mean(dim=1)
    spread[n] = means[n].std().item()
    expected[n] = channel.std().item() / n**0.5
    print(f"batches of {n:3}: spread {spread[n]:.4f}, expected {expected[n]:.4f}")

fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
for n in (2, 16, 128):
    axes[0].hist(means[n], bins=60, density=True, alpha=0.7, label=n)
axes[0].set(xlabel="mean of a batch", yticks=[])
axes[0].legend(title="pictures")
axes[1].loglog(sizes, list(spread.values()), "o")
axes[1].loglog(
    sizes, list(expected.values()), color="#8c959f", label="deviation / root of n"
)
axes[1].set(xlabel="pictures in the batch, n", ylabel="spread of the mean")
axes[1].set_xticks(sizes, sizes)
axes[1].set_yticks((0.05, 0.1, 0.2, 0.5), (0.05, 0.1, 0.2, 0.5))
axes[1].minorticks_off()
axes[1].legend()
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Means of four thousand random batches, and how their spread falls with the size.",
    "Left, three histograms: wide for 2 pictures, narrow for 128. Right, points on a"
    " straight falling line, both axes logarithmic.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Four times as many pictures halve the noise. A single picture still has a variance,
# that over the places of its map; where there is only one place, PyTorch refuses:

try:
    nn.BatchNorm2d(4)(torch.randn(1, 4, 1, 1))
except ValueError as error:
    refusal = str(error)
    print(refusal)

# %%
# In evaluation mode the running statistics are used, and one picture is enough. Replace
# ``.mean(dim=1)`` of the batches by ``.var(dim=1)``: does its spread fall alike? (It
# does. For normal numbers ``expected`` is ``channel.var().item() * (2 / (n - 1)) **
# 0.5``; these are not quite normal.)
