"""Let a page's explorers come when a reader gets near them.

What :mod:`vhist.explorer` writes into a page carries its pictures, numbers and script
along, as a notebook needs it. A slow phone would wait for all of that before it shows
the first line. So each moves to a file of its own, and a box is left in its place.
"""

import hashlib
import json
import re
from pathlib import Path

FOLDER = "_static/explorers"
BOX = re.compile(
    r'<div class="vhist-explorer" data-kind="(?P<kind>\w+)">(?P<text><p>.*?</p>)'
    r'<script type="application/json">.*?</script></div>'
    r"<style>.*?</style><script>.*?</script>",
    re.DOTALL,
)


def move_explorers(app, pagename, templatename, context, doctree) -> None:
    if "vhist-explorer" not in context.get("body", ""):
        return

    def moved(match: re.Match) -> str:
        name = hashlib.sha256(match[0].encode()).hexdigest()[:16]
        file = Path(app.outdir, FOLDER, f"{name}.js")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"document.querySelector('[data-script$=\"/{name}.js\"]').replaceWith("
            f"document.createRange().createContextualFragment({json.dumps(match[0])}));\n",
            encoding="utf-8",
        )
        script = context["pathto"](f"{FOLDER}/{name}.js", 1)
        kept = f'data-later="{match["kind"]}" data-script="{script}"'
        return f'<div class="vhist-explorer" {kept}>{match["text"]}</div>'

    context["body"], count = BOX.subn(moved, context["body"])
    if count:
        app.add_js_file("explorers.js")


def setup(app):
    app.connect("html-page-context", move_explorers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
