"""
When is attention of linear cost cheaper?
=========================================

By multiply-adds, above twice as many words as it keeps; by the clock, later still.
"""

# %%
# Attention compares all N words with all N. Linformer :cite:p:`wang2020` first mixes
# keys and values down to k words each, with matrices E and F, so that N times k are
# compared. The mixing is work, too. Both layers fit into
# :class:`vhist.models.VisionTransformer`, and :func:`vhist.summary` counts the
# multiply-adds of what differs. The time is shown, too, but depends on the machine.
# It belongs to the chapter :doc:`Linformer </chapters/plot_45_linformer>`.

import time

import matplotlib.pyplot as plt
import torch
import vhist
from torch import nn
from vhist.models.vit import SelfAttention, VisionTransformer

keep = 64  # k


class Linformer(SelfAttention):
    def __init__(self, width, heads, tokens):
        super().__init__(width, heads)
        self.e = nn.Linear(tokens, keep, bias=False)
        self.f = nn.Linear(tokens, keep, bias=False)

    def forward(self, x):
        q, k, v = self.split(x)  # (n, heads, tokens, d) each
        k, v = self.e(k.mT).mT, self.f(v.mT).mT  # tokens -> keep
        return self.out(self.core(q, k, v).transpose(1, 2).flatten(2))


words = [32, 50, 64, 128, 256, 512, 1024, 2048]
macs, seconds = {}, {}
for name, kind in (("all with all", SelfAttention), ("Linformer", Linformer)):
    macs[name], seconds[name] = [], []
    for n in words:
        layer, x = kind(128, 8, n), torch.randn(1, n, 128)
        rows = {row.name: row.macs for row in vhist.summary(layer, (n, 128)).rows}
        macs[name].append(sum(m for k, m in rows.items() if k not in ("qkv", "out")))
        times = []
        for _ in range(4):  # the first only warms up
            start = time.perf_counter()
            with torch.no_grad():
                layer(x)
            times.append(time.perf_counter() - start)
        seconds[name].append(min(times[1:]))
saved = [a / b for a, b in zip(*macs.values(), strict=True)]
for n, ratio in zip(words, saved, strict=True):
    print(f"{n:5} words: all with all costs {ratio:5.2f} times the multiply-adds")
vit = VisionTransformer(image_size=64, patch_size=8, attention=Linformer)  # it fits in

fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
for ax, costs in zip(axes, (macs, seconds), strict=True):
    for name in costs:
        ax.loglog(words, costs[name], "o-", label=name)
    ax.set_xticks([32, 128, 512, 2048], [32, 128, 512, 2048])
    ax.minorticks_off()
axes[0].axvline(2 * keep, color="#8c959f", linestyle=":")
axes[0].set(xlabel="words N", ylabel="multiply-adds")
axes[1].set(xlabel="words N", ylabel="seconds, whole layer")
axes[0].legend()
# sphinx_gallery_start_ignore
from vhist import plots

text = "The parts that differ, counted, and whole layers, timed. Dotted: N = 2k."
alt = "Two charts of cost over words; the lines of the left one cross where N is 2k."
plots.caption(fig, text, alt)
# sphinx_gallery_end_ignore
plt.show()

# %%
# Counted, the two cross at N = 2k. On the clock Linformer wins later: two more small
# products have costs of their own. Change ``keep``: do the crossings move? (They do.)
