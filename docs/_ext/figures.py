"""Figures of the chapters: one drawing for light pages and one for dark pages.

``scrape`` saves every open figure twice, with transparent background. What is drawn in
the light ink of ``vhist.plots.INK`` is drawn in the dark page's ink the second time;
everything else, photographs and heat maps above all, is the same in both. Sphinx sees
only the light one, as a ``figure`` of class ``dual``, until ``AddDarkTwin`` puts the
dark one beside it. Caption and alternative text are those that the chapter gave with
``vhist.plots.caption``.
"""

from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from docutils import nodes
from matplotlib import colors, rc_context
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from vhist.plots import INK, WIDTH

logger = logging.getLogger(__name__)

PHONE = 358  # pixels: the width of the text on a phone of 390
SMALLEST = 6.0  # pixels: letters of a figure that a phone shows whole
COLOURS = ("color", "edgecolor", "facecolor", "markeredgecolor", "markerfacecolor")


# ---- while a chapter runs ------------------------------------------------------------


def scrape(block, block_vars, gallery_conf) -> str:
    """Save all open figures (sphinx-gallery's ``image_scrapers``)."""
    source = Path(gallery_conf["src_dir"])
    page = []
    for number in plt.get_fignums():
        figure = plt.figure(number)
        path = Path(next(block_vars["image_path_iterator"]))
        shown = save_twice(figure, path)
        page.append(directive(figure, "/" + shown.relative_to(source).as_posix()))
    plt.close("all")
    return "\n".join(page)


def save_twice(figure: Figure, light: Path) -> Path:
    """Save ``name.webp`` for light and ``name_dark.webp`` for dark pages.

    Returns the first. ``name.png`` and ``name_dark.png`` stay, for thumbnails.
    A drawing of ``vhist.plots`` becomes ``name.svg``: few lines, sharp at any size.
    Charts stay as they are, for their points and ticks take more bytes as SVG.
    """
    drawing = getattr(figure, "vhist_drawing", False)
    photographic = any(ax.get_images() for ax in figure.axes)

    def save(path: Path) -> Path:
        figure.savefig(path)
        return to_svg(figure, path) if drawing else to_webp(path, photographic)

    shown = save(light)
    swap_ink(figure, INK["light"], INK["dark"])
    save(dark_twin(light))
    swap_ink(figure, INK["dark"], INK["light"])  # the chapter may draw it again
    return shown


def inline(figure: Figure) -> str:
    """Return a figure as HTML with both drawings inside, for pages of MyST-NB.

    These have outputs of cells and no scraper that could save a second file.
    """
    caption, alt = figure.vhist_caption, " ".join(figure.vhist_alt.split())
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    with TemporaryDirectory() as folder:
        light = save_twice(figure, Path(folder, "figure.png"))
        drawings = []
        for theme, path in (("light", light), ("dark", dark_twin(light))):
            data = b64encode(path.read_bytes()).decode()
            kind = {".svg": "svg+xml"}.get(path.suffix, "webp")
            drawings.append(
                f'<img class="only-{theme}" alt="{escape(alt)}" width="{width}" '
                f'height="{height}" src="data:image/{kind};base64,{data}">'
            )
    text = f"<figcaption><p>{escape(' '.join(caption.split()))}</p></figcaption>"
    kind = ' class="fits"' if fits(figure) else ""
    return f"<figure{kind}>{''.join(drawings)}{text}</figure>"


def show(figure: Figure):
    """Show a figure as the output of a cell of MyST-NB, and close it."""
    from IPython.display import HTML

    html = HTML(inline(figure))
    plt.close(figure)
    return html


def fits(figure: Figure) -> bool:
    """Return whether a phone may show a figure whole; custom.css lets others scroll.

    It may if what the figure shows has no scales, and letters can still be read.
    """
    axes = [(ax, axis) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    shown = [axis for ax, axis in axes if ax.axison]
    scales = [t for axis in shown for t in (axis.label, *axis.get_ticklabels())]
    of_axes = [axis.findobj(Text) for _, axis in axes]
    letters = set(figure.findobj(Text)).difference(*of_axes)
    shrunk = min(1, PHONE / (100 * figure.get_size_inches()[0]))
    return not any(map(_seen, scales)) and all(
        text.get_fontsize() / 72 * 100 * shrunk >= SMALLEST
        for text in filter(_seen, letters)
    )


def _seen(text: Text) -> bool:
    return text.get_visible() and bool(text.get_text().strip())


def dark_twin(path: Path) -> Path:
    return path.with_name(f"{path.stem}_dark{path.suffix}")


def to_svg(figure: Figure, path: Path) -> Path:
    """Write a drawing as SVG, the same one at each build; its letters are outlines.

    A picture cannot use the fonts of the page around it.
    """
    svg = path.with_suffix(".svg")
    with rc_context({"svg.hashsalt": "vhist", "svg.fonttype": "path"}):
        figure.savefig(svg, metadata={"Date": None})
    return svg


def to_webp(path: Path, photographic: bool) -> Path:
    """Write a drawing again as WebP: a tenth of PNG's bytes for photographs.

    Lines and letters keep sharp edges, which a lossy format would blur: 256 colours are
    enough for them, and without loss WebP takes two thirds of such a PNG's bytes.
    """
    webp = path.with_suffix(".webp")
    with Image.open(path) as image:
        if photographic:
            image.save(webp, quality=90)  # more effort: seconds for 4 % of the bytes
        else:
            few = image.convert("RGBA").quantize(256, method=Image.Quantize.FASTOCTREE)
            few.convert("RGBA").save(webp, lossless=True, method=2)
    return webp


def directive(figure: Figure, uri: str) -> str:
    """Return the reST of a figure; AddDarkTwin reports missing alternative text."""
    caption = getattr(figure, "vhist_caption", "")
    alt = " ".join(getattr(figure, "vhist_alt", "").split())
    width = figure.get_size_inches()[0]
    lines = [f".. figure:: {uri}", "   :class: dual"]
    lines += [f"   :width: {round(100 * width)}px"]
    lines += ["   :figclass: fits"] if fits(figure) else []
    lines += [f"   :alt: {alt}"] if alt else []
    lines += ["", f"   {' '.join(caption.split())}"] if caption else []
    return "\n" + "\n".join(lines) + "\n"


def swap_ink(figure: Figure, old: str, new: str) -> None:
    """Change one colour into another, wherever the figure draws with it."""
    ink = np.array(colors.to_rgb(old))
    for artist in artists(figure):
        for name in COLOURS:
            getter = getattr(artist, f"get_{name}", None)
            setter = getattr(artist, f"set_{name}", None)
            if getter is None or setter is None:
                continue
            try:
                rgba = np.atleast_2d(colors.to_rgba_array(getter()))
            except (TypeError, ValueError):  # not a colour: "auto", None, a colour map
                continue
            drawn = np.isclose(rgba[:, :3], ink, atol=1e-3).all(axis=1)
            if drawn.any():
                rgba[drawn, :3] = colors.to_rgb(new)
                setter(rgba if isinstance(artist, Collection) else tuple(rgba[0]))


def artists(figure: Figure) -> Iterator[Artist]:
    """Return all that a figure draws, the arrows of its annotations included."""
    for artist in figure.findobj():
        yield artist
        if getattr(artist, "arrow_patch", None) is not None:
            yield artist.arrow_patch


# ---- while Sphinx reads the page -----------------------------------------------------


class AddDarkTwin(SphinxTransform):
    """Put the dark drawing next to each light one; the theme shows one of them."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        for light in list(self.document.findall(nodes.image)):
            if "dual" not in light["classes"]:
                continue
            if not light.get("alt"):
                logger.warning(
                    "a figure has no description: give it one with "
                    "vhist.plots.caption(fig, caption, alt)",
                    location=light,
                )
            if int(light["width"].removesuffix("px")) > 100 * WIDTH:
                logger.warning(
                    "a figure is %s wide: make it at most %s inches",
                    *(light["width"], WIDTH),
                    location=light,
                )
            light["classes"].remove("dual")
            dark = light.deepcopy()
            dark["uri"] = dark_twin(Path(light["uri"])).as_posix()
            light["classes"].append("only-light")
            dark["classes"].append("only-dark")
            light.parent.insert(light.parent.index(light) + 1, dark)


def setup(app):
    app.add_transform(AddDarkTwin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
