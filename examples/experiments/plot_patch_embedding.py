"""
Is patch embedding a convolution?
=================================

Yes: cutting, flattening and one matrix give what a convolution with a stride gives.
"""

# %%
# The ViT paper :cite:p:`dosovitskiy2020` flattens each patch and multiplies it by a
# matrix :math:`E` (section 3.1). Its code, and :class:`vhist.models.VisionTransformer`,
# use a convolution whose stride is its size. Both are done here with the same weights.
# The one thing to get right is the order in which a patch is flattened: colour, row,
# column as in the weights. The chapter is :doc:`ViT </chapters/plot_40_vit>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch.nn import functional as F

torch.manual_seed(0)
pictures, _ = vhist.sketchnette.sketchnette(10, image_size=64)
images = vhist.data.normalize(pictures)
conv = vhist.create_model("vit_small_8").patches  # Conv2d(3, 192, 8, stride=8)
matrix = conv.weight.flatten(1).T  # (192, 3, 8, 8) -> (192, 192)^T

with torch.no_grad():
    by_conv = conv(images).flatten(2).mT  # (n, d, h, w) -> (n, h * w, d)
    patches = F.unfold(images, 8, stride=8).mT  # (n, 64, 3 * 8 * 8)
    by_matrix = patches @ matrix + conv.bias
    colour_last = patches.unflatten(2, (3, 64)).transpose(2, 3).flatten(2)
    wrong_order = colour_last @ matrix + conv.bias
difference = (by_conv - by_matrix).abs().max().item()
difference_wrong = (by_conv - wrong_order).abs().max().item()
print(f"{tuple(by_conv.shape)}: the matrix differs by {difference:.0e},")
print(f"with the colours flattened last by {difference_wrong:.1f}")

fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.5), layout="constrained")
picture = pictures[4] / 255
words = F.unfold(F.pad(picture, (0, 0, 0, 0, 0, 1), value=1)[None], 8, stride=8)
words = F.pad(words.view(4, 8, 8, 64), (0, 0, 1, 1, 1, 1))  # clear margins
sheet = F.fold(words.view(1, 4 * 10 * 10, 64), 80, 10, stride=10)[0]
for ax, shown in zip(axes, (picture, sheet), strict=False):
    ax.imshow(shown.permute(1, 2, 0))  # chw -> hwc
    ax.set_axis_off()
for name, other, mark in (("c, h, w", by_matrix, "o"), ("h, w, c", wrong_order, "x")):
    points = by_conv[4, :, ::16].flatten(), other[4, :, ::16].flatten()
    axes[2].plot(*points, mark, ms=3, label=name)
axes[2].set(xlabel="convolution", ylabel="matrix")
axes[2].legend(title="flattened", fontsize=8, title_fontsize=8)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "A picture, its 64 patches, and numbers of their embeddings computed both ways.",
    "A drawn church, the same cut into 8 by 8 squares, and points: on the diagonal if"
    " a patch is flattened in the order of the weights, scattered if not.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Equal up to rounding. Give ``nn.Conv2d(3, 192, 8)`` and ``unfold`` a stride of 4: the
# patches then overlap, there are more of them, and the two still agree.
