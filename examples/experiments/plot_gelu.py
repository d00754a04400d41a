"""
Where does GELU come from?
==========================

From a coin: keep the input with a chance that grows with it, and take the mean.
"""

# %%
# Dropout multiplies a number by zero or one, whatever its size; ReLU does so by its
# sign. GELU :cite:p:`hendrycks2016gelu` is the two at once. An input :math:`x` is kept
# if a normal random number is below it, so with the chance :math:`\Phi(x)`; the mean of
# what comes out is :math:`x\,\Phi(x)`. Let us throw that coin. The chapter is :doc:`ViT
# </chapters/plot_40_vit>`; :class:`vhist.models.VisionTransformer` has a GELU in each
# block.

import matplotlib.pyplot as plt
import torch
from torch.nn import functional as F

torch.manual_seed(0)
throws = 4000
x = torch.linspace(-4, 4, 81)
kept = torch.randn(throws, 81) < x
mean = (x * kept).mean(dim=0)
error = (mean - F.gelu(x)).abs().max().item()
print(f"the mean of {throws} throws is off by {error:.3f} at most")

# A fine grid finds its lowest point, and the range of its slope.
grid = torch.linspace(-6, 6, 1_200_001, dtype=torch.float64)
gelu, slope = F.gelu(grid), F.gelu(grid).diff() / grid.diff()
lowest = gelu.argmin()
place, value = grid[lowest].item(), gelu[lowest].item()
print(f"lowest: {value:.4f} at x = {place:.4f}; at x = -6: {gelu[0]:.0e}")
print(f"slope from {slope.min():.3f} to {slope.max():.3f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), layout="constrained")
some = slice(None, 40)  # throws
left.plot(x, (x * kept)[some].T, ".", color="#8c959f", ms=2, alpha=0.3)
left.plot(x, F.gelu(x), color="C0", label="GELU")
left.plot(x[::4], mean[::4], "o", color="C2", ms=3, label="mean of throws")
left.legend(loc="upper left", fontsize=8)
right.plot(x, F.relu(x), color="#8c959f", label="ReLU")
right.plot(x, F.gelu(x), color="C0", label="GELU")
right.plot(place, value, "o", color="C0")
right.set(xlim=(-4, 1), ylim=(-0.3, 0.3))
right.legend(loc="upper left", fontsize=8)
for ax in (left, right):
    ax.set_xlabel("x")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Left throws, grey, and their mean. Right GELU close up, with its lowest point.",
    "Left, faint points on zero and on the diagonal, and a curve between them with dots"
    " on it. Right, the curve dips below zero, has its lowest point there, and comes"
    " back towards zero on the left, where ReLU is flat.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# So GELU is not shaped like a sigmoid, though some say so: it is a smooth ReLU. Nor
# is it monotonic: to the left of its lowest point it climbs back towards zero. Replace
# ``torch.randn`` by a logistic random number, ``torch.rand(throws, 81).logit()``: the
# mean is then ``F.silu``.
