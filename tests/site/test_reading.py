"""What a reader does with the site."""

import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from conftest import CHAPTERS, FULL, PAGES, PHONE, ROOT, SITE
from playwright.sync_api import Browser, Page, expect

THEME = "document.body.dataset.theme"


@pytest.fixture
def page(browser: Browser) -> Page:
    context = browser.new_context(viewport=FULL)
    yield context.new_page()
    context.close()


def test_search_finds_the_receptive_field(page: Page, server: str) -> None:
    page.goto(f"{server}/index.html")
    page.get_by_role("textbox", name="Search").first.fill("receptive field")
    page.keyboard.press("Enter")
    results = page.locator("#search-results li")
    expect(results.first).to_be_visible(timeout=20_000)
    found = " ".join(results.all_text_contents())
    assert "VGG" in found


@pytest.mark.parametrize(
    ("word", "chapter"),
    [
        ("residual", "plot_30_resnet"),
        ("batchnorm", "plot_30_resnet"),
        ("attention", "plot_40_vit"),
        ("dropout", "plot_10_alexnet"),
        ("patch", "plot_40_vit"),
        ("kappa", "plot_85_error_atlas"),
    ],
)
def test_search_finds_the_chapter_that_explains(
    word: str, chapter: str, page: Page, server: str
) -> None:
    page.goto(f"{server}/search.html?q={word}")
    found = page.locator("#search-results li > a")
    expect(found.first).to_be_visible(timeout=20_000)
    page.wait_for_function(
        "document.querySelector('.search-summary')?.textContent.includes('found')"
    )
    links = found.evaluate_all("links => links.map(a => a.getAttribute('href'))")
    others = [link for link in links if "glossary" not in link]
    assert any(chapter in link for link in others[:5]), links[:12]


def test_all_chapters_are_introduced_and_none_leads_nowhere(
    browser: Browser, server: str
) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(f"{server}/chapters/index.html")
    leads = page.locator(".sphx-glr-thumbcontainer .thumbnail-lead")
    assert leads.count() == len(CHAPTERS)
    for text in leads.all_inner_texts():
        assert len(text.split()) > 5
    expect(page.locator(".related-pages a.prev-page")).to_be_visible()
    expect(page.locator(".sidebar-tree .current-page > a")).to_have_count(1)
    context.close()


def test_the_theme_is_chosen_and_kept(page: Page, server: str) -> None:
    page.goto(f"{server}/index.html")
    button = page.locator(".theme-toggle-content button")
    before = page.evaluate(THEME)
    button.click()
    chosen = page.evaluate(THEME)
    assert chosen != before
    page.goto(f"{server}/{CHAPTERS[0]}")
    assert page.evaluate(THEME) == chosen


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_follow_the_theme(theme: str, browser: Browser, server: str) -> None:
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.goto(f"{server}/{CHAPTERS[1]}")
    shown = page.locator(f"figure img.only-{theme}")
    other = {"light": "dark", "dark": "light"}[theme]
    assert shown.count() > 3
    expect(shown.first).to_be_visible()
    expect(page.locator(f"figure img.only-{other}").first).to_be_hidden()
    filters = "(images) => images.map(i => getComputedStyle(i).filter)"
    assert {*shown.evaluate_all(filters)} == {"none"}
    context.close()


def test_the_menu_opens_on_a_phone(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(f"{server}/{CHAPTERS[1]}")
    link = page.locator(".sidebar-drawer a", has_text="Residual").or_(
        page.locator(".sidebar-drawer a", has_text="ResNet")
    )
    expect(link.first).not_to_be_in_viewport()
    page.locator(".mobile-header label[for=__navigation]").click()
    expect(link.first).to_be_in_viewport()
    link.first.click()
    expect(page).to_have_url(f"{server}/chapters/plot_30_resnet.html")
    context.close()


def test_arrow_keys_turn_pages(page: Page, server: str) -> None:
    page.goto(f"{server}/{CHAPTERS[1]}")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(f"{server}/{CHAPTERS[2]}")
    page.wait_for_load_state()  # keys are listened to from then on
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(f"{server}/{CHAPTERS[1]}")


def test_code_is_copied(browser: Browser, server: str) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{server}/{CHAPTERS[1]}")
    block = page.locator("div.highlight", has=page.locator("button.copybtn")).first
    code = block.locator("pre").inner_text().strip()
    block.hover()
    block.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip().splitlines()[0] == code.splitlines()[0]
    context.close()


def test_a_command_is_copied_without_its_prompt(browser: Browser, server: str) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{server}/command_line.html")
    blocks = page.locator(".cell_input .highlight-console")
    assert blocks.count() > 20
    assert 'run("' not in page.locator("article").inner_text()
    for i in range(3):
        block = blocks.nth(i)
        shown = block.locator("pre").inner_text().strip()
        assert shown.startswith("$ vhist ")
        block.hover()
        block.locator("button.copybtn").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == shown.removeprefix("$ ")
    context.close()


@pytest.mark.parametrize("path", CHAPTERS)
def test_downloads_arrive(path: str, page: Page, server: str) -> None:
    page.goto(f"{server}/{path}")
    name = Path(path).stem
    for ending in ("py", "ipynb", "zip"):
        link = page.locator(f"a[href$='{name}.{ending}']").first
        with page.expect_download() as download:
            link.click()
        got = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename == f"{name}.{ending}"
        if ending == "zip":
            files = zipfile.ZipFile(BytesIO(got)).namelist()
            assert {f"{name}.py", f"{name}.ipynb"} <= {*files}
        else:
            assert len(got) > 1000


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_chapter_opens_from_disk_with_its_formulas(path: str, page: Page) -> None:
    complaints: list[str] = []
    page.on("requestfailed", lambda sent: complaints.append(sent.url))
    page.goto((SITE / path).as_uri())
    formulas = page.locator(".katex")
    if formulas.count():
        page.evaluate("document.fonts.ready")
        assert page.evaluate("document.fonts.check('16px KaTeX_Main')")
        assert formulas.first.bounding_box()["height"] > 5
    assert not complaints
    assert "class=" + '"math' not in page.locator("article").inner_text()


VERSIONS = ROOT / "docs" / "_static" / "versions.js"


def test_other_versions_are_offered(page: Page, server: str) -> None:
    page.route("**/versions.json", lambda route: route.fulfill(json=["latest", "0.1"]))
    page.goto(f"{server}/{CHAPTERS[0]}")
    page.add_script_tag(path=VERSIONS)
    choice = page.get_by_label("Version")
    expect(choice).to_be_visible()
    assert choice.locator("option").all_text_contents() == ["latest", "0.1"]
    page.route("**/0.1/", lambda route: route.fulfill(body="the first"))
    choice.select_option("0.1")
    page.wait_for_url("**/0.1/")


@pytest.mark.parametrize("answer", [{"json": ["latest"]}, {"status": 404}])
def test_one_version_offers_no_choice(page: Page, server: str, answer: dict) -> None:
    page.route("**/versions.json", lambda route: route.fulfill(**answer))
    page.goto(f"{server}/{CHAPTERS[0]}")
    with page.expect_response("**/versions.json"):
        page.add_script_tag(path=VERSIONS)
    page.wait_for_timeout(200)
    expect(page.get_by_label("Version")).to_have_count(0)


def test_from_disk_no_versions_are_asked_for(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((SITE / CHAPTERS[0]).as_uri())
    page.add_script_tag(path=VERSIONS)
    page.wait_for_timeout(200)
    assert not [url for url in asked if url.endswith("versions.json")]
    expect(page.get_by_label("Version")).to_have_count(0)


def test_from_disk_the_style_and_the_fonts_are_there(browser: Browser) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto((SITE / CHAPTERS[0]).as_uri())
    assert page.locator("link[rel=stylesheet]").count() == 0
    expect(page.locator(".sidebar-sticky")).to_have_css("position", "sticky")
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.documentElement.dataset.fonts") == "all"
    assert page.evaluate("document.fonts.check('16px Inter')")
    page.close()


def fonts_of(page: Page) -> set[str]:
    """The fonts that a page asked for before it was loaded."""
    early = page.evaluate(
        """() => {
            const {loadEventStart} = performance.getEntriesByType("navigation")[0];
            return performance.getEntriesByType("resource")
                .filter(e => e.name.includes("/fonts/") && e.startTime < loadEventStart)
                .map(e => e.name.split("/").pop());
        }"""
    )
    return {re.split("[-_]", name)[0] for name in early}


def test_fonts_wait_on_the_first_page_only(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto(f"{server}/{CHAPTERS[1]}")
    page.wait_for_function("document.documentElement.dataset.fonts === 'formulas'")
    assert fonts_of(page) == set()
    text = page.locator("article p").first
    assert "Inter fallback" in text.evaluate("e => getComputedStyle(e).fontFamily")
    formula = page.locator("section section .katex .mathnormal").first
    expect(formula).to_have_css("font-family", "KaTeX_Math")

    page.goto(f"{server}/{CHAPTERS[2]}")
    page.evaluate("document.fonts.ready")
    assert {"inter", "jetbrains"} <= fonts_of(page)
    expect(text).to_have_css("font-family", re.compile("^.?Inter.?,"))
    page.close()


def test_late_formulas_have_their_fonts_listed() -> None:
    """custom.css holds back by its class whatever a formula of the site is set in."""
    pages = "".join((SITE / path).read_text("utf-8") for path in PAGES)
    used = set(" ".join(re.findall(r'class="([^"]*)"', pages)).split())
    styles = ROOT / "docs" / "_static"
    katex = (styles / "vendor" / "katex" / "katex.min.css").read_text("utf-8")
    rules = re.findall(r"([^{}]+)\{[^{}]*font(?:-family)?:[^{}]*KaTeX", katex)
    names = {
        re.findall(r"[.]([\w-]+)", selector)[-1]
        for rule in rules
        for selector in rule.split(",")
        if "@font-face" not in selector and ">" not in selector
    }
    custom = (styles / "custom.css").read_text("utf-8")
    (held,) = re.findall(r":not\(section\)\n\) :is\(([^)]*)\)", custom)
    sizes = {"size1", "size2", "size3", "size4", "small-op", "large-op"}
    assert "mathnormal" in names & used
    assert (names & used) - sizes <= set(re.findall(r"[.]([\w-]+)", held))


@pytest.mark.parametrize("size", [FULL, PHONE])
def test_nothing_moves_while_a_page_loads(
    size: dict, browser: Browser, server: str
) -> None:
    moved = {}
    for path in PAGES:
        page = browser.new_page(viewport=size)  # each as the first of a visit
        page.goto(f"{server}/{path}")
        page.wait_for_function("'fonts' in document.documentElement.dataset")
        page.evaluate("document.fonts.ready")
        shift, what = page.evaluate(
            """() => new Promise(done => requestAnimationFrame(() => setTimeout(() => {
                const seen = new PerformanceObserver(() => {});
                seen.observe({type: "layout-shift", buffered: true});
                const moves = seen.takeRecords();
                done([
                    moves.reduce((sum, move) => sum + move.value, 0),
                    moves.flatMap(move => move.sources.map(
                        source => source.node?.textContent.trim().slice(0, 60)))
                ]);
            }, 50)))"""
        )
        if shift > 0.01:
            moved[path] = shift, what
        page.close()
    assert not moved
