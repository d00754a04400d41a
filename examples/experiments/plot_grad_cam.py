"""
Does a heat map show what a network looks at?
=============================================

Grad-CAM against a map of another class, and against rivals that never learned.
"""

# %%
# Grad-CAM :cite:p:`selvaraju2017` weights each channel of the last convolutions by the
# mean gradient of the winning logit, adds up, and drops what is below zero. The map
# looks sensible, but some methods draw nearly the same for weights that never learned
# (not Grad-CAM :cite:p:`adebayo2018`). So we hide the quarter of a picture it marks
# and count right answers, as :doc:`ViT </chapters/plot_40_vit>` does. Who else passes?

import matplotlib.pyplot as plt
import torch
import vhist
from torch.nn import functional as F

data = vhist.load_dataset("sketchnette").select(per_class=200)
x, y = vhist.data.normalize(data.val.images), data.val.labels
torch.manual_seed(0)
sizes = {"blocks": (1, 1), "widths": (32, 64), "stem": (3, 2), "stem_width": 32}
net, untrained = (vhist.models.ResNet(**sizes) for _ in range(2))
recipe = vhist.Recipe(epochs=5, batch_size=50, lr=4e-3, augment="none", image_size=64)
vhist.fit(net, data, recipe, verbose=False)


def grad_cam(net, pick=lambda logits: logits.amax(dim=1)):
    """The map of the winning logits, or those picked, with what is below zero."""
    kept = []
    handle = net.stages.register_forward_hook(lambda *call: kept.append(call[2]))
    best = pick(net.eval()(x))
    handle.remove()
    (slope,) = torch.autograd.grad(best.sum(), kept)
    weights = slope.mean(dim=(2, 3), keepdim=True)
    return (weights * kept[0]).sum(dim=1, keepdim=True).detach()  # (n, 1, 8, 8)


far = torch.linspace(-1, 1, 8).abs()
contrast = F.avg_pool2d(x**2, 8) - F.avg_pool2d(x, 8) ** 2  # variance in each square
wrong = (y + torch.randint(1, 10, y.shape)) % 10  # any class but the right one
maps = {
    "Grad-CAM": grad_cam(net),
    "another class": grad_cam(net, lambda logits: logits.gather(1, wrong[:, None])),
    "contrast": contrast.sum(dim=1, keepdim=True),
    "untrained": grad_cam(untrained),
    "middle": (2 - far**2 - far[:, None] ** 2).expand(len(x), 1, 8, 8),
    "chance": torch.rand(len(x), 1, 8, 8),
}
right = {"nothing": (net(x).argmax(dim=1) == y).float().mean().item()}
for name, seen in maps.items():
    hidden = seen.flatten(1).argsort(descending=True)[:, :16]
    shown = torch.ones(len(x), 64).scatter(1, hidden, 0).view(-1, 1, 8, 8)
    answers = net(x * F.interpolate(shown, scale_factor=8)).argmax(dim=1)
    right[name] = (answers == y).float().mean().item()
for name, share in right.items():
    print(f"hidden: {name:13} {share:.1%} right")

fig, axes = plt.subplots(2, 4, figsize=(7.2, 3.9), layout="constrained")
for row, i in zip(axes, (103, 405), strict=True):
    for ax, name in zip(row, maps, strict=False):
        ax.imshow(data.val.images[i].float().mean(dim=0), cmap="gray")
        ax.imshow(maps[name][i, 0].relu(), alpha=0.6, extent=(0, 64, 64, 0))
        ax.set_title(f"{name}: {right[name]:.0%}", fontsize=9)
        ax.set_axis_off()
# sphinx_gallery_start_ignore
from vhist import plots

text = "Four maps of two drawings, on their own scales; the accuracy once they hide."
alt = "Grad-CAM marks a dog's face and a church's tower; another class, the ground."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Hiding what Grad-CAM marks costs most answers; hiding contrast, which knows neither
# class nor network, costs as many. So this count alone proves nothing. The map of
# *another* class does: hide that, and more than half stay right. Contrast has no such
# map. For one class, take ``lambda logits: logits[:, 4]``: where is a church in a dog?
