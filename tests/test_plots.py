"""Figures draw what they are given, in the book's colours."""

import pytest
import torch
from matplotlib import pyplot as plt

from vhist import plots


@pytest.fixture(autouse=True)
def _style():
    plt.switch_backend("agg")
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def test_colours_follow_the_family():
    assert plots.color_of("vgg_small_bn") == plots.COLORS["vgg"]
    assert plots.color_of("VisionTransformer") == plots.COLORS["vit"]
    with pytest.raises(ValueError, match="none of the families"):
        plots.color_of("swin_t")


def test_pictures_and_filters_fill_a_grid():
    fig = plots.images(torch.full((7, 3, 8, 8), 128.0), "abcdefg", columns=3)
    drawn = [ax for ax in fig.axes if ax.images]
    assert len(drawn) == 7
    assert drawn[6].get_title() == "g"
    assert float(drawn[0].images[0].get_array().mean()) == pytest.approx(128 / 255)
    fig = plots.filters(torch.randn(5, 3, 4, 4))
    for ax in fig.axes[:5]:
        array = ax.images[0].get_array()
        assert max(abs(array.max() - 0.5), abs(array.min() - 0.5)) == pytest.approx(0.5)
    assert sum(bool(ax.images) for ax in plots.feature_maps(torch.rand(9, 4, 4)).axes)


def test_attention_draws_the_class_tokens_row():
    maps = torch.zeros(2, 5, 5)
    maps[:, 0, 3] = 1  # the class token looks at patch 2: second row, left
    fig = plots.attention(torch.zeros(3, 8, 8), maps)
    looks = fig.axes[1].images[1].get_array()
    assert looks.tolist() == [[0, 0], [1, 0]]


def test_activation_functions_and_their_derivatives():
    left, right = plots.activation_functions().axes
    tops = {line.get_label(): line.get_ydata().max() for line in right.lines}
    assert tops["sigmoid"] == pytest.approx(0.25, abs=1e-4)
    assert tops["tanh"] == pytest.approx(1, abs=1e-4)
    assert len(left.lines) == 3


def test_curves_and_confusion_show_the_record(example):
    run = example
    line = plots.curves([run]).lines[0]
    assert line.get_ydata().tolist() == [75]
    assert line.get_color() == plots.COLORS["resnet"]
    ax = plots.confusion(run)
    assert ax.images[0].get_array().tolist() == [[50, 50], [0, 100]]
    assert [t.get_text() for t in ax.texts] == ["50", "50", "100"]


def test_a_caption_stays_with_its_figure():
    fig = plots.caption(plt.figure(), "what to see", "what it shows")
    assert (fig.vhist_caption, fig.vhist_alt) == ("what to see", "what it shows")
