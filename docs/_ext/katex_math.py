"""Write formulas as HTML and MathML while building: KaTeX, run by an embedded V8.

The pages then need no JavaScript for math, and a formula that KaTeX cannot read is a
Sphinx warning, so it fails the build.
"""

import atexit
import functools
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

KATEX = Path(__file__).parent / "katex" / "katex.min.js"
STYLE = "vendor/katex/katex.min.css"
PUNCTUATION = ",.;:!?)"
SHORT = 30  # letters of TeX
STRUT = re.compile(r'class="katex-strut" style="height:([\d.]+)em')
CLASSES = "math notranslate nohighlight"

logger = logging.getLogger(__name__)


@functools.cache
def _engine():
    from py_mini_racer import MiniRacer

    engine = MiniRacer()
    atexit.register(engine.close)  # without it Python hangs at exit
    engine.eval(KATEX.read_text(encoding="utf-8"))
    return engine


def render(tex: str, display: bool, node: nodes.Node | None = None) -> str:
    """Return a formula as HTML; one that KaTeX refuses as code, with a warning."""
    options = {"displayMode": display, "throwOnError": True, "strict": "ignore"}
    try:
        return _engine().call("katex.renderToString", tex, options)
    except Exception as error:
        reason = str(error).splitlines()[0]
        logger.warning("formula %r: %s", tex, reason, location=node, type="katex")
        return f"<code>{escape(tex)}</code>"


def visit_math(self, node):
    html = render(node.astext(), display=False, node=node)
    self.body.append(self.starttag(node, "span", "", CLASS=CLASSES) + html + "</span>")
    raise nodes.SkipNode


def visit_math_block(self, node):
    html = render(_aligned(node.astext()), display=True, node=node)
    # tabindex: who has no mouse must be able to scroll a wide formula as well
    options = {"tabindex": "0", "style": f"--height: {height(html)}em"}
    self.body.append(self.starttag(node, "div", CLASS=CLASSES, **options))
    self.body.append(f"{html}</div>\n")
    raise nodes.SkipNode


def height(html: str) -> float:
    """Return how high a formula is, so that a browser can put off its layout."""
    return max([1.2, *map(float, STRUT.findall(html))])  # a line of text: 1.2


def _aligned(tex: str) -> str:
    """Align several lines at their ``&``, as Sphinx does for LaTeX."""
    lines = [part for part in tex.split("\n\n") if part.strip()]
    if r"\begin" in tex or (len(lines) == 1 and r"\\" not in tex):
        return tex
    return r"\begin{aligned}" + r"\\".join(lines) + r"\end{aligned}"


class JoinPunctuation(SphinxPostTransform):
    """Keep a comma on the line of the short formula before it.

    To a browser a formula is a box, after which a line may end. A long formula may
    break within itself instead, which it needs on a phone.
    """

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for math in list(self.document.findall(nodes.math)):
            after = math.next_node(descend=False, siblings=True)
            if not isinstance(after, nodes.Text) or len(math.astext()) > SHORT:
                continue
            rest = after.lstrip(PUNCTUATION)
            if mark := after[: len(after) - len(rest)]:
                after.parent.replace(after, nodes.Text(rest))
                joined = nodes.inline(classes=["unbroken"])
                math.replace_self(joined)
                joined += [math, nodes.Text(mark)]


def setup(app):
    app.add_post_transform(JoinPunctuation)
    app.add_html_math_renderer(
        "katex",
        inline_renderers=(visit_math, None),
        block_renderers=(visit_math_block, None),
    )
    app.add_css_file(STYLE)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
