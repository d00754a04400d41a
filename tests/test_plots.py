"""Figures draw what they are given, in the book's colours."""

import re
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

import vhist
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


def test_an_architectures_colour_stands_for_nothing_else():
    """Whoever means an architecture asks for it; the default colours are others."""
    owned = {c.lower() for c in (plots.COLORS | plots.MORE_COLORS).values()}
    root = Path(__file__).parent.parent
    files = [f for folder in ("vhist", "examples") for f in root.glob(f"{folder}/**/*")]
    files += [*root.glob("docs/*.md"), *root.glob("docs/_ext/*.py")]
    sources = [f for f in files if f.suffix in {".py", ".md"} and f.name != "plots.py"]
    assert len(sources) > 80
    texts = {f.name: f.read_text(encoding="utf-8").lower() for f in sources}
    assert not [name for name, text in texts.items() if any(c in text for c in owned)]
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert not owned & {c.lower() for c in cycle}


def test_letters_can_be_read():
    root = Path(__file__).parent.parent
    files = [
        f for folder in ("vhist", "examples") for f in root.glob(f"{folder}/**/*.py")
    ]
    texts = {f.name: f.read_text(encoding="utf-8") for f in files}
    sizes = {n: re.findall(r"fontsize=([\d.]+)", text) for n, text in texts.items()}
    assert sum(map(len, sizes.values())) > 20
    assert not [n for n, found in sizes.items() if any(float(x) < 8 for x in found)]


@pytest.mark.parametrize("page", ["#ffffff", "#131416"])  # Furo's backgrounds
def test_default_colours_stand_out_on_either_page(page: str):
    def light(color: str) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in mpl.colors.to_rgb(color)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    for color in plots.NEUTRALS:
        low, high = sorted((light(color), light(page)))
        assert high / low >= 3, color


def test_pictures_fill_a_grid():
    fig = plots.images(torch.full((7, 3, 8, 8), 128.0), "abcdefg", columns=3)
    drawn = [ax for ax in fig.axes if ax.images]
    assert len(drawn) == 7
    assert drawn[6].get_title() == "g"
    assert float(drawn[0].images[0].get_array().mean()) == pytest.approx(128 / 255)


def test_tensors_of_any_device_can_be_drawn():
    class Far(torch.Tensor):
        """Like one on a GPU: numpy cannot read it before cpu() was called."""

        def __array__(self, dtype=None, copy=None):
            raise TypeError("can't convert a device tensor to numpy")

        def cpu(self):
            return self.as_subclass(torch.Tensor)

    picture = (255 * torch.rand(2, 3, 4, 4)).as_subclass(Far)
    plots.images(picture)
    plots.attention(picture[0], torch.rand(2, 5, 5).as_subclass(Far))


def test_attention_draws_the_class_tokens_row():
    maps = torch.zeros(2, 5, 5)
    maps[:, 0, 3] = 1  # the class token looks at patch 2: second row, left
    fig = plots.attention(torch.zeros(3, 8, 8), maps)
    looks = fig.axes[1].images[1].get_array()
    assert looks.tolist() == [[0, 0], [1, 0]]


def test_an_architecture_has_a_bar_per_layer_and_an_arc_per_branch():
    with torch.device("meta"):
        alexnet = vhist.summary(vhist.create_model("alexnet"), 227)
        resnet = vhist.summary(vhist.create_model("resnet34"), 224)
        vit = vhist.summary(vhist.create_model("vit_b_16"), 224)
    tables = {"AlexNet": alexnet, "ResNet-34": resnet, "ViT-B/16": vit}
    fig = plots.architecture(tables, {"ResNet-34": 3, "ViT-B/16": 3})
    assert [len(ax.patches) for ax in fig.axes] == [8, 34, 1 + 4 * 12 + 1]
    assert [len(ax.lines) for ax in fig.axes] == [0, 16, 2 * 12]
    assert [ax.get_title("left") for ax in fig.axes][1] == "ResNet-34: 34 layers"
    first = [text.get_text() for text in fig.axes[0].texts]
    assert first == ["96 × 55²", "256 × 27²", "384 × 13²", "256 × 13²", "4096", "10"]
    assert "768 × 14²" in {text.get_text() for text in fig.axes[2].texts}
    low, high = (bar.get_height() for bar in (fig.axes[0].patches[i] for i in (-1, 0)))
    assert low < high
    with torch.device("meta"):  # its summary has layers of another kind
        linformer = vhist.summary(vhist.create_model("linformer"), 224)
    (axes,) = plots.architecture({"Linformer": linformer}).axes
    shown = {text.get_text() for text in axes.texts}
    assert shown == {"128 × 7²", "384 × 7²", "512 × 7²", "10"}
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.architecture({})


def test_the_faintest_layer_has_the_full_colour_around_it():
    with torch.device("meta"):
        table = vhist.summary(vhist.create_model("resnet34"), 224)
    bars = plots.architecture({"ResNet-34": table, "an older one": table})
    for ax, color in zip(
        bars.axes, (plots.COLORS["resnet"], plots.NEUTRALS[-1]), strict=True
    ):
        for bar in (ax.patches[0], ax.patches[-1]):
            assert mpl.colors.same_color(bar.get_edgecolor(), color)
            assert bar.get_facecolor()[3] < 0.5


def test_blocks_are_chains_with_detours():
    chains = {"plain": ("linear", "ReLU"), "ResNet": ("linear", "ReLU", "+")}
    fig = plots.blocks(chains, {"ResNet": [(0, 2)]})
    assert [len(ax.patches) for ax in fig.axes] == [2, 3]
    assert [len(ax.lines) for ax in fig.axes] == [0, 1]
    last = fig.axes[1].patches[2]
    (detour,) = fig.axes[1].lines
    assert detour.get_xdata()[0] < fig.axes[1].patches[0].get_x()
    assert detour.get_xdata()[-1] == last.get_x() + last.get_width() / 2
    assert detour.get_color() == plots.COLORS["resnet"]
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.blocks({})


def test_a_box_is_as_wide_as_its_text_and_a_figure_as_its_boxes():
    fig = plots.blocks({"ResNet": ("3x3\nconvolution", "batch\nnorm", "+")})
    (ax,) = fig.axes
    fig.draw_without_rendering()
    wide = [box.get_window_extent() for box in ax.patches]
    for box, text in zip(wide, ax.texts[::2], strict=False):
        inside = text.get_window_extent()
        assert box.x0 < inside.x0 < inside.x1 < box.x1
    assert wide[0].width > wide[1].width > wide[2].width
    right = ax.get_window_extent().x1
    assert wide[-1].x1 < right < wide[-1].x1 + 0.4 * fig.dpi
    long = plots.blocks({"A title that is longer than what stands below it": "+"})
    (ax,) = long.axes
    long.draw_without_rendering()
    title = ax._left_title.get_window_extent()
    assert title.x1 < long.bbox.x1


def test_what_cannot_be_drawn_is_one_line():
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.images(torch.zeros(0, 3, 8, 8))
    with pytest.raises(ValueError, match="a class token and the square"):
        plots.attention(torch.zeros(3, 8, 8), torch.ones(2, 64, 64))
    with pytest.raises(ValueError, match="a class token and the square"):
        plots.attention(torch.zeros(3, 8, 8), torch.ones(2, 65, 16))
    with pytest.raises(ValueError, match="theme must be light or dark, got 'Dark'"):
        plots.use_style("Dark")
    with pytest.raises(ValueError, match=r"a single one is picture\[None\]"):
        plots.images(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="columns must be at least 1"):
        plots.images(torch.zeros(1, 3, 8, 8), columns=0)
    for x in (torch.rand(1, 3, 8, 8), 4 * torch.rand(1, 3, 8, 8) - 2):
        with pytest.raises(ValueError, match=r"must be numbers in \[0, 255\], got"):
            plots.images(x)
        with pytest.raises(ValueError, match=r"must be numbers in \[0, 255\], got"):
            plots.attention(x[0], torch.ones(1, 65, 65))
    with pytest.raises(ValueError, match="ReLU has no convolution and no linear map"):
        plots.architecture({"ReLU": vhist.summary(torch.nn.ReLU(), 8)})
    with pytest.raises(ValueError, match="give at least one run"):
        plots.curves([])


def test_pictures_may_have_gradients_and_maps_few_bits():
    picture = torch.full((1, 3, 8, 8), 100.0, requires_grad=True)
    plots.images(picture)
    plots.attention(picture[0], torch.ones(1, 65, 65, dtype=torch.bfloat16))
    dark = torch.zeros(1, 3, 8, 8)
    plots.images(dark)


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
    own = plots.curves([replace(run, model="Mine")]).lines[0]
    assert own.get_color() == plots.NEUTRALS[-1]
    with pytest.raises(ValueError, match="has no 'accuracy'; it has epoch"):
        plots.curves([run], "accuracy")
    ax = plots.confusion(run)
    assert ax.images[0].get_array().tolist() == [[50, 50], [0, 100]]
    assert [t.get_text() for t in ax.texts] == ["50", "50", "100"]


def test_a_caption_stays_with_its_figure():
    fig = plots.caption(plt.figure(), "what to see", "what it shows")
    assert (fig.vhist_caption, fig.vhist_alt) == ("what to see", "what it shows")


def test_a_confusion_can_be_read(example):
    def light(color) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in to_rgb(color)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    ax = plots.confusion(example)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("answer", "right class")
    (shown,) = ax.images
    for text in ax.texts:
        j, i = text.get_position()
        cell = shown.to_rgba(shown.get_array())[int(i), int(j), :3]
        low, high = sorted((light(cell), light(text.get_color())))
        assert high / low >= 3
    plt.close("all")


def test_a_confusion_of_many_classes_has_no_words(example):
    classes = [f"class {i}" for i in range(30)]
    many = replace(example, data=example.data | {"classes": classes})
    ax = plots.confusion(many)
    assert not ax.texts
    assert not {t.get_text() for t in ax.get_xticklabels()} & {*classes}


def test_seeds_of_a_model_share_a_label(example):
    other = replace(example, model="vgg_small")
    ax = plots.curves([example, example, other])
    assert len(ax.lines) == 3
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["resnet_small", "vgg_small"]
    plt.close("all")
