"""Turn what sphinx-gallery leaves of reST in a notebook's text into Markdown.

It writes headings, links, formulas, notes and code itself. Left are Sphinx's roles
(citations become links to the papers), boxes, list tables and simple tables.
"""

import re
from textwrap import dedent, indent

from pybtex.database import BibliographyData, Entry

# Directives that this module or sphinx-gallery turns into Markdown; tests/ lets the
# chapters use no other.
BOXES = ("admonition", "dropdown", "hint", "important", "seealso", "tip")
DIRECTIVES = (
    *(*BOXES, "code-block", "list-table", "math", "minigallery", "note", "rubric"),
    "warning",
)

# A directive's text: what is indented deeper than the directive itself.
_BODY = r"(?P<body>(?:\n+(?P=indent)[ ]{2,}.*)*)"
# A paragraph that ends in two colons, and the code that it announces.
_LITERAL = rf"^(?P<indent> *)(?P<lead>(?!\.\.)\S.*)::\n{_BODY}"


def plain(text: str, references: BibliographyData) -> str:
    """Return the text with no markup that only Sphinx understands.

    Each build does this again, so what is plain already stays as it is.
    """
    text = re.sub(r"^\.\. rubric:: *(.+)$", r"**\1**", text, flags=re.M)
    text = re.sub(_LITERAL, _code, text, flags=re.M)
    text = re.sub(
        rf"^(?P<indent>)\.\. minigallery:: *{_BODY}", _names, text, flags=re.M
    )
    box = rf"^(?P<indent> *)\.\. (?P<name>{'|'.join(BOXES)}):: *(?P<title>.*){_BODY}"
    text = re.sub(box, _box, text, flags=re.M)
    text = re.sub(
        rf"^(?P<indent>)\.\. list-table:: *(?P<title>.*){_BODY}",
        _table,
        text,
        flags=re.M,
    )
    text = re.sub(
        r"^(?P<open>```text\n)?(?P<rule>=+ +=[= ]*\n)(?:.*\S.*\n)+?(?P=rule)"
        r"(?:(?:.*\S.*\n)+?(?P=rule))?",
        _fence,
        text,
        flags=re.M,
    )
    return _roles(text, references)


def _roles(text: str, references: BibliographyData) -> str:
    cite = r":cite(?::(?P<kind>\w+))?:`(?P<keys>[^`]+)`"
    text = re.sub(cite, lambda match: _citation(match, references), text)
    # `text <target>` of a page or a label, then of code
    text = re.sub(r":(?:doc|ref|numref|term|eq):`([^`<]+?)\s*<[^`]*>`", r"\1", text)
    text = re.sub(r":[\w:+-]+:`([^`<]+?)\s*<[^`]*>`", r"`\1`", text)
    # the last part of a path or of a dotted name with a tilde
    text = re.sub(r":doc:`(?:[^`]*/)?([^`/]+)`", r"`\1`", text)
    text = re.sub(r":[\w:+-]+:`~(?:[^`]*\.)?([^`.]+)`", r"`\1`", text)
    return re.sub(r":[\w+-]+(?::[\w+-]+)?:`([^`]+)`", r"`\1`", text)


def _citation(match: re.Match, references: BibliographyData) -> str:
    keys = [key.strip() for key in match["keys"].split(",")]
    # an unknown key stays as it is; the page warns about it
    links = [
        link(references.entries[k]) if k in references.entries else k for k in keys
    ]
    return ", ".join(links) if match["kind"] == "t" else f"({'; '.join(links)})"


def link(entry: Entry) -> str:
    """Return e.g. ``[Krizhevsky et al., 2012](https://...)``."""
    authors = [" ".join(person.last_names) for person in entry.persons["author"]]
    names = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    fields = entry.fields
    label = f"{names}, {fields['year']}".replace("{", "").replace("}", "")
    if "doi" in fields:
        return f"[{label}](https://doi.org/{fields['doi']})"
    if "eprint" in fields:
        return f"[{label}](https://arxiv.org/abs/{fields['eprint']})"
    return f"[{label}]({fields['url']})" if "url" in fields else label


def _names(match: re.Match) -> str:
    """Name the scripts whose pages the book shows as a row of pictures."""
    return "\n".join(f"* `{name}`" for name in re.findall(r"\w+\.py", match["body"]))


def _box(match: re.Match) -> str:
    """A block quote below its title; a dropdown folds in a notebook, too."""
    body = _without_options(match["body"])
    title = match["title"].strip()
    if match["name"] == "dropdown":
        folded = f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
        return indent(folded, match["indent"])
    if match["name"] != "admonition":  # their text may start at once
        title, body = match["name"].capitalize(), f"{title}\n{body}".strip()
    quoted = "\n".join(f"> {line}".rstrip() for line in body.splitlines())
    return indent(f"> **{title}**\n>\n{quoted}", match["indent"])


def _code(match: re.Match) -> str:
    """Fence a literal block; it stays as deep as its paragraph."""
    code = f"```python\n{dedent(match['body'].strip(chr(10)))}\n```"
    return f"{match['indent']}{match['lead']}:\n\n{indent(code, match['indent'])}"


def _table(match: re.Match) -> str:
    """A Markdown table; the first row is the header."""
    rows = []
    for row in re.split(r"^\* ", _without_options(match["body"]), flags=re.M)[1:]:
        cells = re.split(r"^(?:  )?-(?: |$)", row, flags=re.M)[1:]
        rows.append([" ".join(cell.split()) for cell in cells])
    rows.insert(1, ["---"] * len(rows[0]))
    title = match["title"].strip()
    head = f"**{title}**\n\n" if title else ""
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _fence(match: re.Match) -> str:
    return match[0] if match["open"] else f"```text\n{match[0]}```\n"


def _without_options(body: str) -> str:
    body = dedent(body.strip("\n"))
    return re.sub(r"\A(?::[\w-]+:.*\n?)+", "", body).strip("\n")
