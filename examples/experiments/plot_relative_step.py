"""
Why did SGD not train the article's AlexNet?
============================================

At a rate made for AdamW, a step of SGD moves the first layers by a few millionths.
"""

# %%
# The article behind this book :cite:p:`khazaei2024` says of its AlexNet that SGD
# "didn't train". It does not say at which rate; the one that it used with AdamW was
# 1e-4. How far is one step, for each layer, compared with the weights themselves? SGD's
# is the rate times the gradient, so it depends on how large gradients happen to be.
# AdamW divides them by their usual size :cite:p:`kingma2015`: its first step is the
# rate, for every weight.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`. The network
# is the full one, with the paper's first weights, and sees 16 drawings. To try: more
# ``steps``, such as ``"SGD, 0.1": lambda p: 0.1 * p.grad``.

import matplotlib.pyplot as plt
import torch
from torch.nn import functional as F

import vhist

torch.manual_seed(0)
net = vhist.create_model("alexnet", num_classes=10)
data = vhist.load_dataset("sketchnette", image_size=64).train[:16]
x = vhist.data.normalize(vhist.data.resize(data.images, 227))
F.cross_entropy(net(x), data.labels).backward()

layers = {n.split(".")[-2]: p for n, p in net.named_parameters() if p.ndim > 1}
steps = {
    "SGD, 1e-4": lambda p: 1e-4 * p.grad,
    "SGD, 1e-2 (the paper)": lambda p: 1e-2 * p.grad,
    "AdamW, 1e-4": lambda p: 1e-4 * p.grad.sign(),
}
moved = {
    name: [float(step(p).norm() / p.detach().norm()) for p in layers.values()]
    for name, step in steps.items()
}
for name, shares in moved.items():
    print(f"{name:22} " + " ".join(f"{share:.0e}" for share in shares))

# %%
# The paper's rate is a hundred times 1e-4; the two lines of SGD differ by that alone.

fig, ax = plt.subplots(figsize=(7.2, 3), layout="constrained")
styles = ("o:", "s--", "D-", "^-.")
for style, (name, shares) in zip(styles, moved.items(), strict=False):
    ax.plot(list(layers), shares, style, label=name)
ax.set(yscale="log", ylabel="first step, as a share\nof the layer's weights")
ax.legend(loc="lower right")
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "How far the first step moves each layer of AlexNet: the norm of the step over that"
    " of the weights.",
    "A line with a point per layer for each of three settings. AdamW's is level at one"
    " hundredth; the two of SGD rise by over three orders of magnitude from the first"
    " layers to the last, one a hundred times above the other.",
)
# sphinx_gallery_end_ignore
plt.show()

most = 10 * max(moved["SGD, 1e-4"][:2])  # what is steady grows tenfold by momentum
last = 10 * moved["SGD, 1e-4"][-1]
print("equal steps of SGD at 1e-4, with momentum, move by at most")
for count in (1000, 14_800):
    print(f"{count:6,}: layers 1 and 2 by {count * most:.0%}, 8 by {count * last:,.0%}")

# %%
# A thousand such steps leave the first two layers nearly where they were; 14,800, as
# many as the article's run with AdamW had, move them by about a third, and only if all
# have one direction. The last layer may move many times its own size: it can learn,
# from features that hardly do. It is a likely reason and no proof: the article printed
# no log of that run, and a gradient that starts small can grow.
