"""
Which first weights let a signal through fifty layers?
======================================================

A stack multiplies, so only one size of weights lets a signal through unchanged.
"""

# %%
# A layer of :math:`n` inputs, weights of standard deviation :math:`\sigma` and a ReLU
# multiplies the size of a signal by about :math:`g = \sigma\sqrt{n/2}`. Fifty of them
# multiply it by :math:`g^{50}`. AlexNet drew from N(0, 0.01²) :cite:p:`krizhevsky2012`,
# for eight layers of 363 to 9,216 inputs (:math:`g` from 0.13 to 0.68); here it meets
# 256 inputs, and fifty layers. Glorot's rule is :math:`\sigma^2 = 1/n` for equal sides
# :cite:p:`glorot2010`, He's is :math:`2/n` :cite:p:`he2015delving`, in
# :class:`vhist.models.VGG` as ``init="he"``. The long form is in the chapter :doc:`VGG
# </chapters/plot_20_vgg>`.

import math

import matplotlib.pyplot as plt
import torch

width, depth = 256, 50
he = math.sqrt(2 / width)
scales = {"N(0, 0.01²)": 0.01, "Glorot": math.sqrt(1 / width)}
scales |= {"He": he, "1.5 x He": 1.5 * he}
sizes, factors = {}, {}
torch.manual_seed(0)
for name, scale in scales.items():
    x, sizes[name] = torch.randn(128, width), []
    for _ in range(depth):
        x = torch.relu(x @ (scale * torch.randn(width, width)))
        sizes[name].append(x.square().mean().sqrt().item())
    factors[name] = scale * math.sqrt(width / 2)
    expected, found = factors[name] ** depth, sizes[name][-1]
    print(f"{name:12} expected {expected:7.0e}, found {found:7.0e}")

fig, ax = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
layers = range(1, depth + 1)
for name, found in sizes.items():
    (line,) = ax.semilogy(layers, found, label=name)
    expected = [factors[name] ** k for k in layers]
    ax.semilogy(layers, expected, ":", color=line.get_color())
ax.set(xlabel="layer", ylabel="size of the signal", ylim=(1e-14, 1e11))
ax.legend(ncols=2)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Root of the mean square after each layer; dotted, what the formula expects.",
    "Four lines on a logarithmic scale, close to dotted straight ones. He stays level,"
    " Glorot falls to about 1e-8, 0.01 leaves the plot, 1.5 times He rises to 1e8.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Only He's rule keeps the size, and with 0.01 the signal falls below what float32 can
# write: it *is* zero. Multiply He's :math:`\sigma` by 1.1, which looks harmless: what
# is left or gained after fifty layers? (A signal about a hundred times as large.) Then
# replace ``torch.relu`` by ``torch.tanh``.
