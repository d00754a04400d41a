"""
Where is the corner of a picture?
=================================

Two conventions exist; mixing them shifts pixels, without any error message.
"""

# %%
# A spatial transformer :cite:p:`jaderberg2015` makes a grid of places and reads the
# picture there, between pixels if need be. Places go from -1 to 1. With
# ``align_corners=True`` these are the centres of the outermost pixels, without it their
# outer edges. :func:`torch.nn.functional.affine_grid` makes the grid and
# :func:`torch.nn.functional.grid_sample` reads; both must mean the same. Unlike a
# choice of pixels, this reading has a gradient; we check it against finite differences.
# The chapter is :doc:`Spatial transformers </chapters/plot_35_spatial_transformer>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch.nn import functional as F

pictures, _ = vhist.sketchnette.sketchnette(10, image_size=64)
picture = pictures[4:5].float() / 255
identity = torch.eye(2, 3)[None]  # x and y stay what they are


def read(image, theta, grid_corners, sample_corners):
    grid = F.affine_grid(theta, image.shape, align_corners=grid_corners)
    return F.grid_sample(image, grid, align_corners=sample_corners)


errors, error_of = {}, {}
for made in (False, True):
    for used in (False, True):
        errors[made, used] = read(picture, identity, made, used) - picture
        error_of[made, used] = errors[made, used].abs().max().item()
        print(f"made with {made!s:5}, read with {used!s:5}: {error_of[made, used]:.0e}")

torch.manual_seed(0)
small = torch.rand(1, 1, 5, 5, dtype=torch.float64)
theta = torch.tensor([[[0.9, 0.2, 0.03], [-0.1, 1.1, 0.05]]], dtype=torch.float64)
theta.requires_grad_()
differentiable = torch.autograd.gradcheck(lambda t: read(small, t, False, False), theta)
print("gradient of theta agrees with finite differences:", differentiable)

fig, axes = plt.subplots(1, 4, figsize=(7.2, 2.2), layout="constrained")
axes[0].imshow(picture[0].permute(1, 2, 0))  # chw -> hwc
axes[0].set_title("picture", fontsize=9)
for ax, pair in zip(
    axes[1:], ((True, True), (False, True), (True, False)), strict=True
):
    shown = ax.imshow(errors[pair][0].abs().amax(dim=0), vmin=0, vmax=0.3)
    ax.set_title("made {}\nread {}".format(*pair), fontsize=9)
for ax in axes:
    ax.set_axis_off()
fig.colorbar(shown, ax=axes, label="change", extend="max")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "What the identity changes, if grid and reading use the same convention or not.",
    "A drawn church and three maps of change: all zero where both are True; outlines,"
    " stronger towards the border, where one is True and the other False.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# If both agree, nothing changes but rounding. If not, the picture grows or shrinks
# about its middle by one part in 64, half a pixel at the border; when it shrinks, black
# comes in. Both default to ``False``. Leave it at that, or change both.
