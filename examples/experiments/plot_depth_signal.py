"""
Does an error reach the first layer?
====================================

Thirty layers, four pairs of activation and first weights: two let little through.
"""

# %%
# Inputs go forward through the layers; an error of length one comes back. Every layer
# multiplies both the difference of two inputs and the error by its weights and by the
# slope of the activation. Numbers near one survive thirty multiplications, others do
# not. The scale of Glorot :cite:p:`glorot2010` is made for tanh, that of He
# :cite:p:`he2015delving` for ReLU.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. To try:
# ``depth = 8``, as deep as AlexNet. How much arrives then? (With sigmoid, 1e-5.)

import matplotlib.pyplot as plt
import torch
from torch import nn

torch.manual_seed(0)
depth, width, inputs = 30, 256, 128
exact = {"dtype": torch.float64}  # float32 would round small differences away


def default(weight):  # as PyTorch's layers start; their biases are left out
    return nn.init.kaiming_uniform_(weight, a=5**0.5)


cases = {
    "sigmoid, Glorot": (torch.sigmoid, nn.init.xavier_normal_),
    "tanh, Glorot": (torch.tanh, nn.init.xavier_normal_),
    "ReLU, PyTorch's default": (torch.relu, default),
    "ReLU, He": (torch.relu, nn.init.kaiming_normal_),
}
spread, apart, signal = {}, {}, {}  # a number for every layer, the input's first
for name, (activation, fill) in cases.items():
    layers = [torch.randn(inputs, width, requires_grad=True, **exact)]
    for _ in range(depth):
        weight = fill(torch.empty(width, width, **exact))
        layers.append(activation(layers[-1] @ weight.T))
        layers[-1].retain_grad()
    error = torch.randn(inputs, width, **exact)
    layers[-1].backward(error / error.norm())
    spread[name] = [x.std().item() for x in layers]  # over inputs and units together
    apart[name] = [x.std(dim=0).mean().item() for x in layers]  # of a unit over inputs
    signal[name] = [x.grad.norm().item() for x in layers]

# %%
# On these axes a straight line is a constant factor per layer.

fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
for ax, what in zip(axes, (apart, signal), strict=True):
    for name, values in what.items():
        ax.semilogy(values, label=name)
axes[0].set(xlabel="layer", title="how far inputs stay apart")
axes[1].set(xlabel=f"layer ({depth}: the output)", title="error on its way back")
axes[0].legend(fontsize=8)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Sigmoid and badly scaled ReLU lose both: what tells inputs apart, on the way"
    " forward (left; the bend is rounding), and the error, on its way back (right).",
    "Lines over thirty layers. Left, sigmoid and default ReLU fall by many powers of"
    " ten, right they fall towards the input; the other two stay nearly level in both.",
)
# sphinx_gallery_end_ignore
plt.show()
for name in cases:
    print(f"{name:24} error arrives as {signal[name][0]:.0e}; inputs", end=" ")
    print(f"differ by {apart[name][-1]:.0e}, numbers by {spread[name][-1]:.0e}")

# %%
# The last number, the spread of all numbers of the layer, would have missed it: the
# units of the last sigmoid layer differ, but each gives every input the same answer, to
# rounding. With PyTorch's biases it would miss it for ReLU, too. And ReLU is no cure by
# itself; it needs weights of the right scale.
