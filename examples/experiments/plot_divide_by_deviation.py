"""
Divide by the deviation or by the variance?
===========================================

Batch normalisation by hand, right and with a slip of one word.
"""

# %%
# For each channel, batch normalisation :cite:p:`ioffe2015` subtracts the mean and
# divides by the standard deviation :math:`\sqrt{\sigma^2 + \epsilon}`, both over the
# pictures of the batch and all places of the map: axes 0, 2 and 3. "By the variance",
# says the article *vision-hist* :cite:p:`khazaei2024`. Four channels with different
# spreads tell the two apart. It belongs to the chapter :doc:`ResNet
# </chapters/plot_30_resnet>`; :class:`vhist.models.ResNet` has such a layer behind each
# convolution.

import matplotlib.pyplot as plt
import torch
from torch import nn

torch.manual_seed(0)
spreads = torch.tensor([0.5, 1, 2, 10])
x = 3 + spreads.view(1, 4, 1, 1) * torch.randn(32, 4, 8, 8)  # (n, c, h, w)
mean = x.mean(dim=(0, 2, 3), keepdim=True)
variance = x.var(dim=(0, 2, 3), correction=0, keepdim=True)
by_deviation = (x - mean) / (variance + 1e-5).sqrt()
by_variance = (x - mean) / (variance + 1e-5)

layer = nn.BatchNorm2d(4)  # a new layer is in training mode
difference = (layer(x) - by_deviation).abs().max().item()
print(f"PyTorch's layer and ours differ by {difference:.0e}")
found = {"before": x, "by deviation": by_deviation, "by variance": by_variance}
found = {name: t.std(dim=(0, 2, 3)) for name, t in found.items()}
for name, values in found.items():
    print(f"{name:13}", *(f"{value:6.2f}" for value in values))

fig, ax = plt.subplots(figsize=(7.2, 2.8), layout="constrained")
colors = ("#8c959f", "C0", "C1")
for shift, (name, values), color in zip(
    (-0.26, 0, 0.26), found.items(), colors, strict=True
):
    ax.plot(torch.arange(4) + shift, values, "o", color=color, label=name)
    ax.vlines(torch.arange(4) + shift, 1, values, color=color)
ax.axhline(1, color="#8c959f", linewidth=0.8)
ax.set_yscale("log")
ax.set_xticks(range(4), [f"channel {i}" for i in range(4)])
ax.set(ylabel="standard deviation")
ax.legend(ncols=3, loc="upper left")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "The spread of four channels: as they come, and after either division.",
    "Three points per channel on a logarithmic scale. Divided by the deviation all are"
    " at one; divided by the variance they mirror what was there before.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The slip turns the spreads upside down: the channel that was wide is now narrow. For
# use in evaluation mode the layer keeps running values. They move a tenth of the
# way per step, towards the *unbiased* variance (divided by n - 1), unlike above:

unbiased = x.var(dim=(0, 2, 3), correction=1)
running_difference = (layer.running_var - (0.9 + 0.1 * unbiased)).abs().max().item()
print(f"running variance differs by {running_difference:.0e}")

# %%
# Try ``dim=1``, across the channels, in ``mean`` and ``variance``, and print
# ``by_deviation.var(dim=1, correction=0)``: what is equal then? (Each place
# has a variance of one.)
