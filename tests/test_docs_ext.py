"""The site's own build steps (docs/_ext), each on a small case."""

import hashlib
import json
import os
import re
import runpy
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from docutils import nodes
from docutils.utils import new_document
from PIL import Image
from pybtex.database import parse_string
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "docs" / "_ext"), str(ROOT / "tools")]  # before the imports

import chapters  # noqa: E402
import consoles  # noqa: E402
import explorers  # noqa: E402
import figures  # noqa: E402
import inline_style  # noqa: E402
import katex_math  # noqa: E402
import mend_html  # noqa: E402
import published  # noqa: E402
import search_words  # noqa: E402
import shortcuts  # noqa: E402
from add_version import add_version  # noqa: E402
from notebook_text import plain  # noqa: E402

from vhist import plots  # noqa: E402
from vhist.explorer import AttentionExplorer, GridExplorer  # noqa: E402

PAPERS = parse_string(
    """
    @article{lee2001, author={Lee, A.}, title={T}, year={2001}, doi={10.1/x}}
    @article{kim2002, author={Kim, B. and Lee, A.}, title={T}, year={2002},
             eprint={0102.03}}
    @article{roe2003, author={Roe, C. and Lee, A. and Kim, B.}, title={T}, year={2003},
             url={https://example.org/roe}}
    """,
    "bibtex",
)


@pytest.fixture
def style():
    """The style of the book, for the length of a test."""
    with mpl.rc_context():
        plots.use_style()
        plt.rcParams["savefig.dpi"] = 50
        yield
    plt.close("all")


# ---- text of the notebooks -----------------------------------------------------------


ONE_EACH = "* `plot_a.py`\n* `plot_b.py`"


@pytest.mark.parametrize(
    ("rest", "markdown"),
    [
        (":cite:p:`lee2001`", "([Lee, 2001](https://doi.org/10.1/x))"),
        (":cite:t:`kim2002`", "[Kim and Lee, 2002](https://arxiv.org/abs/0102.03)"),
        (
            ":cite:p:`lee2001, roe2003`",
            "([Lee, 2001](https://doi.org/10.1/x); "
            "[Roe et al., 2003](https://example.org/roe))",
        ),
        (":cite:p:`nobody1900`", "(nobody1900)"),
        (":func:`vhist.summary`", "`vhist.summary`"),
        (":class:`~torch.nn.Conv2d`", "`Conv2d`"),
        (":func:`the table <vhist.summary>`", "`the table`"),
        (":doc:`the next chapter </chapters/plot_20_vgg>`", "the next chapter"),
        (":doc:`/chapters/plot_20_vgg`", "`plot_20_vgg`"),
        (".. rubric:: Exercises", "**Exercises**"),
        (".. tip:: Look.\n   Twice.", "> **Tip**\n>\n> Look.\n> Twice."),
        (
            ".. dropdown:: Why?\n\n   Because.\n\n   So.\n\nOn.",
            "<details><summary>Why?</summary>\n\nBecause.\n\nSo.\n\n</details>\n\nOn.",
        ),
        (
            "1. What?\n\n   .. dropdown:: So\n\n      A.\n\n   B\n\n2. C",
            "1. What?\n\n   <details><summary>So</summary>\n\n   A.\n\n   </details>"
            "\n\n   B\n\n2. C",
        ),
        (
            "Try::\n\n   a = 1\n\n   b = 2\n\nOn.",
            "Try:\n\n```python\na = 1\n\nb = 2\n```\n\nOn.",
        ),
        (
            ".. dropdown:: So\n\n   Try::\n\n      a = 1\n\n   On.",
            "<details><summary>So</summary>\n\nTry:\n\n```python\na = 1\n```\n\nOn.\n\n"
            "</details>",
        ),
        (".. minigallery::\n\n   ../x/plot_a.py\n   ../x/plot_b.py", ONE_EACH),
        ("$k = 2$ and `code` at 10:30", "$k = 2$ and `code` at 10:30"),
    ],
)
def test_notebook_text(rest: str, markdown: str) -> None:
    assert plain(rest, PAPERS) == markdown
    assert plain(markdown, PAPERS) == markdown


def test_tables_of_notebooks() -> None:
    table = """
.. list-table:: Paper and here
   :header-rows: 1

   * - what
     - paper
   * - input
     - 224, by
       the paper

After it.
"""
    expected = """
**Paper and here**

| what | paper |
| --- | --- |
| input | 224, by the paper |

After it.
"""
    assert plain(table, PAPERS) == expected
    simple = "==  ==\na   b\n==  ==\n1   2\n==  ==\n"
    fenced = f"```text\n{simple}```\n"
    assert plain(simple, PAPERS) == plain(fenced, PAPERS) == fenced


# ---- figures -------------------------------------------------------------------------


@pytest.mark.usefixtures("style")
def test_only_ink_is_swapped() -> None:
    light, dark = plots.INK["light"], plots.INK["dark"]
    fig, ax = plt.subplots()
    (coloured,) = ax.plot([0, 1], color=plots.COLORS["vgg"])
    (inked,) = ax.plot([1, 0], color=light)
    dots = ax.scatter([0, 1], [0, 1], color=[light, "#ff0000"])
    arrow = ax.annotate("here", (0, 0), (1, 1), arrowprops={"color": light})
    figures.swap_ink(fig, light, dark)
    assert mpl.colors.same_color(coloured.get_color(), plots.COLORS["vgg"])
    assert mpl.colors.same_color(inked.get_color(), dark)
    assert mpl.colors.same_color(dots.get_facecolor(), [dark, "#ff0000"])
    assert mpl.colors.same_color(arrow.arrow_patch.get_facecolor(), dark)
    assert mpl.colors.same_color(ax.spines["left"].get_edgecolor(), dark)
    assert mpl.colors.same_color(ax.xaxis.get_ticklabels()[0].get_color(), dark)


@pytest.mark.usefixtures("style")
def test_a_picture_is_the_same_on_dark_pages(tmp_path: Path) -> None:
    fig, ax = plt.subplots()
    ax.imshow(np.random.default_rng(0).random((8, 8, 3)), interpolation="nearest")
    ax.set_axis_off()
    shown = figures.save_twice(fig, tmp_path / "a.png")
    assert shown == tmp_path / "a.webp"
    with Image.open(shown) as light, Image.open(tmp_path / "a_dark.webp") as dark:
        assert np.array_equal(np.asarray(light), np.asarray(dark))


@pytest.mark.usefixtures("style")
def test_scraper_writes_a_figure(tmp_path: Path) -> None:
    fig, ax = plt.subplots(figsize=(6, 2))
    ax.plot([0, 1])
    plots.caption(fig, "A\nline.", "A line that rises.")
    block_vars = {"image_path_iterator": iter([tmp_path / "images" / "a.png"])}
    (tmp_path / "images").mkdir()
    rest = figures.scrape(None, block_vars, {"src_dir": str(tmp_path)})
    assert ".. figure:: /images/a.webp\n" in rest
    assert "   :alt: A line that rises.\n" in rest
    assert "   :width: 600px\n" in rest
    assert rest.endswith("\n   A line.\n")
    assert not plt.get_fignums()
    with Image.open(tmp_path / "images" / "a_dark.webp") as image:
        assert image.size == (300, 100)
        drawn = np.asarray(image.convert("RGBA"))
    assert len(np.unique(drawn.reshape(-1, 4), axis=0)) <= 256, "lossy: edges blur"


@pytest.mark.usefixtures("style")
def test_a_drawing_is_saved_as_svg(tmp_path: Path) -> None:
    chain = {"pair": ("linear", "ReLU")}
    for name in ("a", "again"):
        fig = plots.caption(plots.blocks(chain), "Two boxes.", "Two boxes.")
        (tmp_path / name).mkdir()
        shown = figures.save_twice(fig, tmp_path / name / "a.png")
    assert shown == tmp_path / "again" / "a.svg"
    light, dark = (shown.with_name(n).read_text() for n in ("a.svg", "a_dark.svg"))
    assert plots.INK["light"] in light
    assert light.replace(plots.INK["light"], plots.INK["dark"]) == dark
    assert "<text" not in light  # no font that a reader may lack
    assert (tmp_path / "a" / "a.svg").read_text() == light
    assert mend_html.size(shown) == tuple(np.round(72 * fig.get_size_inches()))
    page = mend_html.unpack(figures.inline(fig), tmp_path, tmp_path / "_images")
    assert {file.read_text() for file in (tmp_path / "_images").iterdir()} == {
        light,
        dark,
    }
    assert page.count(".svg") == 2


@pytest.mark.usefixtures("style")
def test_a_phone_shows_pictures_and_large_letters_whole() -> None:
    def panels(**title):
        fig, axes = plt.subplots(1, 2, figsize=(7.2, 3))
        for ax in axes:
            ax.imshow(np.zeros((4, 4)))
            ax.set_axis_off()
            ax.set_title("short", **title)
        return fig, axes[0]

    assert figures.fits(panels()[0])
    assert figures.fits(panels(fontsize=9)[0])
    assert not figures.fits(panels(fontsize=8)[0])
    fig, first = panels()
    first.text(0, 0, "here", fontsize=6)
    assert not figures.fits(fig)
    fig, first = panels()
    first.set_axis_on()  # numbers on the axes
    assert not figures.fits(fig)
    first.set(xticks=[], yticks=[])
    assert figures.fits(fig)
    assert ":figclass: fits\n" in figures.directive(fig, "/a.webp")
    first.set_xlabel("epoch")
    assert not figures.fits(fig)
    assert "figclass" not in figures.directive(fig, "/a.webp")
    boxes = plots.blocks({"pair": ("3x3\nconvolution", "ReLU", "+")})
    plots.caption(boxes, "Boxes.", "Three boxes in a row.")
    assert figures.inline(boxes).startswith('<figure class="fits">')


# ---- chapters ------------------------------------------------------------------------


def app_with(tmp_path: Path, plot: str = "True") -> SimpleNamespace:
    """As much of a Sphinx application as the steps look at."""
    for folder in (
        "docs/chapters",
        "docs/_build/html",
        "docs/_ext",
        "examples/chapters",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "vhist").mkdir()
    gallery = {"gallery_dirs": ["chapters"]}
    config = SimpleNamespace(plot_gallery=plot, sphinx_gallery_conf=gallery)
    docs = tmp_path / "docs"
    app = SimpleNamespace(srcdir=docs, outdir=docs / "_build" / "html", config=config)
    app.steps = {}
    app.connect = app.steps.__setitem__
    return app


def test_a_chapter_that_did_not_run_fails_the_build(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    (tmp_path / "examples" / "chapters" / "plot_10_a.py").touch()
    page = tmp_path / "docs" / "chapters" / "plot_10_a.rst"
    page.write_text("only text")
    with pytest.raises(ExtensionError, match=r"plot_10_a\.py"):
        chapters.check_ran(app)
    page.write_text(f"text\n\n{chapters.MARK_OF_A_RUN} (0 minutes 2.1 seconds)")
    chapters.check_ran(app)


def test_experiments_stand_in_teaching_order() -> None:
    """In the index, in its hidden table (previous, next, sidebar), in each gallery."""
    examples = ROOT / "examples"
    index = (examples / "experiments" / "index.rst").read_text("utf-8")
    order = re.findall(r"examples/experiments/(plot_\w+)\.py", index)
    assert re.findall(r"(?m)^   (plot_\w+)$", index) == order
    scripts = [*examples.glob("*/plot_*.py")]
    scripts.sort(key=lambda path: chapters.in_teaching_order(str(path)))
    names = [path.stem for path in scripts]
    of_chapters = [path.stem for path in (examples / "chapters").glob("plot_*.py")]
    assert names == sorted(of_chapters) + order


def test_the_mark_is_what_sphinx_gallery_writes() -> None:
    from sphinx_gallery.gen_rst import TIMING_CONTENT

    assert chapters.MARK_OF_A_RUN in TIMING_CONTENT


def test_chapters_run_again_when_the_library_changed(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    library = tmp_path / "vhist" / "a.py"
    library.write_text("x = 1")
    pages = tmp_path / "docs" / "chapters"
    md5 = pages / "plot_10_a.py.md5"

    def ran() -> bool:
        md5.touch()
        (pages / "plot_10_a.rst").write_text(chapters.MARK_OF_A_RUN)
        chapters.forget_stale(app)
        return md5.exists()

    assert not ran()  # the first time
    assert ran()  # nothing changed
    library.write_text("x = 2")
    assert not ran()
    (tmp_path / "vhist" / "record.json").write_text("{}")
    assert not ran()
    for name in ("constraints.txt", "refs.bib"):
        (tmp_path / "docs" / name).write_text("newer")
        assert not ran(), name
    assert ran()
    (pages / "plot_10_a.rst").write_text("built without running")
    chapters.forget_stale(app)
    assert not md5.exists()


def test_workers_come_only_if_there_is_work(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    gallery = app.config.sphinx_gallery_conf
    script = tmp_path / "examples" / "chapters" / "plot_10_a.py"
    script.write_text("x = 1\n")
    pages = tmp_path / "docs" / "chapters"
    (pages / "plot_10_a.rst").write_text(chapters.MARK_OF_A_RUN)
    gallery["parallel"] = 2
    chapters.forget_stale(app)
    assert chapters.to_run(app) == [script]
    assert gallery["parallel"] == 2
    md5 = hashlib.md5(script.read_bytes(), usedforsecurity=False).hexdigest()
    (pages / "plot_10_a.py.md5").write_text(md5)  # as sphinx-gallery does
    chapters.forget_stale(app)
    assert chapters.to_run(app) == []
    assert not gallery["parallel"]
    gallery["parallel"] = 2
    script.write_text("x = 2\n")
    chapters.forget_stale(app)
    assert gallery["parallel"] == 2


def test_a_page_of_the_build_before_only_gets_new_thumbnails(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    app.builder = SimpleNamespace(format="html")
    app.config.notebooks_url = ""
    page = app.outdir / "a.html"
    Image.new("RGB", (30, 20)).save(app.outdir / "b_thumb.png")
    picture = '<img alt="" src="b_thumb.png">'
    page.write_text(f"<pre>code</pre>{picture}")
    mend_html.mend(app, None)
    assert '<pre tabindex="0">' in page.read_text()
    assert "b_thumb.webp" in page.read_text()
    style = '<style data-root="">x {}</style>'
    page.write_text(f"{style}<pre>code</pre>{picture}")
    mend_html.mend(app, None)
    assert page.read_text() == f"{style}<pre>code</pre>{picture.replace('png', 'webp')}"


def test_pages_that_show_records_are_read_again_when_one_changed(
    tmp_path: Path,
) -> None:
    app = app_with(tmp_path)
    chapters.forget_stale(app)
    env = SimpleNamespace(found_docs={"index", "results"})
    outdated = app.steps.pop("env-get-outdated")
    assert outdated(app, env, set(), set(), set()) == env.found_docs
    chapters.forget_stale(app)
    assert not app.steps
    (tmp_path / "vhist" / "record.json").write_text("{}")
    chapters.forget_stale(app)
    assert app.steps


def test_fast_build_forgets_nothing(tmp_path: Path) -> None:
    app = app_with(tmp_path, plot="0")
    md5 = tmp_path / "docs" / "chapters" / "plot_10_a.py.md5"
    md5.touch()
    chapters.forget_stale(app)
    chapters.check_ran(app)
    assert md5.exists()


def test_downloads_are_cleaned(tmp_path: Path) -> None:
    app = app_with(tmp_path)
    (tmp_path / "docs" / "refs.bib").touch()
    notebook = tmp_path / "docs" / "chapters" / "a.ipynb"
    cell = {"cell_type": "markdown", "source": ["see :func:`vhist.summary`"]}
    code = {"cell_type": "code", "source": ["s = ':func:`x`'"]}
    empty = {"cell_type": "code", "source": ["\n"]}
    notebook.write_text(json.dumps({"cells": [cell, empty, code]}))
    archive = notebook.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        file.write(notebook, notebook.name)
    chapters.clean_notebooks(app)
    with zipfile.ZipFile(archive) as file:
        cells = json.loads(file.read("a.ipynb"))["cells"]
    assert [c["source"] for c in cells] == [["see `vhist.summary`"], code["source"]]

    os.utime(notebook, (0, 0))
    os.utime(archive, (0, 0))
    chapters.clean_notebooks(app)  # else Sphinx would read the page again
    assert notebook.stat().st_mtime == archive.stat().st_mtime == 0


# ---- finished pages ------------------------------------------------------------------


def test_mending_is_done_once() -> None:
    page = (
        '<p class="caption" role="heading"><span>Chapters</span></p><pre>x</pre>'
        '<table class="vhist-summary"><tr><td>1</td></tr></table>'
        '<div class="sphx-glr-thumbcontainer" tooltip="a &lt; b"><img src="a.png">'
        '<div class="sphx-glr-thumbnail-title">A <code>b</code></div></div>'
        '<div class="table-wrapper docutils container"><table></table></div>'
        '<div class="table-wrapper colwidths-auto docutils container"><p></p></div>'
        "<details><table><tr><td>2</td></tr></table></details>"
    )
    once = mend_html.mend_markup(page)
    assert '<p class="caption" role="heading" aria-level="2">' in once
    assert '<pre tabindex="0">' in once
    assert '<div class="scroll" tabindex="0"><table' in once
    assert 'container" tabindex="0"><table></table>' in once
    assert 'colwidths-auto docutils container" tabindex="0"><p></p>' in once
    assert '<div class="sphx-glr-thumbcontainer"><img' in once
    assert '</code></div><div class="thumbnail-lead">a &lt; b</div></div>' in once
    assert mend_html.mend_markup(once) == once


def test_empty_cells_leave_no_box() -> None:
    box = (
        '<div class="highlight-Python notranslate"><div class="highlight"><pre>{}</pre>'
    )
    box += "</div></div>"
    assert mend_html.mend_markup(box.format('<span class="w">\n</span>')) == ""
    assert "import" in mend_html.mend_markup(box.format("<span>import</span>\n"))


def test_code_keeps_its_functions_links_and_loses_plain_boxes() -> None:
    code = (
        '<a class="sphx-glr-backref-instance x" href="t.html"><span class="n">a</span>'
        '</a> <span class="o">=</span> <a class="y" href="f.html"><span class="n">'
        'f</span></a><span class="o">.</span>'
    )
    once = mend_html.mend_markup(code)
    assert once == 'a <span class="o">=</span> <a class="y" href="f.html">f</a>.'


def test_a_string_is_one_box() -> None:
    code = (
        '<span class="sa">f</span><span class="s2">&quot;a </span><span class="si">{'
        '</span><span class="n">b</span><span class="si">}</span><span class="s2"> c'
        '</span><span class="s2">&quot;</span> <span class="s1">&#39;d&#39;</span>'
    )
    once = mend_html.mend_markup(code)
    assert once == (
        '<span class="s2">f&quot;a {</span>b<span class="s2">} c&quot;</span> '
        '<span class="s1">&#39;d&#39;</span>'
    )
    assert mend_html.mend_markup(once) == once


def test_code_says_how_high_it_is() -> None:
    code = '<div class="highlight-Python notranslate"><div class="highlight"><pre>{}'
    code += "</pre></div></div>"
    twice = mend_html.count_lines(code.format("a = 1\nb = 2\n") + code.format("c\n"))
    assert 'notranslate" style="--lines: 2"><div' in twice
    assert 'notranslate" style="--lines: 1"><div' in twice
    assert mend_html.count_lines(twice) == twice


def test_scripts_without_a_use_are_not_fetched() -> None:
    page = '<script src="{}_static/{}.js?v=1"></script>\n'
    both = page.format("../", "design-tabs") + page.format("", "sg-tags")
    assert mend_html.mend_markup(both) == ""


def test_scripts_wait_for_the_page() -> None:
    page = '<script src="a.js"></script><script>b()</script>'
    once = mend_html.mend_markup(page)
    assert once == '<script defer src="a.js"></script><script>b()</script>'
    assert mend_html.mend_markup(once) == once


def test_pictures_get_their_size(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    page = '<img alt="a" src="a.png" /><img src="gone.png"><img src="a.png">'
    once = mend_html.describe_images(page, tmp_path)
    assert once.count('width="30" height="20"') == 2
    assert mend_html.describe_images(once, tmp_path) == once


def test_one_picture_above_the_sections_does_not_wait() -> None:
    logo, picture = '<img class="sidebar-logo" src="l.svg">', '<img src="a.png">'
    once = mend_html.hurry(logo + picture * 2 + "<h2></h2>" + picture)
    assert once.startswith(logo + '<img fetchpriority="high" src="a.png">')
    assert once.count('loading="lazy"') == 2
    assert mend_html.hurry(once) == once
    assert "fetchpriority" not in mend_html.hurry("<h2></h2>" + picture)


def test_pictures_within_a_page_become_files(tmp_path: Path) -> None:
    packed = '<img src="data:image/png;base64,AAAA">'
    once = mend_html.unpack(packed, tmp_path / "deep", tmp_path / "_images")
    (file,) = (tmp_path / "_images").iterdir()
    assert file.read_bytes() == bytes(3)
    assert once == f'<img src="../_images/{file.name}">'


def test_thumbnails_say_what_their_figure_shows(tmp_path: Path) -> None:
    script, folder = tmp_path / "plot_a.py", tmp_path / "html"
    script.write_text('"""T\n=\n"""\n# sphinx_gallery_thumbnail_number = 2\n')
    assert mend_html.words_for_thumbnail(script, folder) == ""
    folder.mkdir()
    (folder / "plot_a.html").write_text(
        '<img alt="One &amp; all" src="../_images/sphx_glr_plot_a_001.webp">'
        '<img alt="Two &amp; more" src="../_images/sphx_glr_plot_a_002.webp">'
    )
    words = {"plot_a": mend_html.words_for_thumbnail(script, folder)}
    assert words == {"plot_a": "Two &amp; more"}
    for end in ("thumb.png", "thumb.webp"):
        thumb = f'<img width="1" alt="" class="x" src="i/sphx_glr_plot_a_{end}">'
        once = mend_html.describe_thumbnails(thumb, words)
        assert once == thumb.replace('alt=""', 'alt="Two &amp; more"')
    other = '<img alt="" src="i/sphx_glr_plot_b_thumb.png">'
    assert mend_html.describe_thumbnails(other, words) == other


LONG = "python -m vhist train resnet_small --resume"


@pytest.mark.parametrize(
    ("page", "mended"),
    [
        (
            "<p>18.2 % and 5\n%</p>",
            "<p>18.2\N{NO-BREAK SPACE}% and 5\N{NO-BREAK SPACE}%</p>",
        ),
        ("<pre>18.2 %</pre><code>2 % 3</code>", None),
        (
            '<code class="literal"><span class="pre">nox</span></code>',
            '<code class="literal unbroken"><span class="pre">nox</span></code>',
        ),
        (
            f'<code class="literal"><span class="pre">{LONG}</span> '
            '<span class="pre">-x</span></code>',
            f'<code class="literal"><span class="pre">{LONG}</span> '
            '<span class="pre unbroken">-x</span></code>',
        ),
        (
            '<div class="highlight-console x"><pre>$ vhist --b-c <span>1</span></pre>',
            '<div class="highlight-console x"><pre>$ vhist <span class="unbroken">'
            "--b-c</span> <span>1</span></pre>",
        ),
        ('<div class="highlight-text x"><pre>$ vhist a --b-c</pre>', None),
    ],
)
def test_what_belongs_together_stays_on_a_line(page: str, mended: str | None) -> None:
    once = mend_html.keep_together(page)
    assert once == (mended or page)
    assert mend_html.keep_together(once) == once


def test_figures_and_tables_of_runs_scroll_in_a_box() -> None:
    figure = '<figure id="a">\n<a href="i"><img src="i"></a><figcaption>C</figcaption>'
    answer = (
        '<details class="vhist-answer"><summary>The runs</summary><table>{}</table>'
    )
    page = figure + "</figure>" + answer.format("<tr><td>-1.5</td></tr>")
    once = mend_html.mend_markup(page)
    box = '<div class="scroll" tabindex="0">'
    assert f'<figure id="a">{box}<a href="i"><img src="i"></a></div><figcap' in once
    assert f"</summary>{box}<table><tr><td>\N{MINUS SIGN}1.5</td>" in once
    assert mend_html.mend_markup(once) == once


def test_thumbnails_become_webp(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a_thumb.png")
    page = '<img src="a_thumb.png"><img src="gone_thumb.png"><img src="b.png">'
    once = mend_html.lighten(page, tmp_path)
    assert once == page.replace("a_thumb.png", "a_thumb.webp")
    with Image.open(tmp_path / "a_thumb.webp") as image:
        assert image.size == (30, 20)


def test_thumbnails_have_a_twin_for_dark_pages(tmp_path: Path) -> None:
    for end, size, color in (
        ("thumb.webp", (40, 20), "white"),
        ("001_dark.png", (60, 60), "red"),
    ):
        Image.new("RGBA", size, color).save(tmp_path / f"sphx_glr_plot_a_{end}")
    drawings = {"plot_a": tmp_path / "sphx_glr_plot_a_001_dark.png"}
    light = '<img alt="A" class="x" src="sphx_glr_plot_a_thumb.webp">'
    once = mend_html.darken(f"<a>{light}</a>", tmp_path, drawings)
    assert once == (
        '<a><img alt="A" class="only-light x" src="sphx_glr_plot_a_thumb.webp">'
        '<img alt="A" class="only-dark x" src="sphx_glr_plot_a_thumb_dark.webp"></a>'
    )
    assert mend_html.darken(once, tmp_path, drawings) == once
    with Image.open(tmp_path / "sphx_glr_plot_a_thumb_dark.webp") as dark:
        assert dark.size == (40, 20)
        assert dark.getpixel((2, 10))[3] == 0  # the page shines through at the sides
        assert dark.getpixel((20, 10))[0] > 200
    bare = light.replace(' class="x"', "")
    assert '<img class="only-dark" alt' in mend_html.darken(bare, tmp_path, drawings)
    other = light.replace("plot_a", "plot_b")
    assert mend_html.darken(other, tmp_path, drawings) == other


FOOT = """<h1>Title</h1>
<p class="sphx-glr-timing"><strong>Total</strong> (1 minutes 5.147 seconds)</p>
<a class="reference download internal" download="" href="../d/plot_10_a.ipynb"></a>
<a class="reference download internal" download="" href="../d/plot_10_a.py"></a>
"""


def test_cost_and_downloads_stand_below_the_title() -> None:
    once = mend_html.lead(FOOT, "Chapter 2 of 3", "")
    _, line, *_ = once.splitlines()
    assert line == (
        '<p class="page-lead">Chapter 2 of 3 · ran in 1 min 5 s on the CPU that built '
        'it · <a download="" href="../d/plot_10_a.py">script</a> '
        '· <a download="" href="../d/plot_10_a.ipynb">notebook</a></p>'
    )
    assert mend_html.lead(once, "Chapter 2 of 3", "") == once
    assert ">Ran in 1 min" in mend_html.lead(FOOT, "", "")
    assert mend_html.lead("<h1>No script</h1>", "", "c") == "<h1>No script</h1>"


def test_colab_opens_the_notebook_of_a_chapter() -> None:
    page = Path("html", "chapters", "plot_10_a.html")
    link = mend_html.colab(page, "https://colab.example/o/r/blob/notebooks")
    assert link == "https://colab.example/o/r/blob/notebooks/chapters/plot_10_a.ipynb"
    assert f'<a href="{link}">open in Colab</a></p>' in mend_html.lead(FOOT, "", link)
    assert mend_html.colab(page, "") == ""
    assert mend_html.colab(page.with_name("index.html"), "https://x") == ""


def test_chapters_know_their_place(tmp_path: Path) -> None:
    for name in ("plot_10_a", "plot_20_b", "index"):
        (tmp_path / "chapters").mkdir(exist_ok=True)
        (tmp_path / "chapters" / f"{name}.html").touch()
    page = tmp_path / "chapters" / "plot_20_b.html"
    assert mend_html.place(page) == "Chapter 2 of 2"
    assert mend_html.place(page.with_name("index.html")) == ""
    assert mend_html.place(tmp_path / "plot_20_b.html") == ""


# ---- text of the pages ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ('run("vhist runs")', ["vhist runs"]),
        ('run("vhist x", code=2)\nrun("vhist y")', ["vhist x", "vhist y"]),
        (
            'run(\n    "vhist train a"\n    " --epochs 1"\n)',
            ["vhist train a --epochs 1"],
        ),
        ('print(1)\nrun("vhist runs")', []),
        ('x = run("vhist runs")', []),
        ("run()", []),
        ("run(line)", []),
        ("%load a", []),
        ("", []),
    ],
)
def test_cells_that_run_commands_are_known(code: str, lines: list[str]) -> None:
    assert consoles.commands(code) == lines


def test_a_command_stands_behind_a_prompt() -> None:
    document = new_document("page")
    for code, language in (
        ('run("vhist runs")', "ipython3"),
        ('run("vhist runs")', "text"),
        ("x = 1", "ipython3"),
    ):
        document += nodes.literal_block(code, code, language=language)
    consoles.ShowCommands(document).apply()
    blocks = [(block["language"], block.astext()) for block in document]
    assert blocks == [
        ("console", "$ vhist runs"),
        ("text", 'run("vhist runs")'),
        ("ipython3", "x = 1"),
    ]


def test_layers_are_found_without_their_dimensions() -> None:
    document = new_document("page")
    code = "nn.Sequential(nn.Conv2d(3, 4), nn.BatchNorm2d(4), nn.BatchNorm1d(4), f2d)"
    document += nodes.literal_block(code, code)
    search_words.AddKeywords(document).apply()
    (keywords,) = document.findall(nodes.meta)
    assert keywords["content"] == "BatchNorm, Conv"
    other = new_document("page")
    search_words.AddKeywords(other).apply()
    assert not other.children


# ---- explorers, fetched when a reader gets near --------------------------------------


def test_an_explorer_moves_to_a_file_of_its_own(tmp_path: Path) -> None:
    html = GridExplorer(torch.zeros(3, 8, 8))._repr_html_()
    other = AttentionExplorer(torch.zeros(3, 8, 8), torch.ones(1, 1, 4, 4) / 4)
    body = f"<p>before</p>{html}<p>between</p>{other._repr_html_()}<p>after</p>"
    scripts = []
    app = SimpleNamespace(outdir=tmp_path, add_js_file=scripts.append)
    context = {"body": body, "pathto": lambda path, resource: f"../{path}"}
    explorers.move_explorers(app, "a/page", "page.html", context, None)
    left = re.fullmatch(
        r'<p>before</p><div class="vhist-explorer" data-later="grid" '
        r'data-script="\.\./([^"]+)">'
        r"(<p>.*this needs JavaScript.*</p>)</div><p>between</p>"
        r'<div class="vhist-explorer" data-later="attention" '
        r'data-script="\.\./([^"]+)">\2</div><p>after</p>',
        context["body"],
    )
    assert left
    assert left[1] != left[3]
    script = (tmp_path / left[1]).read_text("utf-8")
    (moved,) = re.findall(r'Fragment\((".*")\)\);\n', script)
    assert json.loads(moved) == html
    assert f'[data-script$="/{Path(left[1]).name}"]' in script
    assert scripts == ["explorers.js"]


def test_a_page_without_an_explorer_is_left_alone(tmp_path: Path) -> None:
    app = SimpleNamespace(outdir=tmp_path, add_js_file=pytest.fail)
    for body in ("<p>text</p>", '<a href="api/vhist-explorer.html">its name</a>'):
        context = {"body": body}
        explorers.move_explorers(app, "page", "page.html", context, None)
        assert context == {"body": body}
    assert not [*tmp_path.iterdir()]


# ---- the style within each page -----------------------------------------------------


def test_rules_without_a_use_are_dropped() -> None:
    css = """
    /* said */ @font-face { src: url(a.woff2) }
    .kept, .gone { color: red; /* why */ }
    .gone { color: red }
    .kept:is(.gone, p) > a { top: 0 }
    #gone { left: 0 }
    @media print { .kept { top: 0 } .gone { top: 0 } }
    @media print { .gone { top: 0 } }
    """
    rules = inline_style.parse(css)
    assert inline_style.shrink(rules, {"kept"}).splitlines() == [
        "@font-face { src: url(a.woff2) }",
        ".kept{color: red;}",
        ".kept:is(.gone, p) > a{top: 0}",
        "@media print {.kept{top: 0}}",
    ]


def test_a_value_on_two_lines_keeps_its_words_apart() -> None:
    css = """.kept {
        margin: 0
            1px; /* why */
        color: red;
    }"""
    (rule,) = inline_style.shrink(inline_style.parse(css), {"kept"}).splitlines()
    assert rule == ".kept{margin: 0 1px;color: red;}"


def test_names_of_a_page() -> None:
    page = '<p class="a b-c" id="d">e</p><p class=f>'
    assert inline_style.names(page) == {"a", "b-c", "d", "f"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("url(fonts/a.woff2)", "url(../_static/vendor/fonts/a.woff2)"),
        ('url("../b.svg")', 'url("../_static/b.svg")'),
        ("url('data:image/svg+xml,<svg/>')", "url('data:image/svg+xml,<svg/>')"),
        ("url(#mask)", "url(#mask)"),
    ],
)
def test_addresses_in_style_sheets_move(old: str, new: str) -> None:
    assert inline_style.move(old, "../_static/vendor/a.css") == new


def test_pages_carry_their_style(tmp_path: Path) -> None:
    sheet = '<link rel="stylesheet" type="text/css" href="{}_static/{}.css?v=12ab" />\n'
    pages = {"search": "", "deep/page": "../", "404": "/book/", "plain": None}
    for name, up in pages.items():
        page = tmp_path / f"{name}.html"
        page.parent.mkdir(exist_ok=True)
        links = "" if up is None else sheet.format(up, "a") + sheet.format(up, "b")
        page.write_text(f'<html>{links}<p class="{page.stem}">')
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "a.css").write_text(
        ".page { src: url(i.svg) } .x { top: 0 }"
    )
    (tmp_path / "_static" / "b.css").write_text(".added, p { top: 1px }")
    (tmp_path / "_static" / "c.js").write_text("add('added')")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html"))

    def read(name: str) -> str:
        return (tmp_path / f"{name}.html").read_text()

    inline_style.write_style(app, None)
    deep = read("deep/page")
    assert deep.count("<style") == 1
    assert ">.page{src: url(../_static/i.svg)}\n.added,p{top: 1px}</style>" in deep
    assert ">.added,p{top: 1px}</style>" in read("404")
    assert read("plain") == '<html><p class="plain">'
    assert not any("stylesheet" in read(name) for name in pages)

    # the next build writes one page anew; the others follow it
    (tmp_path / "search.html").write_text(sheet.format("", "a"))
    inline_style.write_style(app, None)
    later = read("deep/page")
    assert later == deep.replace("\n.added,p{top: 1px}", "")
    assert '<style data-root="/book/"></style>' in read("404")
    inline_style.write_style(app, None)  # nothing was out of date
    assert read("deep/page") == later


# ---- the published site --------------------------------------------------------------

CHANGES = """# Changelog

## 0.3.0 (unreleased)

- Not yet.

## 0.2.0 (2026-12-24)

- A `chapter` & more.

## 0.1.0 (2026-12-01)

- The first.
"""


def test_feed_has_an_entry_for_each_release() -> None:
    atom = "{http://www.w3.org/2005/Atom}"
    root = ElementTree.fromstring(
        published.feed(CHANGES, "https://example.org/vhist/", "vhist")
    )
    entries = root.findall(f"{atom}entry")
    titles = [entry.findtext(f"{atom}title") for entry in entries]
    assert titles == ["vhist 0.2.0", "vhist 0.1.0"]
    text = entries[0].findtext(f"{atom}content")
    assert text == "<ul>\n<li>A <code>chapter</code> &amp; more.</li>\n</ul>\n"
    assert root.findtext(f"{atom}updated") == "2026-12-24T00:00:00Z"
    assert len({entry.findtext(f"{atom}id") for entry in entries}) == 2


def test_robots_find_the_sitemap() -> None:
    text = published.robots("https://example.org/vhist/")
    assert text.splitlines()[-1] == "Sitemap: https://example.org/vhist/sitemap.xml"


@pytest.mark.parametrize("given", [True, False])
def test_an_address_makes_a_published_site(given: bool, monkeypatch) -> None:
    for name, value in (
        ("VHIST_URL", "https://example.org/book"),
        ("VHIST_REPOSITORY", "https://github.com/example/vhist"),
    ):
        monkeypatch.setenv(name, value if given else "")
    conf = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    assert ("published" in conf["extensions"]) == given
    if given:
        assert (
            conf["html_baseurl"] == conf["ogp_site_url"] == "https://example.org/book/"
        )
        assert conf["notfound_urls_prefix"] == "/book/"
        assert conf["notebooks_url"] == (
            "https://colab.research.google.com/github/example/vhist/blob/notebooks"
        )


# ---- formulas ------------------------------------------------------------------------


def test_a_comma_stays_with_the_formula_before_it() -> None:
    document = new_document("page")
    document += nodes.paragraph(
        "",
        "",
        *(nodes.math("", "a"), nodes.Text(", then ")),
        *(nodes.math("", "b"), nodes.Text(" more")),
    )
    katex_math.JoinPunctuation(document).run()
    assert document.astext() == "a, then b more"
    (joined,) = document.findall(nodes.inline)
    assert joined["classes"] == ["unbroken"]
    assert joined.astext() == "a,"


def test_formulas() -> None:
    html = katex_math.render(r"\frac{1}{2}", display=False)
    assert "<math" in html
    assert "katex-html" in html
    assert "<code>" in katex_math.render(r"\frac{1", display=True)
    assert "&lt;b&gt;" in katex_math.render(r"\nosuch{a} <b>x</b>", display=True)
    assert 2 < katex_math.height(katex_math.render(r"\frac{1}{2}", True)) < 2.1
    assert katex_math.height(katex_math.render("x", True)) == 1.2  # a line of text


def built(folder: Path, text: str) -> Path:
    folder.mkdir()
    for name in ("index.html", "404.html", "robots.txt"):
        (folder / name).write_text(text)
    return folder


def test_versions_stand_side_by_side(tmp_path: Path) -> None:
    site = tmp_path / "site"
    add_version(built(tmp_path / "a", "first"), site, "latest")
    assert 'href="latest/"' in (site / "index.html").read_text()
    built(site / "0.2.new", "of a run that was stopped")

    for version in ("0.10", "0.9"):
        add_version(built(tmp_path / version, version), site, version)
    add_version(built(tmp_path / "b", "second"), site, "latest")
    versions = json.loads((site / "versions.json").read_text())
    assert versions == ["latest", "0.10", "0.9"]
    assert (site / "latest" / "index.html").read_text() == "second"
    # a stranger comes to the newest release, and so does who is lost
    assert 'href="0.10/"' in (site / "index.html").read_text()
    assert (site / "404.html").read_text() == "0.10"
    assert {path.name for path in site.iterdir()} == {
        *versions,
        *("versions.json", "index.html", "404.html", "robots.txt", "0.2.new"),
    }


@pytest.mark.parametrize("version", ["main", "", "../0.1", "0.1.new"])
def test_a_version_is_a_number_or_latest(tmp_path: Path, version: str) -> None:
    with pytest.raises(ValueError, match=r"must be latest or like 0\.2"):
        add_version(built(tmp_path / "a", ""), tmp_path / "site", version)
    assert not (tmp_path / "site").exists()


def test_a_version_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no site in .*nox -s docs"):
        add_version(tmp_path, tmp_path / "site", "latest")


def test_a_file_is_made_again_when_its_source_is_newer(tmp_path):
    made, source = tmp_path / "a.webp", tmp_path / "a.png"
    source.write_bytes(b"")
    os.utime(source, (100, 100))
    assert mend_html.older(made, source)
    made.write_bytes(b"")
    for time, again in ((99, True), (101, False)):
        os.utime(made, (time, time))
        assert mend_html.older(made, source) == again


def test_a_build_that_failed_announces_nothing(tmp_path):
    app = SimpleNamespace(
        builder=SimpleNamespace(name="html"),
        config=SimpleNamespace(html_baseurl="https://x.org/", project="vhist"),
        outdir=tmp_path / "docs",
        srcdir=tmp_path / "docs",
    )
    app.outdir.mkdir()
    (tmp_path / "CHANGELOG.md").write_text("")
    published.write(app, ValueError())
    assert not list(app.outdir.iterdir())


def test_pages_run_again_with_other_pictures_or_measurements(tmp_path, monkeypatch):
    prints = [chapters.fingerprint(tmp_path)]
    monkeypatch.setenv("VHIST_DATA", "/elsewhere")
    prints.append(chapters.fingerprint(tmp_path))
    (tmp_path / "benchmarks" / "records").mkdir(parents=True)
    (tmp_path / "benchmarks" / "records" / "a.json").write_text("{}")
    prints.append(chapters.fingerprint(tmp_path))
    assert len({*prints}) == 3


def test_pages_run_again_if_any_file_of_the_library_changes(tmp_path):
    files = [f for f in (ROOT / "vhist").rglob("*") if f.is_file()]
    kinds = {f.suffix for f in files if "__pycache__" not in f.parts} - {".typed"}
    assert kinds >= {".py", ".json", ".js"}
    prints = [chapters.fingerprint(tmp_path)]
    (tmp_path / "vhist" / "deeper").mkdir(parents=True)
    for kind in kinds:
        (tmp_path / "vhist" / "deeper" / f"a{kind}").write_text(kind)
        prints.append(chapters.fingerprint(tmp_path))
    assert len({*prints}) == 1 + len(kinds)


def test_a_short_name_leads_to_what_it_stands_for():
    known = {"vhist.other.fit": "another", "vhist.train.fit": "ours"}
    domains = {"py": SimpleNamespace(objects=known)}
    shortcuts.add_shortcuts(None, SimpleNamespace(domains=domains))
    assert known["vhist.fit"] == "ours"


def test_a_version_that_was_half_copied_is_copied_again(tmp_path):
    built, site = tmp_path / "html", tmp_path / "site"
    built.mkdir()
    (built / "index.html").write_text("whole")
    (site / "0.2.new").mkdir(parents=True)
    (site / "0.2.new" / "left.html").write_text("half")
    add_version(built, site, "0.2")
    assert {p.name for p in site.iterdir()} == {"0.2", "versions.json", "index.html"}
    assert [p.name for p in (site / "0.2").iterdir()] == ["index.html"]
