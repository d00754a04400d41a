"""
Can a block be taken out of a trained network?
==============================================

Out of this residual one, for a few points; a plain one then guesses.
"""

# %%
# A plain layer's output is all that the next one gets. A residual block adds to what
# comes in, so a path leads around each :cite:p:`veit2016`. Two networks, equal but for
# the shortcuts, and one without blocks learn from drawings. Then one block at a time is
# taken out. :doc:`ResNet </chapters/plot_30_resnet>` does it with convolutions.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F
from vhist import plots

data = vhist.load_dataset("sketchnette")
small = (vhist.data.resize(split.images, 16) for split in (data.train, data.val))
x, new_x = (vhist.data.normalize(pictures).flatten(1) for pictures in small)


class Net(nn.Module):
    def __init__(self, shortcut, depth, width=64):
        super().__init__()
        self.first, self.last = nn.Linear(768, width), nn.Linear(width, 10)
        self.blocks, self.shortcut = nn.ModuleList(), shortcut
        for _ in range(depth):
            layers = nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()
            self.blocks.append(nn.Sequential(*layers))

    def forward(self, x, without=None):
        x = self.first(x)
        for i, block in enumerate(self.blocks):
            if i != without:
                x = x + block(x) if self.shortcut else block(x)
        return self.last(x)


whole, left = {}, {}
print("right answers (%) of the whole network, then without block 1 to 6")
for name, depth in (("plain", 6), ("shortcuts", 6), ("no blocks", 0)):
    torch.manual_seed(0)
    net = Net(name == "shortcuts", depth)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    for chosen in torch.randint(len(x), (300, 128)):
        loss = F.cross_entropy(net(x[chosen]), data.train.labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        answers = [net.eval()(new_x, i).argmax(dim=1) for i in (None, *range(depth))]
    right = [100 * (a == data.val.labels).float().mean().item() for a in answers]
    print(f"{name:9}", *(f"{a:.0f}" for a in right))
    whole[name], *left[name] = right

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
colors = {"plain": "#8c959f", "shortcuts": plots.COLORS["resnet"]}
for place, (name, color) in zip((0.8, 1.2), colors.items(), strict=True):
    ax.bar(torch.arange(6) + place, left[name], 0.38, color=color, label=name)
    ax.axhline(whole[name], color=color, linestyle="--")
ax.hlines((10, whole["no blocks"]), 0.5, 6.5, color="#8c959f", linestyle=":")
ax.set(xlabel="block taken out", ylabel="accuracy (%)", ylim=(0, 72))
ax.legend(ncols=2, loc="upper left")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Accuracy without one block. Dashed: whole networks; dotted: no blocks, guessing.",
    "Six pairs of bars: the plain network's near guessing, the others near the whole.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The plain one is a chain: without a link it guesses. The other loses a few points. Not
# because blocks do nothing: without any, a network trained alike is far behind. (In the
# chapter the first blocks cost far more.) With ``if i not in (1, 4)``: spares it two?
