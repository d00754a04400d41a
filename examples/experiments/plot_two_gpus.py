"""
Two graphics cards are one argument
===================================

AlexNet's halves lived on two GPUs; on one, ``groups=2`` computes the same.
"""

# %%
# The authors' cards had 3 GB each, too little for the network (section 3.2). So each of
# two got half of the channels, and in layers 2, 4 and 5 saw only its own
# :cite:p:`krizhevsky2012`. A convolution with two groups does just that. To see it, we
# build the second layer once more from two small convolutions.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# ``split = 4``. How many weights does the layer then have?

import matplotlib.pyplot as plt
import torch
from torch import nn

import vhist

torch.manual_seed(0)
split = 2
x = torch.randn(1, 96, 27, 27)
layer = nn.Conv2d(96, 256, 5, padding=2, groups=split)
cards = []
for w, b in zip(layer.weight.chunk(split), layer.bias.chunk(split), strict=True):
    card = nn.Conv2d(96 // split, 256 // split, 5, padding=2)
    card.weight, card.bias = nn.Parameter(w.detach()), nn.Parameter(b.detach())
    cards.append(card)
parts = [card(part) for card, part in zip(cards, x.chunk(split, dim=1), strict=True)]
difference = (layer(x) - torch.cat(parts, dim=1)).abs().max().item()
print(
    f"one layer in {split} groups, {split} layers: outputs differ by {difference:.0e}"
)
for groups in (1, split):
    weights = nn.Conv2d(96, 256, 5, groups=groups).weight.numel()
    print(f"groups={groups}: {weights:,} weights")

# %%
# Who is connected with whom? A 1 x 1 convolution of one active channel at a time shows
# it. With as many groups as channels it is a *depthwise* convolution.

channels = 16
reach = {}
for groups in (1, split, channels):
    conv = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)
    one_by_one = torch.eye(channels)[:, :, None, None]
    reach[groups] = conv(one_by_one)[:, :, 0, 0].T != 0  # (out, in)
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), layout="constrained")
for ax, (groups, connected) in zip(axes, reach.items(), strict=True):
    ax.imshow(connected.numpy(), cmap="cividis", vmin=0, vmax=1, aspect="auto")
    ax.set(title=f"groups={groups}", xticks=[], yticks=[], xlabel="input channel")
axes[0].set(ylabel="output channel")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Yellow: connected. Groups leave blocks on the diagonal.",
    "Three squares: filled; two filled blocks on the diagonal; a thin diagonal.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# And for the whole network, counted by :func:`vhist.summary`:

with torch.device("meta"):
    nets = {g: vhist.create_model("alexnet", groups=g) for g in (1, 2)}
tables = {g: vhist.summary(net, 227) for g, net in nets.items()}
saved = tables[1].parameters - tables[2].parameters
saved_work = 1 - tables[2].macs / tables[1].macs
print(f"groups=2 saves {saved:,} parameters and {saved_work:.0%} of the multiply-adds")
