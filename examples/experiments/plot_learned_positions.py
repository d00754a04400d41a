"""
Can a ViT find out that pictures are flat?
==========================================

Nobody tells it which patches are neighbours; filling gaps teaches it that.
"""

# %%
# A ViT adds a learned vector for each place, from a plain list
# :cite:p:`dosovitskiy2020`. Does it discover the plane? We hide a quarter of the
# patches, and one block with ``vhist.models.vit.SelfAttention`` has to guess their
# colours from the others. To do so it must know who is near. Then we compare the
# position vectors of all pairs of places. The chapter is
# :doc:`ViT </chapters/plot_40_vit>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F
from vhist import plots
from vhist.models.vit import Block, SelfAttention

pictures = vhist.load_dataset("sketchnette").train.images
x = vhist.data.normalize(vhist.data.resize(pictures, 16))

torch.manual_seed(0)
positions = nn.Parameter(0.02 * torch.randn(64, 32))
embed, head = nn.Linear(4, 32), nn.Linear(32, 3)  # 4: a colour, and whether it is shown
block = Block(SelfAttention(32, 2), 32, 64, dropout=0)
weights = [positions, *(p for m in (embed, head, block) for p in m.parameters())]
optimizer = torch.optim.AdamW(weights, lr=1e-2)
losses = []
for _ in range(300):
    i, j = torch.randint(9, (2,))  # a random window of 8 x 8 patches of one colour
    batch = x[torch.randint(len(x), (32,)), :, i : i + 8, j : j + 8].flatten(2).mT
    shown = (torch.rand(32, 64, 1) > 0.25).float()
    words = embed(torch.cat([batch * shown, shown], dim=2)) + positions
    error = (head(block(words)) - batch).square().mean(dim=2)
    loss = error[shown[..., 0] == 0].mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

p = positions.detach() - positions.detach().mean(dim=0)
similarity = F.cosine_similarity(p[:, None], p[None], dim=2)  # (64, 64)
places = torch.cartesian_prod(torch.arange(8), torch.arange(8))  # row, column
distance = (places[:, None] - places[None]).float().norm(dim=2).round()
by_distance = [similarity[distance == d].mean().item() for d in range(9)]
first_loss, last_loss = sum(losses[:20]) / 20, sum(losses[-20:]) / 20
print(f"loss of the first and last 20 steps: {first_loss:.2f}, {last_loss:.2f}")
print("cosine by distance 0 to 8:", *(f"{c:.2f}" for c in by_distance))

fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
tiles = F.pad(similarity.view(8, 8, 8, 8), (1, 1, 1, 1), value=torch.nan)  # margins
left.imshow(tiles.transpose(1, 2).reshape(80, 80), vmin=-1, vmax=1)
left.set_axis_off()
right.plot(by_distance, "o-", color=plots.COLORS["vit"])
right.set(xlabel="distance in patches", ylabel="cosine of positions")
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Left, a map per place: which positions are like its own. Right, mean by distance.",
    "64 small maps, each brightest at its own place and around it; a curve that falls.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Near places have similar vectors, far ones opposite ones. With whole pictures,
# ``resize(pictures, 8)`` and ``i = j = 0``, the maps show instead what Sketchnette is:
# things in the middle of a background. Shuffle the patches of all windows alike: will
# the loss notice?
