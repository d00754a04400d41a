"""
Do three small filters see as far as a large one?
=================================================

Ask the gradient: three 3x3 convolutions reach as far as one of 7x7, for less.
"""

# %%
# The receptive field of a unit is the part of the picture that can change it. So we
# take the unit in the middle, ask for its gradient with respect to every input pixel,
# and look where it is not zero. VGG :cite:p:`simonyan2014` rests on the answer, and
# ``kernel=7`` in :class:`vhist.models.VGG` builds the other side of the argument. The
# long form is in the chapter :doc:`VGG </chapters/plot_20_vgg>`.

import matplotlib.pyplot as plt
import torch
from torch import nn

channels, side = 64, 11
stacks = {"3x3": [3], "3x3, twice": [3, 3], "3x3, three times": [3, 3, 3], "7x7": [7]}
maps, reach, weights = {}, {}, {}
torch.manual_seed(0)
for name, kernels in stacks.items():
    layers = []
    for k in kernels:
        layers += [nn.Conv2d(channels, channels, k, padding=k // 2, bias=False)]
        layers += [nn.ReLU()]
    net = nn.Sequential(*layers)
    x = torch.randn(16, channels, side, side, requires_grad=True)
    net(x)[:, :, side // 2, side // 2].sum().backward()
    maps[name] = x.grad.abs().mean(dim=(0, 1))  # over pictures and channels
    reach[name] = (maps[name].amax(dim=0) > 0).sum().item()  # columns that count
    weights[name] = sum(p.numel() for p in net.parameters())
    print(f"{name:17} sees {reach[name]}x{reach[name]}, {weights[name]:,} weights")

columns = len(stacks)
fig, axes = plt.subplots(1, columns, figsize=(7.2, 2.3), layout="constrained")
for ax, (name, seen) in zip(axes, maps.items(), strict=True):
    ax.imshow(seen)
    ax.set_title(f"{name}\nsees {reach[name]}x{reach[name]}", fontsize=9)
    ax.set_axis_off()
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "How much each input pixel moves the unit in the middle, with random weights.",
    "Four heat maps. Squares of three, five, seven and seven pixels are lit. The third"
    " is brightest in the middle; the fourth, of one large filter, is flat.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# How evenly is the field used? The mean over the middle 3x3 against that over all 7x7:

focus = {}
for name in ("3x3, three times", "7x7"):
    seen = maps[name][2:9, 2:9]
    focus[name] = (seen[2:5, 2:5].mean() / seen.mean()).item()
    print(f"{name:17} {focus[name]:.1f}")

# %%
# Three layers see as far as one, with 27 instead of 49 numbers per pair of channels and
# three ReLUs instead of one. But more paths lead to the middle, so it counts for more
# :cite:p:`luo2016`. Add ``[3] * 5`` to ``stacks``: how far will it see?
