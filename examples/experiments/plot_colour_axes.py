"""
Along which axes do colours vary?
=================================

Mostly from dark to bright; AlexNet's colour noise follows all three axes.
"""

# %%
# Red, green and blue of a pixel are mostly one number, its brightness, said three
# times. A principal component analysis of all pixels finds three axes of colour that
# are not correlated. AlexNet moves each training picture along each, by a random amount
# in proportion to the spread along it :cite:p:`krizhevsky2012`, as if the light had
# changed. (The paper prints the eigenvalue, which is the spread squared; here it is
# the spread.) :func:`vhist.augment.colour_components` finds the axes,
# :func:`vhist.augment.pca_colour` moves pictures. It belongs to the chapter
# :doc:`AlexNet </chapters/plot_10_alexnet>`.

import matplotlib.pyplot as plt
import torch
import vhist

pictures = vhist.load_dataset("sketchnette").train.images[:2000]
spread, directions = vhist.augment.colour_components(pictures)  # (3,), (3, 3)
share = spread**2 / (spread**2).sum()
directions = directions * directions.sum(dim=0).sign()  # towards more light
for i in range(3):
    r, g, b = directions[:, i].tolist()
    print(f"axis {i + 1}, red {r:+.2f}, green {g:+.2f}, blue {b:+.2f}: {share[i]:5.1%}")

# By hand: the same pixels, seen along the new axes.
pixels = pictures.transpose(0, 1).flatten(1).float() / 255  # (3, n * h * w)
correlation = {
    "red, green, blue": torch.corrcoef(pixels),
    "the three axes": torch.corrcoef(directions.T @ pixels),
}
for name, table in correlation.items():
    print(f"{name}: largest correlation {table.triu(1).abs().max():.2f}")

fish = pictures[[0]].float()
amounts = torch.linspace(-1, 1, 5)  # in standard deviations; AlexNet draws about 0.1
moves = amounts[:, None] * spread * 255  # (5, 3)
fig, axes = plt.subplots(3, 6, figsize=(7.2, 3.7), layout="constrained")
for i, row in enumerate(axes):
    bar = row[0].barh([2, 1, 0], directions[:, i].tolist())
    for patch, color in zip(bar, ("tab:red", "tab:green", "tab:blue"), strict=True):
        patch.set_color(color)
    row[0].axvline(0, color="#8c959f", linewidth=0.8)
    row[0].set(xlim=(-1, 1), xticks=[], yticks=[2, 1, 0], yticklabels=["r", "g", "b"])
    row[0].set_title(f"axis {i + 1}: {share[i]:.1%}", fontsize=9)
    for ax, move, amount in zip(row[1:], moves[:, i], amounts, strict=True):
        moved = fish + (move * directions[:, i]).view(1, 3, 1, 1)
        ax.imshow(moved[0].clamp(0, 255).byte().permute(1, 2, 0))  # chw -> hwc
        ax.set_title(f"{amount:g}" if i == 0 else "", fontsize=9)
        ax.set_axis_off()
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "The three axes, with their share of the variance; a drawing moved along each, by"
    " up to one standard deviation of all pixels.",
    "Three rows: bars for red, green and blue, then a fish five times. In the first row"
    " the bars are nearly equal and the picture goes from dark to bright; in the others"
    " its tint changes.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The first axis is close to grey and has most of the variance, so most of the noise is
# a change of brightness. A picture gets the same shift at every pixel; its drawing
# stays. The axes are a matter of the data: with ``pictures[:1]``, which of them turn?
