"""
Does a spatial transformer look, or does it tell?
=================================================

It points a weak classifier at the right place, we hope; its six numbers say otherwise.
"""

# %%
# A box or a cross lies anywhere in a noisy picture; a linear classifier would have to
# know all places of both. A spatial transformer :cite:p:`jaderberg2015` computes six
# numbers from the picture and cuts out what they say. It learns from labels alone. Then
# a net gets the six numbers only. The chapter is :doc:`Spatial transformers
# </chapters/plot_35_spatial_transformer>`.

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

CROSS = (torch.eye(7) + torch.eye(7).flip(0)).clamp(max=1)
BOX = F.pad(torch.zeros(5, 5), (1, 1, 1, 1), value=1)


def draw(n):  # pictures of shape (n, 1, 24, 24) and labels
    x, y = 0.2 * torch.randn(n, 1, 24, 24), torch.randint(2, (n,))
    for i, (row, column) in enumerate(torch.randint(18, (n, 2)).tolist()):
        x[i, 0, row : row + 7, column : column + 7] += CROSS if y[i] else BOX
    return x, y


class Look(nn.Module):
    def __init__(self):
        super().__init__()
        convs = nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 8, 5, 2, 2), nn.ReLU()
        self.where = nn.Sequential(*convs, nn.Flatten(), nn.Linear(8 * 6 * 6, 6))
        nn.init.zeros_(self.where[-1].weight)  # begin with a look at all of it
        self.where[-1].bias.data = torch.eye(2, 3).flatten()

    def forward(self, x):
        grid = F.affine_grid(self.where(x).view(-1, 2, 3), x.shape, align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)


def train(net, x, new_x):
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(400):
        batch = torch.randint(len(x), (64,))
        loss = F.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (net.eval()(new_x).argmax(dim=1) == new_y).float().mean().item()


torch.manual_seed(0)
(x, y), (new_x, new_y) = draw(2000), draw(1000)
look, accuracy = Look(), {}
accuracy["linear"] = train(nn.Sequential(nn.Flatten(), nn.Linear(576, 2)), x, new_x)
linear = nn.Sequential(look, nn.Flatten(), nn.Linear(576, 2))
accuracy["look, then linear"] = train(linear, x, new_x)
teller = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 2))
six, new_six = look.where(x).detach(), look.where(new_x).detach()
accuracy["six numbers alone"] = train(teller, six, new_six)
print(*(f"{name:18} {value:.1%} right" for name, value in accuracy.items()), sep="\n")

fig, axes = plt.subplots(2, 8, figsize=(7.2, 2.0), layout="constrained")
for pictures, row in zip((new_x, look(new_x).detach()), axes, strict=True):
    for ax, picture in zip(row, pictures, strict=False):
        ax.imshow(picture[0], vmin=-0.5, vmax=1.5)
        ax.set_axis_off()
# sphinx_gallery_start_ignore
from vhist import plots

alt = "Eight noisy pictures with a box or a cross, and the windows, odd or empty."
plots.caption(fig, "Above what there is, below what the classifier gets to see.", alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The six numbers alone do as well as the window: it was a signal, not a look.
