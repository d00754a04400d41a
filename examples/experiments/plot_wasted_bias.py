"""
What does a bias do in front of batch normalisation?
====================================================

Nothing: whatever it adds, the batch's mean takes away again.
"""

# %%
# Batch normalisation :cite:p:`ioffe2015` subtracts the mean of each channel, and a bias
# is a part of that mean. So it can change neither the output nor the loss, and its
# gradient must be zero. In double precision that shows to the last digits. The same
# convolution without the layer behind it is the control. The long form is in the
# chapter :doc:`ResNet </chapters/plot_30_resnet>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F

pictures, labels = vhist.sketchnette.sketchnette(20, image_size=32)
x = vhist.data.normalize(pictures).double()
change, gradient = {}, {}
for name, norm in (("with", nn.BatchNorm2d(8)), ("without", nn.Identity())):
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3, stride=2)
    layers = (conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(8 * 15 * 15, 10))
    net = nn.Sequential(*layers).double()
    before = net(x)
    nn.init.normal_(conv.bias)
    after = net(x)
    F.cross_entropy(after, labels).backward()
    change[name] = (after - before).abs().max().item()
    gradient[name] = conv.bias.grad.abs()
    print(
        f"{name:7} normalisation: another bias moves the output by {change[name]:.0e},"
    )
    print(f"{'':7} largest gradient of the bias {gradient[name].max().item():.0e}")

fig, ax = plt.subplots(figsize=(7.2, 2.6), layout="constrained")
for name, color in (("without", "#8c959f"), ("with", "C0")):
    values = gradient[name].clamp(min=1e-20)  # a zero has no place on this scale
    ax.semilogy(range(8), values, "o", color=color, label=f"{name} normalisation")
ax.set(xlabel="channel", ylabel="gradient of its bias", ylim=(1e-21, 100))
ax.legend(loc="center right")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Size of the gradient that reaches each bias. What is left below is rounding.",
    "Eight points near the top of a logarithmic scale without normalisation, and eight"
    " more than ten decades below with it.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The layer's own shift, β, takes its place; Ioffe and Szegedy drop the bias for this
# reason (section 3.2). How many such numbers does a whole network carry?
# :func:`vhist.models.resnet34` has them, as in the article behind this book; the
# canonical network does not.

with torch.device("meta"):  # shapes without contents
    nets = [vhist.models.resnet34(conv_bias=bias) for bias in (True, False)]
counts = [sum(p.numel() for p in net.parameters()) for net in nets]
wasted = counts[0] - counts[1]
print(f"{counts[0]:,} - {counts[1]:,} = {wasted:,} wasted numbers in ResNet-34")

# %%
# Put the layer into evaluation mode with ``norm.eval()``. It then subtracts a stored
# mean, which knows nothing of the new bias. Is the bias still without effect?
