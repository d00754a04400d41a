"""The rules of the pages, read from the chapters without running them.

Each chapter is taken apart by sphinx-gallery's own parser, so these tests see what the
site will see. They pass with any number of chapters.
"""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest
from sphinx.pycode import ModuleAnalyzer
from sphinx_gallery.py_source_parser import (
    extract_file_config,
    split_code_and_text_blocks,
)

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CHAPTERS = sorted((ROOT / "examples" / "chapters").glob("plot_*.py"))
EXPERIMENTS = sorted((ROOT / "examples" / "experiments").glob("plot_*.py"))

sys.path.insert(0, str(DOCS / "_ext"))  # no package: its folder must come first
from notebook_text import BOXES, DIRECTIVES  # noqa: E402

COLUMNS = 88  # a code block of the site shows them without scrolling
LEAD_WORDS = 40
STORY_WORDS = 2000  # of a chapter, at most
ROLES = {
    *("math", "doc", "ref", "term", "download", "cite:p", "cite:t"),
    *("mod", "class", "func", "meth", "attr", "data", "exc", "obj"),
}

# What a run measures is computed or printed, never typed: a typed number stays when its
# record is replaced. These may stand in prose, as no run of ours can change them: what
# papers report, where the page cites them ...
REPORTED = {
    "krizhevsky2012": "1.7 15.3 18.2 25 26.2",
    "simonyan2014": "6.8 7.0 7.3 8.8 29.6 29.7",
    "szegedy2014": "6.7",
    "he2015resnet": "3.57 21.43 22.85 24.52 25.03 27.94 28.54",
    "dosovitskiy2020": "61.4 64.2 77.91 84.15",
    "touvron2021": "81.8",
    "beyer2022": "76.5",
    "liu2022": "2.7",
}
# ... levels of tests, guessing among ten, shares of a picture's area; and, on the page
# named, the article's logs and numbers made up for an exercise.
FIXED = {
    "": "5 10 77 95 100",
    "plot_00_introduction": "88.14229583740234",
    "plot_80_reading_a_log": "0.01 90 91.3 92.5 96",
}

# A number before a percent sign, "percent", "points" or ±.
MEASURED = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s*(?:%|percent|points?\b|±|\\pm)")

# A literal block, as of a log: what is indented after "::" or a code-block.
QUOTED = re.compile(r"(?m)^(?:[^.\n].*::|\.\. code-block::.*)\n(?:(?:[ \t].*)?\n)+")

every_chapter = pytest.mark.parametrize(
    "chapter", [*CHAPTERS, *EXPERIMENTS], ids=lambda page: page.stem
)


def texts(chapter: Path) -> list[str]:
    _, blocks = split_code_and_text_blocks(str(chapter))
    return [block.content for block in blocks if block.type == "text"]


def code(chapter: Path) -> str:
    _, blocks = split_code_and_text_blocks(str(chapter))
    return "\n".join(block.content for block in blocks if block.type == "code")


def captions(chapter: Path) -> list[str]:
    """Return what stands under the figures, as far as it is typed."""
    found = calls(ast.parse(code(chapter)), "caption")
    parts = [node for call in found for node in ast.walk(call)]
    return [str(part.value) for part in parts if isinstance(part, ast.Constant)]


def story(chapter: Path) -> list[str]:
    """Return the words of the running text, without tables, fold-outs and exercises."""
    text = "\n\n".join(texts(chapter))
    text = re.split(r"\n(?:Experiments|What to remember|Exercises)\n-", text)[0]
    text = re.sub(r"(?m)^\.\. (?!admonition).*\n(?:(?:[ \t].*)?\n)*", "", text)
    text = re.sub(r"(?m)^(?:=+ +=.*|\S.* {2,}\S.*|(\W)\1+)$", "", text)
    return re.sub(r":math:`[^`]*`|<[^>]*>", "x", text).split()


def typed(prose: list[str], cites: set[str], page: str = "") -> set[str]:
    """Return the numbers in it that look measured and are not known to be fixed."""
    known = [FIXED[""], FIXED.get(page, ""), *(REPORTED.get(key, "") for key in cites)]
    text = QUOTED.sub("\n", "\n".join(f"{part}\n" for part in prose))
    return set(MEASURED.findall(text)) - set(" ".join(known).split())


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Return the calls of ``name`` or ``something.name``."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [c for c in found if ast.unparse(c.func).split(".")[-1] == name]


def cited(text: str) -> set[str]:
    groups = re.findall(r":cite:?\w*:`([^`]+)`", text)
    return {key.strip() for group in groups for key in group.split(",")}


def known_keys() -> list[str]:
    return re.findall(r"^@\w+\{([^,]+),", (DOCS / "refs.bib").read_text("utf-8"), re.M)


@every_chapter
def test_title_then_one_sentence(chapter: Path) -> None:
    title, rule, *rest = texts(chapter)[0].strip().splitlines()
    assert re.fullmatch(r"=+", rule), "the title is underlined with ="
    assert len(rule) >= len(title)
    lead = "\n".join(rest).strip().split("\n\n")[0]  # the tooltip of the thumbnail
    words = lead.split()
    assert words, "a sentence follows the title"
    assert len(words) <= LEAD_WORDS, "the first paragraph is one short sentence"
    assert re.search(r"[.?!][`*)]*$", lead), "it ends as a sentence does"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda page: page.stem)
def test_a_chapter_is_read_in_one_sitting(chapter: Path) -> None:
    assert 1000 < len(story(chapter)) <= STORY_WORDS


def test_words_of_a_story_are_counted(tmp_path: Path) -> None:
    page = tmp_path / "plot_page.py"
    page.write_text(
        '"""\nTitle\n=====\n\nOne two.\n"""\n# %%\n# three :math:`a + b`\n#\n'
        "# .. admonition:: Box\n#\n#    five\n#\n# .. dropdown:: no\n#\n#    no\n#\n"
        "# ==  ==\n# no  no\n# ==  ==\n#\n# Exercises\n# ---------\n# no\n",
        encoding="utf-8",
    )
    words = "Title One two. three x .. admonition:: Box five"
    assert " ".join(story(page)) == words


@every_chapter
def test_lines_fit_the_page(chapter: Path) -> None:
    lines = chapter.read_text(encoding="utf-8").splitlines()
    long = [n for n, line in enumerate(lines, 1) if len(line) > COLUMNS]
    assert not long, f"lines {long} have more than {COLUMNS} columns"


@every_chapter
def test_cited_papers_are_known(chapter: Path) -> None:
    missing = cited(chapter.read_text(encoding="utf-8")) - set(known_keys())
    assert not missing, f"not in docs/refs.bib: {sorted(missing)}"


@every_chapter
def test_thumbnail_is_chosen(chapter: Path) -> None:
    tree = ast.parse(code(chapter))
    if len(calls(tree, "caption")) > 1:  # of one picture there is no choice
        settings = extract_file_config(chapter.read_text(encoding="utf-8"))
        assert "thumbnail_number" in settings, (
            "choose the page's picture: # sphinx_gallery_thumbnail_number = 1"
        )


@every_chapter
def test_figures_have_caption_and_description(chapter: Path) -> None:
    for call in calls(ast.parse(code(chapter)), "caption"):
        given = dict(zip(("fig", "text", "alt"), call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords}
        for name in ("text", "alt"):
            where = f"line {call.lineno} of the code: caption(fig, text, alt)"
            assert name in given, f"{where} lacks {name}"
            value = given[name]
            empty = isinstance(value, ast.Constant) and not str(value.value).strip()
            assert not empty, f"{where} has an empty {name}"


@every_chapter
def test_markup_survives_in_the_notebook(chapter: Path) -> None:
    """Other directives and roles would stand in the downloaded notebook as they are."""
    for text in texts(chapter):
        directives = set(re.findall(r"^ *\.\. ([\w-]+)::", text, flags=re.M))
        assert directives <= set(DIRECTIVES), f"use one of {', '.join(DIRECTIVES)}"
        inner = set(re.findall(r"^ +\.\. ([\w-]+)::", text, flags=re.M))
        assert inner <= set(BOXES), "code within a box is announced by two colons"
        roles = set(re.findall(r":([a-z]+(?::[a-z]+)*):`", text))
        assert roles <= ROLES, f"roles to use: {', '.join(sorted(ROLES))}"
        assert ":label:" not in text, "equations in chapters have no labels"


@every_chapter
def test_text_is_rest_not_markdown(chapter: Path) -> None:
    for text in texts(chapter):
        assert not re.search(r"^#{1,4} ", text, flags=re.M), "a heading is underlined"
        assert "%%" not in text, "a text that follows a text needs no mark of its own"
        assert not re.search(r"\[[^\]]+\]\(https?:", text), "a link is `text <url>`_"
        assert "```" not in text, "code is a code-block"


@every_chapter
def test_no_measured_number_is_typed(chapter: Path) -> None:
    prose = texts(chapter)
    found = typed([*prose, *captions(chapter)], cited(" ".join(prose)), chapter.stem)
    assert not found, f"compute or print them, or list them above: {found}"


@pytest.mark.parametrize(
    "page",
    [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))],
    ids=lambda page: page.name,
)
def test_no_measured_number_is_typed_on_other_pages(page: Path) -> None:
    """What tools/update_readme.py writes is compared with the records elsewhere."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"<!-- results -->.*<!-- end of results -->", "", text, flags=re.S)
    found = typed([text], set(re.findall(r"\{cite:\w+\}`([^`]+)`", text)))
    assert not found, f"compute or print them, or list them above: {found}"


def test_a_typed_accuracy_is_found() -> None:
    said = ["It reached 83.8 % in", "88.4\n% and 62.7 ± 0.8 here", "2.5 points ahead"]
    assert typed(said, set()) == {"83.8", "88.4", "62.7", "2.5"}
    assert not typed(["Chance is 10 %; the paper had 18.2 %."], {"krizhevsky2012"})
    assert typed(["the paper had 18.2 %"], {"liu2022"}) == {"18.2"}
    assert not typed(["A log says::\n\n    Acc: 96.5 %\n\nand ends."], set())
    assert typed(["A log says::\n\n    Acc: 96.5 %\n\nand 96.6 %."], set()) == {"96.6"}
    assert typed([".. note::\n\n   It has 96.5 %.\n"], set()) == {"96.5"}


def test_names_sort_the_chapters() -> None:
    assert all(re.fullmatch(r"plot_\d\d_[a-z_]+\.py", c.name) for c in CHAPTERS)
    assert all(re.fullmatch(r"plot_[a-z0-9_]+\.py", e.name) for e in EXPERIMENTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda page: page.stem)
def test_an_experiment_is_short_and_names_its_chapter(experiment: Path) -> None:
    text = experiment.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert re.search(r":doc:`[^`]*</chapters/plot_\d\d_\w+>`", text)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda page: page.stem)
def test_every_experiment_is_linked_from_a_chapter(experiment: Path) -> None:
    link = f"../examples/experiments/{experiment.name}"
    assert any(link in chapter.read_text(encoding="utf-8") for chapter in CHAPTERS)


def test_the_index_has_every_experiment_once() -> None:
    index = (EXPERIMENTS[0].parent / "index.rst").read_text(encoding="utf-8")
    listed = re.findall(r"examples/experiments/(plot_\w+\.py)", index)
    assert sorted(listed) == sorted(e.name for e in EXPERIMENTS)


def test_keys_of_papers_are_unique() -> None:
    keys = known_keys()
    assert sorted(keys) == sorted(set(keys))


def test_every_paper_is_cited() -> None:
    pages = [*DOCS.glob("*.md"), *DOCS.glob("api/*.md"), *CHAPTERS, *EXPERIMENTS]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    roles = re.findall(r"cite:\w+[:}]?`([^`]+)`", text)
    named = {key.strip() for role in roles for key in role.split(",")}
    assert not set(known_keys()) - named


def test_every_paper_can_be_found() -> None:
    """A DOI, an arXiv number or an address for each."""
    entries = re.split(r"^@", (DOCS / "refs.bib").read_text("utf-8"), flags=re.M)[1:]
    lost = [
        e.split(",")[0] for e in entries if not re.search(r"\b(doi|eprint|url) ", e)
    ]
    assert not lost


def test_each_term_of_the_glossary_is_linked_from_a_chapter() -> None:
    """Sphinx warns of a link without a term, not of a term that nobody links."""
    glossary = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(\w.*)\n  \S", glossary, flags=re.M)
    assert len(terms) > 40
    assert terms == sorted(terms, key=str.lower)
    text = "\n".join(text for chapter in CHAPTERS for text in texts(chapter))
    # :term:`name` or :term:`words <name>`
    links = re.findall(r":term:`(?:[^`<]*<)?([^`<>]+)>?`", text)
    linked = {" ".join(link.split()) for link in links}
    assert linked == set(terms)


def test_pages_cite_known_papers() -> None:
    pages = [p.read_text("utf-8") for p in [*DOCS.glob("*.md"), *DOCS.glob("api/*.md")]]
    cites = {k for page in pages for k in re.findall(r"\{cite:\w+\}`([^`]+)`", page)}
    assert cites <= set(known_keys())


def test_nothing_is_loaded_from_elsewhere() -> None:
    """No page asks another server for a style, a script or a font."""
    sources = [*(DOCS / "_static").rglob("*.css"), *DOCS.glob("_templates/**/*.html")]
    for source in sources:
        text = source.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|src=|@import)\s*['\"]?(https?:)?//", text), source


def test_every_exported_constant_has_a_page() -> None:
    """Sphinx passes over those without a comment that begins with ``#:``."""
    index = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    for name in re.findall(r"^   (vhist\.\w+)$", index, flags=re.M):
        module = importlib.import_module(name)
        if not hasattr(module, "__path__") and hasattr(module, "__all__"):
            constants = {n for n in module.__all__ if not callable(getattr(module, n))}
            comments = ModuleAnalyzer.for_module(name).find_attr_docs()
            assert constants <= {constant for _, constant in comments}, name
