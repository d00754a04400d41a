"""
Why does attention divide by a square root?
===========================================

So that a long vector looks at many words, as a short one does.
"""

# %%
# Attention takes the softmax of products of queries and keys. The product of two
# vectors of d random numbers, each of variance one, has a standard deviation of
# :math:`\sqrt d`, and a softmax of widely spread numbers picks a single winner.
# :cite:t:`vaswani2017` suspected that its gradient is then too small to learn from, and
# divided by :math:`\sqrt d`; so does ``vhist.models.vit.SelfAttention``. The entropy
# says how widely a word looks: its exponential is how many words, all looked at alike,
# would give the same entropy. The chapter is :doc:`ViT </chapters/plot_40_vit>`.

import matplotlib.pyplot as plt
import torch

torch.manual_seed(0)
words = 197  # ViT-B/16: 196 patches and the class word
lengths = [4, 8, 16, 32, 64, 128, 256, 512]
looks_at = {"divided by √d": [], "not divided": []}
gradient = {name: [] for name in looks_at}
for d in lengths:
    q, k = torch.randn(300, 1, d), torch.randn(300, words, d)
    for name, divisor in zip(looks_at, (d**0.5, 1), strict=True):
        weights = (q @ k.mT / divisor).softmax(dim=-1)
        entropy = torch.special.entr(weights).sum(dim=-1)
        looks_at[name].append(entropy.exp().mean().item())
        # the diagonal of the softmax's derivative, w (1 - w), summed over the words
        gradient[name].append((weights * (1 - weights)).sum(dim=-1).mean().item())

print("   d" + "".join(f"{name:>16}" for name in looks_at))
for i, d in enumerate(lengths):
    print(f"{d:4}" + "".join(f"{looks_at[name][i]:10.1f} words" for name in looks_at))

fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.5), layout="constrained")
for name in looks_at:
    axes[0].plot(lengths, looks_at[name], "o-", label=name)
    axes[1].plot(lengths, gradient[name], "o-", label=name)
axes[0].set(ylabel="words looked at", ylim=(0, words))
axes[1].set(ylabel="slope of the softmax", ylim=(0, 1.05))
for ax in axes:
    ax.set_xscale("log", base=2)
    ax.set_xlabel("length d of query and key")
axes[0].legend()
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Random queries and keys among 197 words. Undivided, longer vectors see fewer.",
    "Two charts over lengths from 4 to 512. Divided by root d the number of words"
    " and the slope stay level, not divided both fall towards one word and no slope.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# With the divisor the curve is level. Without it a word with long queries and keys
# begins with its mind made up. What counts is the length per head: 64 in ViT-Ti, S, B
# and L alike. Try ``d**0.25``: is half the cure enough? (No, it falls later.)
