"""
Does a spatial transformer look, or does it tell?
=================================================

It points a weak classifier at the right place, we hope; its six numbers say otherwise.
"""

# %%
# A box or a cross lies anywhere in a noisy picture. A spatial transformer
# :cite:p:`jaderberg2015` computes six numbers and cuts out what they say, for a linear
# classifier; both learn from labels alone. Then another net gets the six numbers only.
# The chapter is :doc:`Spatial transformers </chapters/plot_35_spatial_transformer>`.

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

cross = (torch.eye(7) + torch.eye(7).flip(0)).clamp(max=1)
shapes = torch.stack([F.pad(torch.zeros(5, 5), (1, 1, 1, 1), value=1), cross])


def draw(n):  # pictures (n, 1, 24, 24), their twins with the other shape, and labels
    x, y = torch.stack(2 * [0.2 * torch.randn(n, 1, 24, 24)]), torch.randint(2, (n,))
    for i, (row, column) in enumerate(torch.randint(18, (n, 2)).tolist()):
        x[:, i, 0, row : row + 7, column : column + 7] += shapes.roll(int(y[i]), 0)
    return *x, y


class Look(nn.Module):
    def __init__(self):
        super().__init__()
        convs = nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 8, 5, 2, 2), nn.ReLU()
        self.where = nn.Sequential(*convs, nn.Flatten(), nn.Linear(8 * 6 * 6, 6))
        nn.init.zeros_(self.where[-1].weight)  # begin with a look at all of it
        self.where[-1].bias.data = torch.eye(2, 3).flatten()

    def forward(self, x, told=None):
        six = self.where(x if told is None else told).view(-1, 2, 3)
        grid = F.affine_grid(six, x.shape, align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)


def train(net, x, new_x):
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for batch in torch.randint(len(x), (400, 64)):
        loss = F.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (net.eval()(new_x).argmax(dim=1) == new_y).float().mean().item()


torch.manual_seed(0)
(x, _, y), (new_x, twins, new_y) = draw(2000), draw(1000)
look, accuracy = Look(), {}
accuracy["linear"] = train(nn.Sequential(nn.Flatten(), nn.Linear(576, 2)), x, new_x)
linear = nn.Sequential(look, nn.Flatten(), nn.Linear(576, 2))
accuracy["look, then linear"] = train(linear, x, new_x)
teller = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 2))
six, new_six = look.where(x).detach(), look.where(new_x).detach()
accuracy["six numbers alone"] = train(teller, six, new_six)
print(*(f"{name:18} {value:.1%} right" for name, value in accuracy.items()), sep="\n")
same = linear[1:](look(twins, told=new_x)).argmax(dim=1) == new_y
print(f"same numbers, other shape: {same.float().mean():.1%} of the answers stay")
fig, axes = plt.subplots(2, 8, figsize=(7.2, 2.0), layout="constrained")
for ax, picture in zip(axes.flat, [*new_x[:8], *look(new_x[:8]).detach()], strict=True):
    ax.imshow(picture[0], vmin=-0.5, vmax=1.5)
    ax.set_axis_off()
# sphinx_gallery_start_ignore
from vhist import plots

alt = "Eight noisy pictures with a box or a cross, and the windows, odd or empty."
plots.caption(fig, "Above what there is, below what the classifier gets to see.", alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# The six numbers alone do as well as the window. If only what it shows counted, hardly
# an answer would stay: with some seeds nearly all do, with others half.
