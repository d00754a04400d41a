"""
Is a deeper network at least as good on what it trains on?
==========================================================

Plain layers fit their *training* pictures worse the more there are; shortcuts mend it.
"""

# %%
# The additional layers need only copy their input. So depth might overfit, but should
# not raise the *training* loss. It did :cite:p:`he2015resnet`, and it does here, with
# batch normalisation and He's first weights. In the third network each pair of layers
# is added to its own input, and starts as nothing but that input :cite:p:`goyal2017`.
# The long form is in the chapter :doc:`ResNet </chapters/plot_30_resnet>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F
from vhist import plots

data = vhist.load_dataset("sketchnette").train
pictures = vhist.data.normalize(vhist.data.resize(data.images, 16)).flatten(1)


class Pair(nn.Module):
    def __init__(self, width, shortcut):
        super().__init__()
        layers = [nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()]
        layers += [nn.Linear(width, width), nn.BatchNorm1d(width)]
        self.layers, self.shortcut = nn.Sequential(*layers), shortcut
        if shortcut:
            nn.init.zeros_(layers[-1].weight)  # the pair begins as the identity

    def forward(self, x):
        return F.relu(x + self.layers(x) if self.shortcut else self.layers(x))


def training_losses(depth, shortcut, steps=100, width=64, seed=0):
    torch.manual_seed(seed)
    layers = [nn.Linear(3 * 16 * 16, width), nn.BatchNorm1d(width), nn.ReLU()]
    layers += [Pair(width, shortcut) for _ in range(depth // 2 - 1)]
    net = nn.Sequential(*layers, nn.Linear(width, 10))
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), []
    for _ in range(steps):
        chosen = torch.randint(len(data), (128,))
        losses.append(F.cross_entropy(net(pictures[chosen]), data.labels[chosen]))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    return torch.stack(losses).detach().unfold(0, 25, 1).mean(dim=1)  # of 25 steps


kinds = {"2 layers": (2, False), "8 layers, plain": (8, False)}
kinds |= {"40 layers, plain": (40, False), "40 layers, shortcuts": (40, True)}
losses = {name: training_losses(*kind) for name, kind in kinds.items()}
final = {name: loss[-1].item() for name, loss in losses.items()}
print(*(f"{name}: {loss:.2f}" for name, loss in final.items()), sep="\n")
fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
for (name, loss), line in zip(losses.items(), (":", "--", "-", "-"), strict=True):
    color = plots.COLORS["resnet"] if "shortcuts" in name else "#8c959f"
    ax.plot(range(25, 25 + len(loss)), loss, line, color=color, label=name)
ax.set(xlabel="step", ylabel="training loss (nats)", ylim=(1, 2.5))
ax.legend(ncols=2, loc="lower left")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Training loss, mean of 25 steps; guessing costs ln 10, about 2.3 nats.",
    "Four curves: 40 plain layers stay high; 2, and 40 with shortcuts, fall lowest.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Thirty-two more layers, and no better than guessing; ``steps=800`` hardly helps. With
# shortcuts the net begins as the one of two layers, and ends a little better. Leave out
# ``zeros_``: they still help, but much less in so few steps.
