"""
What happens when a picture moves by one pixel?
===============================================

A map of stride 1 moves along; with a larger stride, a convolution's or a ViT's, it
changes until a whole stride is passed.
"""

# %%
# A convolution of stride 1 does the same at every place: if the picture moves, its map
# moves as far, and nothing else changes. With a stride of 2 that holds for every other
# pixel. The words of a ViT :cite:p:`dosovitskiy2020` come from a convolution, too, but
# its stride is a patch; in between, each word sees other pixels. Here are the maps
# of the first layer of :func:`vhist.models.vit_small_8` and of two 3x3 convolutions,
# before and after a move, aligned as well as they can be. The chapter is :doc:`ViT
# </chapters/plot_40_vit>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn

pictures = vhist.load_dataset("sketchnette").val.images[:40]
x = vhist.data.normalize(pictures)
torch.manual_seed(0)
layers = {
    "3x3, stride 1": nn.Conv2d(3, 16, 3, stride=1),
    "3x3, stride 2": nn.Conv2d(3, 16, 3, stride=2),
    "patches of 8": vhist.create_model("vit_small_8").patches,
}
moves = range(17)
change = {}
for name, layer in layers.items():
    with torch.no_grad():
        maps = [
            layer(x[..., d : d + 48]) for d in moves
        ]  # the picture moves to the left
    still, stride, change[name] = maps[0], layer.stride[0], []
    for d, moved in zip(moves, maps, strict=True):
        places = round(d / stride)  # how far the map should have moved
        overlap = moved[..., : moved.shape[-1] - places]
        difference = (overlap - still[..., places:]).square().mean().sqrt()
        change[name].append((difference / still.std()).item())
    told = " ".join(f"{c:.2f}" for c in change[name][:9])
    print(f"{name}: {told}")

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
for name, values in change.items():
    ax.plot(moves, values, "o-", label=name)
ax.set(xlabel="move (pixels)", ylabel="change of the map", ylim=(-0.03, 1))
ax.set_xticks(range(0, 17, 2))
ax.legend(ncols=3, loc="upper center")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "What a move changes in a layer's map, beyond moving it along, in units of its"
    " spread.",
    "Three lines over moves from 0 to 16 pixels. Stride 1 stays at zero, stride 2 is at"
    " zero for even moves only, patches of 8 at zero for 0, 8 and 16 and high between.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Moved by a whole patch, a ViT's words move to the next place; and there another vector
# of position is added. So a ViT has to learn what a convolution of stride 1 is built to
# do. Between the strides no layer is exact, and a whole VGG or ResNet has a stride of
# 32; to soften that, :cite:t:`zhang2019` blurs maps before each stride. Add AlexNet's
# first layer, ``nn.Conv2d(3, 16, 11, stride=4)``: where is its line at zero?
