"""Let ``vhist.fit`` link to the page of ``vhist.train.fit``, and so on.

The names that ``import vhist`` offers are documented once, in their own module. Without
this step neither the text nor the code of a chapter could link to the short names.
"""

from pydoc import locate

import vhist


def add_shortcuts(app, env):
    """Enter each exported name that has no page of its own next to its full name."""
    known = env.domains["py"].objects
    for short in vhist.__all__:
        name = f"vhist.{short}"
        full = [n for n in known if n.startswith("vhist.") and n.endswith(f".{short}")]
        full = [n for n in full if locate(n) is getattr(vhist, short)]
        if name not in known and full:
            known[name] = known[full[0]]


def setup(app):
    app.connect("env-updated", add_shortcuts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
