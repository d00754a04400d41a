"""
What makes a class word learned?
================================

Being one parameter for all pictures; otherwise answers are a matter of luck.
"""

# %%
# ViT puts a word in front of the patches and reads the class from it
# :cite:p:`dosovitskiy2020`. It is a parameter of shape (1, 1, D). Two slips are found
# in guides: one word for each slot of the batch, and random words, drawn anew at each
# call. We train a small :class:`vhist.models.VisionTransformer` for a moment with each
# of the three. Then a batch is filled with copies of one picture: do they get one
# answer? It belongs to the chapter :doc:`ViT </chapters/plot_40_vit>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torch.nn import functional as F

slots, width = 64, 48
sizes = {"image_size": 32, "patch_size": 8, "width": width, "depth": 1, "heads": 3}
data = vhist.load_dataset("sketchnette")
few = data.train.labels < 3  # three classes are learned faster than ten
x = vhist.data.normalize(vhist.data.resize(data.train.images[few], 32))
y = data.train.labels[few]
new_x = data.val.images[data.val.labels < 3][:100]
new_x = vhist.data.normalize(vhist.data.resize(new_x, 32))


def draw_anew(net, inputs):
    net.token.uniform_()


def train(kind):
    torch.manual_seed(0)
    net = vhist.models.VisionTransformer(num_classes=3, hidden=96, **sizes)
    if kind != "one, learned":
        net.token = nn.Parameter(torch.rand(slots, 1, width))
    if kind == "anew at each call":
        net.token.requires_grad = False
        net.register_forward_pre_hook(draw_anew)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(120):
        batch = torch.randint(len(x), (slots,))
        loss = F.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


answers, torn = {}, {}
for kind in ("one, learned", "one per slot", "anew at each call"):
    net = train(kind)
    with torch.no_grad():  # (pictures, slots, classes)
        copies = [net(picture.expand(slots, -1, -1, -1)) for picture in new_x]
    answers[kind] = torch.stack(copies).softmax(dim=-1)
    said = answers[kind].argmax(dim=2)
    torn[kind] = (said != said[:, :1]).any(dim=1).float().mean().item()
    print(f"{kind:18} {torn[kind]:4.0%} of pictures get more than one answer")

fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), sharey=True, layout="constrained")
for ax, (kind, p) in zip(axes, answers.items(), strict=True):
    ax.plot(p[:3, :, 0].T, ".", ms=4)  # three pictures
    ax.set(title=kind, xlabel="slot of the batch")
axes[0].set(ylabel="probability of class 0", ylim=(0, None))
# sphinx_gallery_start_ignore
from vhist import plots

text = "Three pictures, one colour each, copied into all 64 slots of a batch."
alt = "Three charts of points: in level rows for one learned word, else scattered."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Per slot, a batch of 63 raises an error, too. Train longer: is the noise ignored?
