"""
A parameter counter, and where it fails
=======================================

Hooks watch layers being called; in torchvision's ViT they miss a third of the numbers.
"""

# %%
# Many tools count like this: hang a *hook* on every module, send a picture through, and
# let each module that is called report its ``weight`` and ``bias``. The tool of the
# article *vision-hist* :cite:p:`khazaei2024` printed 57,305,866 for ViT-B/16.
#
# This belongs to the :doc:`introduction </chapters/plot_00_introduction>` and to the
# chapter on :doc:`ViT </chapters/plot_40_vit>`. To try: count a network of your own.

from collections import Counter

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from torchvision.models import vit_b_16
from vhist import plots


def seen_by_hooks(model, x):
    """What the modules report, one entry for every call."""
    seen = []

    def report(module, inputs, output):
        own = [getattr(module, name, None) for name in ("weight", "bias")]
        seen.extend(p for p in own if isinstance(p, nn.Parameter))

    handles = [m.register_forward_hook(report) for m in model.modules()]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return seen


with torch.device("meta"):  # shapes only, no numbers
    names = ("alexnet", "vgg16", "resnet34", "vit_b_16")
    nets = {name: vhist.create_model(name) for name in names}
    nets |= {"vit_b_16, torchvision's": vit_b_16(num_classes=10)}
counted, true, lost = {}, {}, {}
for name, net in nets.items():
    size = 227 if name == "alexnet" else 224
    seen = seen_by_hooks(net, torch.zeros(1, 3, size, size, device="meta"))
    counted[name] = sum(p.numel() for p in seen)
    true[name] = vhist.summary(net, size).parameters
    lost[name] = Counter()
    for path, p in net.named_parameters():
        if not any(p is other for other in seen):
            lost[name][path.split(".")[-1]] += p.numel()
    print(f"{name:23} {counted[name]:11,} of {true[name]:11,}; lost:", dict(lost[name]))

fig, ax = plt.subplots(figsize=(7.2, 2.6), layout="constrained")
ax.barh(list(nets), true.values(), color="#8c959f")
ax.barh(list(nets), counted.values(), color=[plots.color_of(name) for name in nets])
ax.set(xlabel="parameters (in grey, those not seen)", ylim=(4.5, -0.5))
ax.xaxis.set_major_formatter(lambda x, _: f"{x / 1e6:.0f} M")
# sphinx_gallery_start_ignore
text = "A counter is right until it meets a network that it was not made for."
plots.caption(fig, text, "Five bars for five networks; a third of the last is grey.")
# sphinx_gallery_end_ignore
plt.show()

# %%
# PyTorch's attention keeps its first matrix under another name and uses its second
# without calling the layer. Class word and positions belong to no such module. And a
# layer that is used twice is counted twice. :func:`vhist.summary` counts every array
# once; for the total alone, ``sum(p.numel() for p in model.parameters())`` does.

layer = nn.Linear(64, 64)
shared = nn.Sequential(layer, layer)
twice = sum(p.numel() for p in seen_by_hooks(shared, torch.ones(1, 64)))
once = vhist.summary(shared, (64,)).parameters
print(f"one layer of {once:,} numbers, used twice: {twice:,}")
