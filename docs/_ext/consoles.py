"""Cells that call ``run("vhist ...")`` look like the terminal that they stand for.

docs/command_line.md runs its commands within the page's Python. A reader who copies a
cell wants what a terminal takes, so such a cell becomes a console block; its prompt is
not copied (``copybutton_exclude`` in conf.py).
"""

import ast

from docutils import nodes
from sphinx.transforms import SphinxTransform


def commands(code: str) -> list[str]:
    """Return the lines that a cell runs; none if it does anything else."""
    try:
        cell = ast.parse(code).body
        calls = [(s.value.func.id, s.value.args[0].value) for s in cell]
    except (SyntaxError, AttributeError, IndexError):
        return []
    others = [s for s in cell if not isinstance(s, ast.Expr)]
    if others or {name for name, _ in calls} != {"run"}:
        return []
    return [line for _, line in calls]


class ShowCommands(SphinxTransform):
    """Show the commands of such cells behind a prompt."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        for cell in list(self.document.findall(nodes.literal_block)):
            if cell.get("language") != "ipython3":
                continue
            if lines := commands(cell.astext()):
                text = "\n".join(f"$ {line}" for line in lines)
                shown = nodes.literal_block(text, text, language="console")
                shown.source, shown.line = cell.source, cell.line
                cell.replace_self(shown)


def setup(app):
    app.add_transform(ShowCommands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
