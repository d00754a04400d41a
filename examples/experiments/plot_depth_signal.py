"""
Does an error reach the first layer?
====================================

Thirty layers, four pairs of activation and first weights: two of them lose it.
"""

# %%
# A signal goes forward through the layers; an error of length one comes back. Every
# layer multiplies both by its weights, and the error also by the slope of the
# activation. Numbers near one survive thirty multiplications, others do not. The scale
# of Glorot :cite:p:`glorot2010` is made for tanh, that of He
# :cite:p:`he2015delving` for ReLU.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# ``depth = 8``, as deep as AlexNet. How much of the error arrives then?

import matplotlib.pyplot as plt
import torch
from torch import nn

from vhist import plots

depth, width, pictures = 30, 256, 128


def default(weight):
    """What PyTorch's linear and convolutional layers start with."""
    return nn.init.kaiming_uniform_(weight, a=5**0.5)


cases = {
    "sigmoid, Glorot": (torch.sigmoid, nn.init.xavier_normal_),
    "tanh, Glorot": (torch.tanh, nn.init.xavier_normal_),
    "ReLU, PyTorch's default": (torch.relu, default),
    "ReLU, He": (torch.relu, nn.init.kaiming_normal_),
}
spread, signal = {}, {}  # per case: a number for every layer, the input's first
for name, (activation, fill) in cases.items():
    layers = [torch.randn(pictures, width, requires_grad=True)]
    for _ in range(depth):
        weight = fill(torch.empty(width, width))
        layers.append(activation(layers[-1] @ weight.T))
        layers[-1].retain_grad()
    error = torch.randn(pictures, width)
    layers[-1].backward(error / error.norm())
    spread[name] = [x.std().item() for x in layers]
    signal[name] = [x.grad.norm().item() for x in layers]

# %%
# On these axes a straight line is a constant factor per layer.

fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
for ax, what in zip(axes, (spread, signal), strict=True):
    for name, values in what.items():
        ax.semilogy(values, label=name)
axes[0].set(xlabel="layer", title="spread of the activations")
axes[1].set(xlabel=f"layer ({depth}: the output)", title="error on its way back")
axes[0].legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Forward (left) only badly scaled ReLU fades. Backward (right) sigmoid fades, too.",
    "Lines over thirty layers. Left, one of four falls. Right, two fall by many powers"
    " of ten towards the input; tanh with Glorot and ReLU with He stay level.",
)
# sphinx_gallery_end_ignore
plt.show()
for name in cases:
    print(f"{name:24} of an error of 1 there arrives {signal[name][0]:.0e}")

# %%
# Healthy activations are no proof of a healthy error: look at the sigmoid. And ReLU is
# no cure by itself; it needs weights of the right scale.
