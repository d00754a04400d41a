"""
Can you see a wrong exponent?
=============================

Sine waves tell how far two places are apart; after a small slip only roughly, and no
error says so.
"""

# %%
# The Transformer of :cite:t:`vaswani2017` marks places with fixed waves. Columns come
# in pairs, a sine and a cosine of one frequency, and pair :math:`i` of :math:`D / 2`
# turns by :math:`10000^{-2i/D}` per place. A :doc:`guide to ViT
# </chapters/plot_55_finetuning>` took :math:`i` for the number of the column: that
# doubles the exponent, and parts the sine from its cosine. All shapes are right, and
# nothing fails. It belongs to the chapter :doc:`ViT
# </chapters/plot_40_vit>`; :class:`vhist.models.VisionTransformer` has such waves for
# rows and columns, with ``positions="sincos"``.

import matplotlib.pyplot as plt
import torch

words, width = 196, 768
place = torch.arange(words, dtype=torch.float64)[:, None]
distance = (place - place.mT).abs().long()  # of each place from each
column = torch.arange(width)
pair = column // 2
exponents = {"correct": 2 * pair / width, "doubled": 2 * column / width}

tables, uneven, varying = {}, {}, {}
for name, exponent in exponents.items():
    angle = place / 10_000**exponent
    table = tables[name] = torch.where(column % 2 == 0, angle.sin(), angle.cos())
    products = table @ table.mT
    mean = torch.stack([products.diagonal(d).mean() for d in range(words)])
    uneven[name] = products - mean[distance]  # zero if only the distance counts
    varying[name] = (table.std(dim=0) > 0.01).sum().item()
    print(
        f"{name:8} {varying[name]} of {width} columns vary; with distance products fall"
        f" from {mean[0]:.0f} to {mean.min():.0f},\n{'':8} and those of equally distant"
        f" places differ by up to {uneven[name].abs().max():.1g} from their mean"
    )

fig, axes = plt.subplots(
    2, 2, figsize=(7.2, 4.2), width_ratios=(3, 2), layout="constrained"
)
for (name, table), (left, right) in zip(tables.items(), axes, strict=True):
    left.imshow(table[:, ::2], aspect="auto", extent=(0, width, words, 0))
    left.set(title=f"{name}: the sines", ylabel="place")
    shown = right.imshow(uneven[name], vmin=-3, vmax=3)
    fig.colorbar(shown, ax=right, extend="both")
    right.set_title("products, less their mean")
axes[1, 0].set_xlabel("column")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Left the table of positions. Right the products of its rows, two places each, less"
    " the mean of all that are equally distant.",
    "Four heat maps. Above, waves that slow down over most columns, and an even square."
    " Below, waves over the left part only, and a square full of stripes.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Above, a distance means the same everywhere. Below, it depends a little on where the
# places are, and half as many columns vary. The guide printed two numbers of its table,
# 1.0491e-08 and 2.0458e-06, which give it away. One column, in row two and in the last:

for name, table in tables.items():
    print(f"{name:8}", *(f"{number:.4e}" for number in table[[1, -1], 766].tolist()))

# %%
# Why does only the distance count? For one pair the product is
# :math:`\sin a \sin b + \cos a \cos b = \cos(a - b)`, if sine and cosine turn alike.
# Replace ``10_000`` by 100: which distances can then be told apart?
