"""
Does training widen what a network looks at?
============================================

In this small net only if it starts closed: as shortcuts, which open up; others stay.
"""

# %%
# How far a unit *can* see follows from the drawing of a network. How far it does look,
# the gradient tells: which pixels move the unit, and by how much :cite:p:`luo2016`? We
# take the middle of the last map of a small :class:`vhist.models.ResNet`, and measure
# how far from their centre such pixels are, before and after learning from 2,000
# drawings. :doc:`Final thoughts </chapters/plot_90_final_thoughts>` has four networks.

from dataclasses import replace

import matplotlib.pyplot as plt
import torch
import vhist

data = vhist.load_dataset("sketchnette")
few = replace(data, train=data.train[:2000])
x = vhist.data.normalize(vhist.data.resize(data.val.images[:100], 32)).requires_grad_()
pixels = torch.cartesian_prod(*2 * [torch.arange(32.0)])
sizes = {"blocks": (1, 1, 1), "widths": (16, 32, 64), "stem": (3, 2), "stem_width": 16}
recipe = vhist.Recipe(
    epochs=3, batch_size=50, lr=4e-3, image_size=32, augment="none", warmup_epochs=0.5
)


def look(net):
    """Share of each pixel in the gradient of the middle unit, mean over pictures."""
    outputs = []
    handle = net.stages[-1].register_forward_hook(lambda *call: outputs.append(call[2]))
    net.eval()(x)
    handle.remove()
    middle = outputs[0].shape[-1] // 2
    unit = outputs[0][:, :, middle, middle].sum()  # over channels
    slope = torch.autograd.grad(unit, x)[0].abs().sum(dim=1)
    return (slope / slope.sum(dim=(1, 2), keepdim=True)).mean(dim=0)


maps, reach = {}, {}
for start, zero_init in (("closed", True), ("open", False)):
    torch.manual_seed(0)
    net = vhist.models.ResNet(**sizes, zero_init=zero_init)
    maps[start] = look(net)
    vhist.fit(net, few, recipe, verbose=False)
    maps[f"{start}, trained"] = look(net)

for name, seen in maps.items():
    weight = seen.flatten()
    away = (pixels - weight @ pixels).norm(dim=1)
    reach[name] = (weight @ away).item()
    print(f"{name:15} looks {reach[name]:.1f} pixels far")

fig, axes = plt.subplots(1, 4, figsize=(7.2, 2.3), layout="constrained")
for ax, (name, seen) in zip(axes, maps.items(), strict=True):
    shown = ax.imshow((seen / seen.max()).clamp(min=1e-6).log10(), vmin=-2, vmax=0)
    ax.set_title(f"{name}: {reach[name]:.1f}", fontsize=9)
    ax.set_axis_off()
fig.colorbar(shown, ax=axes, label="log10 of gradient", shrink=0.8)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "What the middle unit looks at, and how many pixels far, before and after training;"
    " blocks start as shortcuts, or at full strength. Each to its own largest value.",
    "Four heat maps: a small bright square; a bright middle that fades into the whole"
    " picture; two that are bright nearly everywhere.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# With ``zero_init`` a block begins as its shortcut :cite:p:`goyal2017`, here twice a
# projection, which sees one pixel in its square; learning opens the view. Without it,
# the view starts wide and stays so. Luo et al. saw ResNets look further by learning
# (section 3.2); theirs were deeper.
