"""
What does a ViT see without positions?
======================================

A bag of patches: shuffle them, and its answer stays the same.
"""

# %%
# Attention treats all words alike, and so does the MLP. Only the vector that is added
# for each place tells a church from confetti. We shuffle the patches of ten pictures
# and measure how far the output of :class:`vhist.models.VisionTransformer` moves,
# in units of the differences between pictures. Positions can be missing, learned
# :cite:p:`dosovitskiy2020`, or fixed sines and cosines :cite:p:`beyer2022`. None of
# these networks has been trained; the chapter :doc:`ViT </chapters/plot_40_vit>` does
# it with one that has.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F
from vhist import plots

pictures, _ = vhist.sketchnette.sketchnette(10, image_size=64)
torch.manual_seed(0)
order = torch.randperm(64)


def shuffle(x):
    return F.fold(F.unfold(x, 8, stride=8)[..., order], 64, 8, stride=8)


x = vhist.data.normalize(pictures)
change = {}
for positions in ("none", "learned", "sincos"):
    net = vhist.create_model("vit_small_8", positions=positions).eval()
    net.head = nn.Identity()  # it starts at zero: any picture would get the same logits
    with torch.no_grad():
        before, after = net(x), net(shuffle(x))
    between = (before - before.mean(dim=0)).norm()  # how much pictures differ
    change[positions] = ((before - after).norm() / between).item()
    print(f"positions={positions!r}: {change[positions]:.1e}")

fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.4), layout="constrained")
axes[0].bar(list(change), list(change.values()), color=plots.COLORS["vit"])
axes[0].set(yscale="log", ylim=(1e-8, 10), ylabel="relative change")
church = pictures[4:5].float()
for ax, shown in zip(axes[1:], (church, shuffle(church)), strict=True):
    ax.imshow(shown[0].byte().permute(1, 2, 0))  # chw -> hwc
    ax.set_axis_off()
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "How much of the answer changes, by kind of positions, when patches are shuffled.",
    "Three bars on a logarithmic scale, at rounding error without positions, far higher"
    " with them; a drawn church, and the same with its 64 patches shuffled.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Without positions only rounding is left. Learned ones start small, with a deviation
# of 0.02, so an untrained ViT is nearly such a bag: it must learn where things are.
# Change ``pool`` to ``"mean"`` in :func:`vhist.create_model`: the same holds.
