"""
Do shortcuts cure vanishing gradients?
======================================

They can; but with batch normalisation there is nothing to cure: at the start errors
do not vanish, they explode.
"""

# %%
# The story is often told so; the paper on ResNet says otherwise :cite:p:`he2015resnet`
# (section 4.1, "Plain Networks"). We send random vectors through fifty layers, and an
# error back, before any training, and follow its size. Weights are drawn by He's rule
# :cite:p:`he2015delving`. The blocks are those of :class:`vhist.models.ResNet`, with
# matrices in place of convolutions, and branches of full strength. The chapter is
# :doc:`ResNet </chapters/plot_30_resnet>`.

import matplotlib.pyplot as plt
import torch
from torch import nn
from vhist import plots

width, depth = 128, 50
kinds = {  # batch normalisation, shortcuts
    "plain": (False, False),
    "plain, batch norm": (True, False),
    "shortcuts": (False, True),
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
    print(f"{name:22} error at the start {back[name][0]:8.1f}", end=", ")
    print(f"signal at the end {forward[name][-1]:8.1f}")

fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True, layout="constrained")
for name, (norm, shortcut) in kinds.items():
    style = {"color": plots.COLORS["resnet"] if shortcut else "#8c959f"}
    style |= {"linestyle": "-" if norm else "--", "label": name}
    axes[0].semilogy(back[name][::2], **style)
    axes[1].semilogy(forward[name][::2], **style)
axes[0].set(xlabel="block", ylabel="size", title="error, on its way back")
axes[1].set(xlabel="block", title="signal, forward")
axes[0].legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Root mean square of error, which comes from the right, and signal, by block.",
    "Two charts on one logarithmic scale. Left, towards the input, the plain net with"
    " batch norm and shortcuts alone climb by about four decades, both together by one;"
    " the plain line is level. Right only shortcuts alone grow much.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Batch normalisation keeps the signal in size, and so hides what happens on the way
# back. That is at the start: in their *trained* plain nets the paper's authors found
# healthy gradients, and degradation all the same. Where is something to cure? Leave out
# ``kaiming_normal_``: from PyTorch's own, smaller weights the error of the plain net
# arrives as 1e-20 or so, with shortcuts alone as about 1. Or take
# ``nn.init.xavier_normal_(linear.weight)``: do the lines with batch norm feel it? (No.)
