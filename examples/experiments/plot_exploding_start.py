"""
Do shortcuts cure vanishing gradients?
======================================

Not these: with batch normalisation they do not vanish at the start, they explode.
"""

# %%
# The story is often told so; the paper on ResNet says otherwise :cite:p:`he2015resnet`.
# We send random vectors through fifty layers, and an error back, before any training,
# and follow its size. Weights are drawn by He's rule :cite:p:`he2015delving`. The
# blocks are those of :class:`vhist.models.ResNet`, with matrices in place of
# convolutions, and branches of full strength. The chapter is :doc:`ResNet
# </chapters/plot_30_resnet>`.

import matplotlib.pyplot as plt
import torch
from torch import nn
from vhist import plots

width, depth = 128, 50
kinds = {  # batch normalisation, shortcuts
    "plain": (False, False),
    "plain, batch norm": (True, False),
    "shortcuts, batch norm": (True, True),
}


def layer(norm):
    linear = nn.Linear(width, width, bias=False)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    return nn.Sequential(linear, nn.BatchNorm1d(width) if norm else nn.Identity())


forward, back = {}, {}
for name, (norm, shortcut) in kinds.items():
    torch.manual_seed(0)
    outputs = [torch.randn(256, width, requires_grad=True)]
    for _ in range(depth // 2):  # two layers in each block
        x = outputs[-1]
        y = layer(norm)(x).relu()
        z = layer(norm)(y)
        outputs += [y, (x + z if shortcut else z).relu()]
    error = torch.randn(256, width)
    errors = torch.autograd.grad((outputs[-1] * error).sum(), outputs)
    forward[name] = [x.square().mean().sqrt().item() for x in outputs]
    back[name] = [e.square().mean().sqrt().item() for e in errors]
    print(
        f"{name:22} signal at the end {forward[name][-1]:4.1f}, error at the", end=" "
    )
    print(f"start {back[name][0]:7.1f}, {back[name][0] ** (1 / depth):.2f} per layer")

fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True, layout="constrained")
for name, color in zip(kinds, ("#8c959f", "C0", plots.COLORS["resnet"]), strict=True):
    axes[0].semilogy(forward[name][::2], color=color, label=name)
    axes[1].semilogy(back[name][::2], color=color)
axes[0].set(xlabel="block", ylabel="size", title="signal, forward")
axes[1].set(xlabel="block", title="error, on its way back")
axes[0].legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Root mean square of signal and error after each block. The error comes from the"
    " right.",
    "Two charts on one logarithmic scale. Left all lines stay near one, that with"
    " shortcuts rises a little. Right the plain net with batch norm climbs by nearly"
    " four decades towards the input, that with shortcuts by one; without norm the line"
    " is level.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Batch normalisation keeps the signal in size, and so hides what happens on the way
# back. That is at the start: in their *trained* plain nets the paper's authors found
# healthy gradients, and degradation all the same. Take ``nn.init.xavier_normal_``
# instead of He's rule: which of the three lines feel it?
