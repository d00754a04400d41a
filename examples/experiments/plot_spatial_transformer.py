"""
Can a linear classifier look around?
====================================

It cannot, but six numbers computed from the picture can point it at the right place.
"""

# %%
# A box or a cross lies anywhere in a noisy picture; a linear classifier would have to
# know all places of both. A spatial transformer :cite:p:`jaderberg2015` first computes
# six numbers from the picture, cuts out what they say, and passes that on. It learns
# from nothing but the labels. It is attention to one place, before that of the chapter
# :doc:`ViT </chapters/plot_40_vit>`.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from vhist import plots

CROSS = (torch.eye(7) + torch.eye(7).flip(0)).clamp(max=1)
BOX = F.pad(torch.zeros(5, 5), (1, 1, 1, 1), value=1)


def draw(n):
    """Return pictures (n, 1, 24, 24), labels, and the row and column of each shape."""
    x, y = 0.2 * torch.randn(n, 1, 24, 24), torch.randint(2, (n,))
    places = torch.randint(18, (n, 2))
    for i, (row, column) in enumerate(places.tolist()):
        x[i, 0, row : row + 7, column : column + 7] += CROSS if y[i] else BOX
    return x, y, places


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


torch.manual_seed(0)
(x, y, _), (new_x, new_y, places) = draw(2000), draw(1000)
look = Look()
accuracy = {}
for name, first in (("linear", []), ("look, then linear", [look])):
    net = nn.Sequential(*first, nn.Flatten(), nn.Linear(24 * 24, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(400):
        batch = torch.randint(len(x), (64,))
        loss = F.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    accuracy[name] = (net(new_x).argmax(dim=1) == new_y).float().mean().item()
    print(f"{name:18} {accuracy[name]:.1%} right on new pictures")
aim = look.where(new_x)[:, [5, 2]].detach()  # row and column of the window's middle
pairs = zip(aim.T, places.T, strict=True)
follows = [torch.corrcoef(torch.stack(p))[0, 1].item() for p in pairs]
print("window and shape move together, correlations:", *(f"{c:.2f}" for c in follows))

fig, axes = plt.subplots(2, 8, figsize=(7.2, 2.0), layout="constrained")
for pictures, row in zip((new_x, look(new_x).detach()), axes, strict=True):
    for ax, picture in zip(row, pictures, strict=False):
        ax.imshow(picture[0], vmin=-0.5, vmax=1.5)
        ax.set_axis_off()
# sphinx_gallery_start_ignore
text = "Above what there is, below what the linear classifier gets to see."
alt = "Eight noisy pictures with a box or a cross, and the windows cut out of them."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()
