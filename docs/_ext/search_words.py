"""Words that a search should find in a page, although its code spells them otherwise.

Who looks for "batchnorm" means ``nn.BatchNorm2d`` too; Sphinx's search compares whole
words, and knows the keywords of a page besides its text.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

OF_DIMENSIONS = re.compile(r"\b([A-Z]\w+?)[123]d\b")


class AddKeywords(SphinxTransform):
    """Give a page the names of its layers without the number of dimensions."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        code = self.document.findall(nodes.literal_block)
        names = {n for block in code for n in OF_DIMENSIONS.findall(block.astext())}
        if names:
            words = ", ".join(sorted(names))
            self.document.insert(0, nodes.meta(name="keywords", content=words))


def setup(app):
    app.add_transform(AddKeywords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
