"""
What does overlap buy a pooling?
================================

Maps that change less when the picture moves by a pixel.
"""

# %%
# In AlexNet the windows of a pooling overlap: three pixels wide, one every two. The
# paper found that this lowers the errors a little :cite:p:`krizhevsky2012`. What it
# does to a map is easily measured: shift a picture by one pixel, pool both, and
# compare. A window of two then shares one of its columns with its old place, a window
# of three shares two. As larger windows make smoother maps, we divide by the spread of
# the map.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`;
# :func:`vhist.models.alexnet` has three such poolings.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt
import torch
import vhist
from torch.nn import functional as F
from vhist import plots

pictures = vhist.load_dataset("sketchnette").val.images[:500]
x = vhist.data.normalize(pictures)
windows, shifts, far = (2, 3, 4), range(5), 4


def pooled(shift, window):
    moved = x[..., shift : 64 - far + shift]  # the same width for every shift
    return F.max_pool2d(moved, window, stride=2)


change = {window: [] for window in windows}
for window in windows:
    still = pooled(0, window)
    spread = still.std(dim=(2, 3), keepdim=True).mean()
    for shift in shifts:
        difference = (pooled(shift, window) - still).square().mean().sqrt()
        change[window].append((difference / spread).item())
    told = "  ".join(f"{c:.3f}" for c in change[window])
    print(f"windows of {window}, shifted by 0 to {far}: {told}")

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 2.8), width_ratios=(3, 2), layout="constrained"
)
for i, window in enumerate(windows):
    starts = torch.arange(0, 10, 2)
    heights = i + 0.12 * (starts / 2 % 2)  # every other one a little higher
    color = ("#8c959f", plots.COLORS["alexnet"], "C0")[i]
    left.barh(heights, window, 0.1, left=starts, color=color, align="edge")
    right.plot(shifts, change[window], "o-", color=color, label=f"windows of {window}")
left.set(xlabel="column of the picture", xlim=(-0.2, 12.2))
left.set_yticks([i + 0.11 for i in range(3)], [f"windows\nof {w}" for w in windows])
left.set_xticks(range(0, 13, 2))
right.set(xlabel="shift (pixels)", ylabel="change", xticks=shifts, ylim=(0, None))
right.legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Where the windows are, and how much the pooled map changes with the picture.",
    "Left, three rows of bars: side by side, overlapping by one, by two. Right, three"
    " rising curves; the wider the window, the lower.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# So overlap makes a map a little less picky about exact places. It has a price: in a
# window of 3 by 3 nine numbers are compared, not four. Replace ``max_pool2d`` by
# ``avg_pool2d``: does overlap help an average, too?
