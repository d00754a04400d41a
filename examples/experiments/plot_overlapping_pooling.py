"""
What does overlap buy a pooling?
================================

By this measure nothing: it lets a wider, calmer window keep the small steps.
"""

# %%
# In AlexNet the windows of a pooling overlap: three pixels wide, one every two. The
# paper found that this lowers the error a little, by 0.4 (top 1) and 0.3 (top 5) points
# :cite:p:`krizhevsky2012` (section 3.4). Are maps less picky about places then? Shift a
# picture by one pixel, pool both, and compare, once with a window every two pixels and
# once with windows side by side. As larger windows make smoother maps, we divide by the
# spread of the map.
#
# This belongs to the chapter on :doc:`AlexNet </chapters/plot_10_alexnet>`;
# :func:`vhist.models.alexnet` has three such poolings.

import matplotlib.pyplot as plt
import torch
import vhist
from torch.nn import functional as F
from vhist import plots

pictures = vhist.load_dataset("sketchnette").val.images[:500]
x = vhist.data.normalize(pictures)
windows, shifts, far = (2, 3, 4), range(5), 4


def change_of(window, stride):
    maps = [
        # the same width for every shift
        F.max_pool2d(x[..., shift : 64 - far + shift], window, stride)
        for shift in shifts
    ]
    spread = maps[0].std(dim=(2, 3), keepdim=True).mean()
    off = [(m - maps[0]).square().mean().sqrt() for m in maps]
    changes = [(distance / spread).item() for distance in off]
    print(f"windows of {window}, every {stride}:", *(f"{c:.3f}" for c in changes))
    return changes


print(f"change by a shift of 0 to {far} pixels")
overlapping = {window: change_of(window, 2) for window in windows}
side_by_side = {window: change_of(window, window) for window in windows}

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 2.8), width_ratios=(3, 2), layout="constrained"
)
for i, window in enumerate(windows):
    starts = torch.arange(0, 10, 2)
    heights = i + 0.12 * (starts / 2 % 2)  # every other one a little higher
    color = ("#8c959f", plots.COLORS["alexnet"], "C0")[i]
    left.barh(heights, window, 0.1, left=starts, color=color, align="edge")
    right.plot(shifts, overlapping[window], "o-", color=color, label=f"{window} wide")
    right.plot(shifts, side_by_side[window], "x:", color=color)
left.set(xlabel="column of the picture", xlim=(-0.2, 12.2))
left.set_yticks([i + 0.11 for i in range(3)], [f"windows\nof {w}" for w in windows])
left.set_xticks(range(0, 13, 2))
right.set(xlabel="shift (pixels)", ylabel="change", xticks=shifts, ylim=(0, None))
right.legend(fontsize=8)
# sphinx_gallery_start_ignore
plots.caption(
    fig,
    "Where the windows are, and how much the pooled map changes with the picture;"
    " dotted with windows side by side.",
    "Left, three rows of bars: side by side, overlapping by one, by two. Right, three"
    " rising curves, the wider the window, the lower; on each lies a dotted one.",
)
# sphinx_gallery_end_ignore
plt.show()

# %%
# A wider window makes a map less picky, whether windows overlap or not. No wonder: all
# strides sample the same map, some more densely. Overlap lets a window of three leave
# as many places as one of two. What that buys the layers behind, this measure cannot
# say. The price: nine numbers are compared, not four. Does ``avg_pool2d`` do the same?
