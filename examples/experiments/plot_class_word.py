"""
What makes a class word learned?
================================

Being one parameter for all pictures; otherwise answers are a matter of luck.
"""

# %%
# ViT puts a word in front of the patches and reads the class from it
# :cite:p:`dosovitskiy2020`: a parameter of shape (1, 1, D) that starts at zero. The
# :doc:`guide to ViT </chapters/plot_55_finetuning>` explains one word for each slot of
# the batch, from random numbers; its notebook draws them anew at each call. We train a
# small :class:`vhist.models.VisionTransformer` for a moment with each, and with slots
# that start at zero. Then a batch is filled with copies of one picture: do they get one
# answer? It belongs to the chapter :doc:`ViT </chapters/plot_40_vit>`.

import matplotlib.pyplot as plt
import torch
import vhist
from torch.nn import functional as F

slots, width = 64, 48
sizes = {"image_size": 32, "patch_size": 8, "width": width, "depth": 1, "heads": 3}
data = vhist.load_dataset("sketchnette")
few, new = (s[s.labels < 3] for s in (data.train, data.val))  # faster than ten classes
new = new[:100]
x, new_x = (vhist.data.normalize(vhist.data.resize(s.images, 32)) for s in (few, new))


def draw_anew(net, inputs):
    net.token.uniform_()


def train(kind):
    torch.manual_seed(0)
    net = vhist.models.VisionTransformer(num_classes=3, hidden=96, **sizes)
    if kind != "one":
        fill = torch.zeros if kind == "slots, from zero" else torch.rand
        net.token = torch.nn.Parameter(fill(slots, 1, width))
    if kind == "drawn anew":
        net.token.requires_grad = False
        net.register_forward_pre_hook(draw_anew)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(120):
        batch = torch.randint(len(x), (slots,))
        F.cross_entropy(net(x[batch]), few.labels[batch]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return net.eval()


answers, torn, right = {}, {}, {}
for kind in ("one", "slots, from zero", "slots, random", "drawn anew"):
    net = train(kind)
    with torch.no_grad():  # (pictures, slots, classes)
        copies = [net(picture.expand(slots, -1, -1, -1)) for picture in new_x]
    answers[kind] = torch.stack(copies).softmax(dim=-1)
    said = answers[kind].argmax(dim=2)  # torn: copies of one picture get two answers
    torn[kind] = (said != said[:, :1]).any(dim=1).float().mean().item()
    right[kind] = (said == new.labels[:, None]).float().mean().item()
    print(f"{kind:16} pictures torn {torn[kind]:4.0%}, answers right {right[kind]:.0%}")

fig, axes = plt.subplots(1, 4, figsize=(7.2, 2.4), sharey=True, layout="constrained")
for ax, (kind, p) in zip(axes, answers.items(), strict=True):
    ax.plot(p[:3, :, 0].T, ".", ms=4)  # three pictures
    ax.set(title=kind, xlabel="slot of the batch")
axes[0].set(ylabel="probability of class 0", ylim=(0, None))
# sphinx_gallery_start_ignore
from vhist import plots

text = "Three pictures, one colour each, copied into all 64 slots of a batch."
alt = "Four charts of points: in level rows for one learned word, else scattered."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Half of it or more is the random start: slots that start at zero tear fewer pictures,
# but they do. And with them a batch of 63 raises an error. Train five times as long: is
# the noise ignored? (Not quite, and one word for all does better.)
