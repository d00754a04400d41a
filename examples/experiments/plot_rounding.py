"""
224 or 227 pixels?
==================

The paper on AlexNet says 224, most code 227; they round a division differently.
"""

# %%
# A window of ``kernel`` pixels that moves by ``stride`` has ``(n - kernel) / stride``
# steps to go, plus its first place. If that is no whole number, the code of AlexNet
# :cite:p:`krizhevsky2012code` rounds up; PyTorch rounds down and leaves out pixels.
# The chapter is :doc:`AlexNet </chapters/plot_10_alexnet>`. To try: add ``"227, up"``.
# Why does rounding not matter then?

from math import ceil, floor

import matplotlib.pyplot as plt
import torch
import vhist

layers = {  # kernel, stride, padding
    "conv1": (11, 4, 0),
    "pool1": (3, 2, 0),
    "conv2": (5, 1, 2),
    "pool2": (3, 2, 0),
    "conv5": (3, 1, 1),  # 3 and 4 are like 5
    "pool5": (3, 2, 0),
}
variants = {
    "224, up": (224, ceil),
    "224, down": (224, floor),
    "227, down": (227, floor),
}
sides = {}
for name, (n, rounded) in variants.items():
    sides[name] = [n]
    for kernel, stride, padding in layers.values():
        n = rounded((n + 2 * padding - kernel) / stride) + 1
        sides[name].append(n)
    print(f"{name:10}", *(f"{side:4}" for side in sides[name]))

# %%
# The paper's 55, 27 and 13 come from the first line and from the third; torchvision's
# own AlexNet pads the first layer by 2, and has its 55 from 224. Without padding, 224
# pixels are another network: its first fully connected layer sees fewer places.
# :func:`vhist.create_model` builds both and :func:`vhist.summary` counts them.

parameters, measured = {}, {}
for size in (224, 227):
    with torch.device("meta"):  # shapes only, no numbers
        net = vhist.create_model("alexnet", image_size=size)
    rows = {row.name.split(".")[-1]: row for row in vhist.summary(net, size).rows}
    measured[size] = [size] + [rows[layer].shape[-1] for layer in layers]
    parameters[size] = sum(row.parameters for row in rows.values())
    print(f"{size} pixels: {parameters[size]:,} parameters")

# %%
# The right edge of the picture, with the last three places of the first window:

rows = len(variants)
fig, axes = plt.subplots(rows, sharex=True, figsize=(7.2, 3.4), layout="constrained")
overhang = {}  # pixels of the last window beyond the picture; negative: left out
for ax, (name, (n, _)) in zip(axes, variants.items(), strict=True):
    starts = [4 * (sides[name][1] - i) for i in (3, 2, 1)]
    overhang[name] = starts[-1] + 11 - n
    ax.barh([0, 1, 2], width=11, left=starts, height=0.6)
    ax.axvspan(200, n, color="#8c959f", alpha=0.3, linewidth=0, zorder=0)
    ax.set(ylabel=name, yticks=[], xlim=(200, 228))
    print(f"{name:10} the last window ends {overhang[name]:+} pixels from the edge")
axes[-1].set(xlabel="pixel")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Grey: the picture. Rounded up, a window sticks out; down, a strip is never seen.",
    "Three grey strips with bars. The last ends beyond the strip, before, and with it.",
)
# sphinx_gallery_end_ignore
plt.show()
