"""
Where does a unit stop learning?
================================

An error signal is multiplied by the slope of the activation; we measure that slope.
"""

# %%
# Before AlexNet the usual activations were sigmoid and tanh. Both go flat for large
# inputs, and where a function is flat nothing can be learned: they *saturate*. ReLU
# :cite:p:`nair2010` does so on one side only, and there completely.
# :func:`vhist.plots.activation_functions` draws a function and its slope.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# add ``"GELU": nn.GELU()``, the activation of transformers. Does it saturate?

import matplotlib.pyplot as plt
import torch
from torch import nn

from vhist import plots

functions = {"sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "ReLU": nn.ReLU()}
far = 4.0  # how far from zero we look for flat places

fig = plots.activation_functions(functions, limit=6.0)
for ax in fig.axes:
    for side in (-far, far):
        ax.axvline(side, color="#8c959f", linestyle=":", linewidth=1)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Left the functions, right their slopes. Dotted: where the slope is printed below.",
    "Sigmoid and tanh level off on both sides, ReLU is zero and then a straight line."
    " The slope of sigmoid is a low hump, that of tanh a higher one, ReLU's a step.",
)
# sphinx_gallery_end_ignore
plt.show()


# %%
# The slopes in numbers. The last column is the best that ten layers can do: the largest
# slope, ten times over, with weights that neither help nor harm.


def slope(function, at):
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (dy,) = torch.autograd.grad(function(x).sum(), x)
    return dy


everywhere = torch.linspace(-10, 10, 2001).tolist()
largest, left, right = {}, {}, {}
for name, function in functions.items():
    largest[name] = slope(function, everywhere).max().item()
    left[name], right[name] = slope(function, [-far, far]).tolist()
    print(
        f"{name:8} largest {largest[name]:.2f}   at -{far:g} {left[name]:.4f}"
        f"   at {far:g} {right[name]:.4f}   ten layers {largest[name] ** 10:.0e}"
    )

# %%
# Sigmoid passes on a quarter at best, and far from zero both pass on next to nothing.
# ReLU does not saturate for positive inputs, which is half of the truth: for negative
# ones its slope is zero. A unit that is negative for every picture gets no gradient:
# only a change in the layers before it can wake it.
