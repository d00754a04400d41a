"""How the site is built: `nox -s docs` runs Sphinx on this folder.

The chapters and experiments are Python scripts, run by sphinx-gallery;
docs/training.md, docs/command_line.md, docs/in_python.md, docs/speed.md,
docs/results.md and docs/index.md are run by MyST-NB. Our own steps are in docs/_ext, a
short file each:

    chapters.py       run chapters when needed, fail if one did not run, clean downloads
    consoles.py       the commands of docs/command_line.md as a terminal takes them
    figures.py        each figure for light and for dark pages, with caption and text
    notebook_text.py  what of a chapter's text goes into the notebook, and how
    katex_math.py     formulas as HTML while building
    first_paint.py    what a page needs before its first line is painted
    search_words.py   words that a page is found by, besides those in it
    shortcuts.py      links for the names at the top of vhist
    mend_html.py      small faults of the tools above, mended in the finished pages
    inline_style.py   the style of a page within it, instead of a dozen sheets
    published.py      robots.txt and a feed of changes, when the site has an address
"""

import os
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]

project = "vhist"
author = "the vhist authors"
project_copyright = f"2026, {author}"
release = version = PROJECT["version"]

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "sphinxext.opengraph",
    "chapters",
    "consoles",
    "explorers",
    "figures",
    "first_paint",
    "inline_style",
    "katex_math",
    "mend_html",
    "search_words",
    "shortcuts",
]
nitpicky = True
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    "_ext",
    "coverage.md",  # for those who write
    "chapters/**.ipynb",  # downloads; sphinx-gallery's pages are the .rst beside them
    "experiments/**.ipynb",
    "**/sg_execution_times.rst",
    "sg_execution_times.rst",
]

# ---- text ----------------------------------------------------------------------------

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

bibtex_bibfiles = ["refs.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

copybutton_exclude = ".linenos, .gp, .go"

# ---- the library ---------------------------------------------------------------------

autosummary_ignore_module_all = False
# AlexNet and alexnet would be one file where case does not count (macOS, Windows)
autosummary_filename_map = {
    f"vhist.models.{name}": f"vhist.models.{name}-builder"
    for name in ("alexnet", "linformer", "stn")
}
autodoc_typehints = "none"  # numpydoc's sections name the types, with shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Local inventories only: the same links with and without a network.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", "_inventories/python.inv"),
    "torch": ("https://docs.pytorch.org/docs/stable", "_inventories/torch.inv"),
    "torchvision": (
        "https://docs.pytorch.org/vision/stable",
        "_inventories/torchvision.inv",
    ),
    "matplotlib": ("https://matplotlib.org/stable", "_inventories/matplotlib.inv"),
    "numpy": ("https://numpy.org/doc/stable", "_inventories/numpy.inv"),
}

# ---- the chapters --------------------------------------------------------------------

URLS = PROJECT.get("urls", {})
REPOSITORY = os.environ.get("VHIST_REPOSITORY") or URLS.get("Repository")
if REPOSITORY:  # .github/workflows/pages.yml puts the notebooks on this branch
    notebooks_url = REPOSITORY.replace(
        "https://github.com/", "https://colab.research.google.com/github/"
    )
    notebooks_url += "/blob/notebooks"
INSTALL = f"""\
# In a fresh environment (Colab, say) this installs what the page needs.
import importlib.util

if importlib.util.find_spec("vhist") is None:
    %pip install --quiet "vhist @ git+{REPOSITORY}"
"""
INSTALL_BY_HAND = """\
# The page needs vhist. Run `%pip install PATH`, with the path of its repository.
import importlib.util

if importlib.util.find_spec("vhist") is None:
    raise SystemExit("vhist is not installed: run %pip install PATH_OF_ITS_REPOSITORY")
"""

sphinx_gallery_conf = {
    "examples_dirs": ["../examples/chapters", "../examples/experiments"],
    "gallery_dirs": ["chapters", "experiments"],
    "copyfile_regex": r"index\.rst",  # the overview pages are our own
    "within_subsection_order": "FileNameSortKey",
    # Only names of functions here: Sphinx could not store functions between builds.
    "image_scrapers": ("figures.scrape",),
    "minigallery_sort_order": "chapters.in_teaching_order",
    "reset_modules": ("matplotlib", "chapters.reset"),
    "reset_modules_order": "both",
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib\.",
    "parallel": True,
    "min_reported_time": 0,  # each page says what it cost; chapters.check_ran reads it
    "junit": "../junit-gallery.xml",
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "first_notebook_cell": INSTALL if REPOSITORY else INSTALL_BY_HAND,
    "download_all_examples": True,
    "backreferences_dir": "api/generated/used-in",
    "doc_module": ("vhist",),
    "thumbnail_size": (560, 320),
}

# ---- the pages -----------------------------------------------------------------------

html_theme = "furo"
html_title = "vhist"
html_logo = "_static/logo.svg"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_search_scorer = str(DOCS / "_static" / "scorer.js")
html_css_files = ["custom.css"]
if os.environ.get("VHIST_VERSION"):  # one folder of a site with several versions
    html_js_files = ["versions.js"]
html_math_renderer = "katex"
html_copy_source = False
html_show_sourcelink = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {
        "font-stack": "'Inter fallback', system-ui, sans-serif",
        "font-stack--monospace": "ui-monospace, Menlo, Consolas, 'Liberation Mono', "
        "monospace",
        "color-brand-primary": "#0b5a8f",
        "color-brand-content": "#0b5a8f",
        "color-brand-visited": "#6a4587",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc0ee",
        "color-brand-content": "#7cc0ee",
        "color-brand-visited": "#c9a9e6",
    },
}
if REPOSITORY:
    html_theme_options |= {
        "source_repository": REPOSITORY,
        "source_branch": "main",
        "source_directory": "docs/",
    }

# ---- the published site --------------------------------------------------------------

ogp_social_cards = {"enable": False}  # they would need a font and a drawing per page

# All of these have to name the site's address.
if address := os.environ.get("VHIST_URL") or URLS.get("Documentation"):
    html_baseurl = ogp_site_url = address.rstrip("/") + "/"
    extensions += ["notfound.extension", "published", "sphinx_sitemap"]
    ogp_use_first_image = True
    sitemap_url_scheme = "{link}"
    sitemap_excludes = ["404.html", "genindex.html", "py-modindex.html", "search.html"]
    html_theme_options["footer_icons"] = [  # nox -s book prints it
        {
            "name": "The book as one PDF",
            "url": f"{html_baseurl}vhist.pdf",
            "html": "PDF",
            "class": "",
        }
    ]
    # a server sends 404.html for addresses in any folder
    notfound_urls_prefix = urlsplit(html_baseurl).path
