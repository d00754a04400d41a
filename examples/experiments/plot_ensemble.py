"""
Do networks that err differently do better together?
====================================================

Average the answers of up to five small networks, in every combination.
"""

# %%
# VGG's entry to the competition of 2014 was not one network but an average of seven
# :cite:p:`simonyan2014`. Networks that start from other weights, and see the pictures
# in another order, err on other pictures, so the sum of their softmax outputs should
# err less. Five small networks learn from the same drawings, and each group of them
# votes. The long form, with other depths, is in :doc:`VGG </chapters/plot_20_vgg>`.

from itertools import combinations

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F

data = vhist.load_dataset("sketchnette")
x, new_x = (
    vhist.data.normalize(vhist.data.resize(part.images, 16))
    for part in (data.train[:2000], data.val)
)
y, new_y = data.train.labels[:2000], data.val.labels


def conv(channels, width):
    return [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]


def votes(seed, epochs=2):
    """Train a network and return its probabilities for the new pictures."""
    torch.manual_seed(seed)
    layers = [*conv(3, 16), *conv(16, 32), nn.Flatten(), nn.Linear(32 * 4 * 4, 10)]
    net = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(y)).split(50):
            F.cross_entropy(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        return net(new_x).softmax(dim=1)


answers = [votes(seed) for seed in range(5)]
accuracy = {}
for k in range(1, 6):
    groups = [torch.stack(group).mean(dim=0) for group in combinations(answers, k)]
    accuracy[k] = [(g.argmax(dim=1) == new_y).float().mean().item() for g in groups]
mean = {k: sum(found) / len(found) for k, found in accuracy.items()}
print("networks and mean accuracy:", *(f"{k}: {m:.1%} " for k, m in mean.items()))
longer = (votes(0, epochs=10).argmax(dim=1) == new_y).float().mean().item()
print(f"one network, trained as long as the five together: {longer:.1%}")

fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
for k, found in accuracy.items():
    ax.plot([k] * len(found), [100 * a for a in found], "o", color="#8c959f", ms=4)
ax.plot(list(mean), [100 * m for m in mean.values()], color="C0")
ax.axhline(100 * longer, color="C1", label="one, trained as long as five")
ax.set(xlabel="networks in the average", ylabel="accuracy (%)", xticks=range(1, 6))
ax.legend()
# sphinx_gallery_start_ignore
from vhist import plots

text = "Every group of the five (dots) and the mean over groups of a size (line)."
alt = "The line rises, steeply first, then slowly; the single network is far above."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The second vote brings the most; each costs a whole training run. But these networks
# are far from trained: one of them, given the ten epochs that the five cost together,
# is far better. Averaging pays when longer training no longer does. (And never among
# copies: with one seed for all, ``votes(0)``, the line is level.)
