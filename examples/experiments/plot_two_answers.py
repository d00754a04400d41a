"""
Can the same weights get two scores on the same pictures?
=========================================================

If dropout is left on, every test throws dice, and mostly loses.
"""

# %%
# Logs sometimes test the final weights twice and print two accuracies. A network is a
# function; something random must still have been at work. Here a small VGG with
# dropout :cite:p:`srivastava2014` is tested eight times with it left on and three times
# as it should be; :func:`vhist.evaluate` does either. The long form, with the log that
# asked the question, is in :doc:`Reading a log </chapters/plot_80_reading_a_log>`.

from dataclasses import replace

import matplotlib.pyplot as plt
import torch
import vhist


def shrink(split):  # to 16 pixels, once, so that no epoch has to do it
    return replace(split, images=vhist.data.resize(split.images, 16).round().byte())


data = vhist.load_dataset("sketchnette")
data = replace(data, train=shrink(data.train[:2000]), val=shrink(data.val))
torch.manual_seed(0)
net = vhist.models.vgg_small(
    image_size=16, convs=(1, 1), widths=(16, 32), hidden=64, dropout=0.5
)
recipe = vhist.Recipe(
    epochs=6, batch_size=50, lr=4e-3, image_size=16, augment="none", warmup_epochs=0.5
)
vhist.fit(net, data, recipe, verbose=False)

results = {}
for dropout, times in ((True, 8), (False, 3)):
    tests = [
        vhist.evaluate(net, data.val, image_size=16, dropout=dropout)
        for _ in range(times)
    ]
    name = "dropout on" if dropout else "dropout off"
    results[name] = [int((t.predictions == t.labels).sum()) for t in tests]
    print(f"{name:11}", *results[name], f"right of {len(data.val):,}")

fig, ax = plt.subplots(figsize=(3.6, 1.8), layout="constrained")
for row, right in enumerate(results.values()):
    height = [row + 0.08 * (i - (len(right) - 1) / 2) for i in range(len(right))]
    ax.plot(right, height, "o", ms=5)
ax.set_yticks((0, 1), results)
ax.set(xlabel=f"right answers of {len(data.val):,}", ylim=(1.5, -0.5))
ax.grid(axis="x", alpha=0.3)
# sphinx_gallery_start_ignore
from vhist import plots

plots.caption(
    fig,
    "Every dot is a test of the same weights on the same pictures.",
    "Two rows of dots. With dropout on they scatter; with dropout off they stand in one"
    " column, far to the right of all others.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# ``torch.no_grad()`` is not the switch: it saves memory and changes no answer.
# ``net.eval()`` is. Try ``dropout=0.1``: how far apart are the two then?
