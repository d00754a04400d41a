"""
Where are a network's weights, and where is its work?
=====================================================

In VGG-16 they live apart: weights in the dense layers, work in the convolutions.
"""

# %%
# A convolution uses each of its weights at every place of the picture, a fully
# connected layer uses each once. So a count of weights says little about the time a
# network takes. :func:`vhist.summary` counts both for every layer; the ``meta`` device
# makes arrays with shapes but no contents, so that the full sizes cost nothing. The
# long form is in the chapter :doc:`VGG </chapters/plot_20_vgg>`, the end of the story
# in :doc:`ResNet </chapters/plot_30_resnet>`. All have ten classes here, so VGG-16 has
# 134 million weights, not 138, and AlexNet's layers are not split (``groups=1``).

import matplotlib.pyplot as plt
import torch
import vhist

MODELS = {
    "AlexNet": ("alexnet", {}, 227),
    "VGG-16": ("vgg16", {}, 224),
    "ResNet-34": ("resnet34", {"conv_bias": False}, 224),
}
KINDS = {"Conv2d": "convolution", "Linear": "fully connected"}
weights, work = {}, {}
for name, (builder, options, size) in MODELS.items():
    with torch.device("meta"):
        table = vhist.summary(vhist.create_model(builder, **options), size)
    weights[name] = dict.fromkeys((*KINDS.values(), "other"), 0)
    work[name] = dict(weights[name])
    for row in table.rows:
        kind = KINDS.get(row.kind, "other")
        weights[name][kind] += row.parameters
        work[name][kind] += row.macs

dense = {  # share of the fully connected layers
    name: [t["fully connected"] / sum(t.values()) for t in (weights[name], work[name])]
    for name in MODELS
}
for name, (of_weights, of_work) in dense.items():
    total = sum(weights[name].values())
    print(f"{name:9} {total:11,} weights; fully connected: {of_weights:5.1%} of them,")
    print(f"{'':9} {sum(work[name].values()):14,} multiply-adds; {of_work:.1%} of them")

# %%
fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained")
panels = (("million weights", weights, 1e6), ("billion multiply-adds", work, 1e9))
for ax, (title, counted, unit) in zip(axes, panels, strict=True):
    bottom = [0.0] * len(MODELS)
    for kind in ("convolution", "fully connected"):
        part = [counted[name][kind] / unit for name in MODELS]
        ax.bar(list(MODELS), part, bottom=bottom, label=kind)
        bottom = [a + b for a, b in zip(bottom, part, strict=True)]
    ax.set_title(title)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "The same layers, counted twice: what they store and what they compute.",
    "Stacked bars. Left, weights: AlexNet and VGG-16 are almost all fully connected,"
    " ResNet-34 is small. Right, work: all is convolution, and VGG-16 towers.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# ResNet-34 is small because its dense head is, not because it is deep: in its
# convolutions it has more weights than VGG-16. Try ``"vit_b_16"``. Its matrices work
# once per patch, so they have the weights *and* the work. (What is left, such as the
# scales of batch normalisation, is counted under "other".)
