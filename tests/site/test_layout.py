"""What stands where: lines that can be read, pictures in shape, nothing cut off."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from conftest import CHAPTERS, FULL, PAGES, PHONE
from playwright.sync_api import Browser, Page, expect

KINDS = [  # a page of each kind
    *("index.html", "results.html", "speed.html", "command_line.html"),
    *("chapters/index.html", *CHAPTERS[1:3], "api/generated/vhist.train.html"),
]

# The lines of an element, as they are written on the page.
LINES = """
    const tops = (range) => [...range.getClientRects()]
        .filter(box => box.width > 0).map(box => Math.round(box.bottom / 8));
    const written = (element) => {
        const rows = new Map();
        const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        for (let node; (node = walk.nextNode());)
            for (const word of node.data.matchAll(/\\s*\\S+|\\s+/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                const row = tops(range).pop();
                if (row !== undefined)
                    rows.set(row, (rows.get(row) ?? "") + word[0]);
            }
        return [...rows.values()].map(row => row.replace(/\\s+/g, " ").trim());
    };
"""


@contextmanager
def opened(browser: Browser, url: str, screen: dict, **settings) -> Iterator[Page]:
    """A page with its fonts, all of it laid out, its fold-outs open."""
    context = browser.new_context(viewport=screen, **settings)
    context.add_init_script("sessionStorage.fonts = 'here'")  # no first page of a visit
    page = context.new_page()
    page.goto(url)
    page.evaluate("document.fonts.ready")
    page.add_style_tag(content="* { content-visibility: visible !important }")
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    yield page
    context.close()


@pytest.mark.parametrize("path", ["training.html", *KINDS[5:]])
def test_lines_of_text_are_easy_to_follow(
    path: str, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", FULL) as page:
        full = page.evaluate(
            f"""() => {{ {LINES}
            return [...document.querySelectorAll("article section > p")]
                .filter(p => !p.querySelector(".math")).map(written)
                .flatMap(rows => rows.slice(0, -1)).map(row => row.length); }}"""
        )
    assert 65 <= statistics.median(full) <= 80
    assert max(full) < 90


@pytest.mark.parametrize("path", PAGES)
def test_code_outputs_and_tables_fit_the_page(
    path: str, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", FULL) as page:
        cut = page.evaluate(
            """[...document.querySelectorAll(
                "article :is(pre, .scroll, .table-wrapper)")]
            .filter(e => e.scrollWidth > e.clientWidth + 1)
            .map(e => e.innerText.slice(0, 80))"""
        )
    assert not cut


def test_a_row_of_the_results_is_a_line(browser: Browser, server: str) -> None:
    with opened(browser, f"{server}/results.html", FULL) as page:
        table = page.locator("table:has(.swatch)")
        heights = table.evaluate("e => [...e.rows].map(row => row.offsetHeight)")
        line = table.evaluate("e => parseFloat(getComputedStyle(e).lineHeight)")
    assert len(heights) > 30
    assert max(heights) < 2 * line


@pytest.mark.parametrize("screen", [FULL, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", ["index.html", "chapters/index.html", CHAPTERS[1]])
def test_pictures_keep_their_shape(
    path: str, screen: dict, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", screen) as page:
        shapes = page.evaluate(
            """async () => {
                const images = [...document.querySelectorAll("article img")]
                    .filter(e => e.checkVisibility());
                images.forEach(e => (e.loading = "eager"));
                await Promise.all(images.map(e => e.decode()));
                return images.map(e => {
                    const style = getComputedStyle(e);
                    const inner = (a, b) => parseFloat(style[a]) + parseFloat(style[b]);
                    const w = e.clientWidth - inner("paddingLeft", "paddingRight");
                    const h = e.clientHeight - inner("paddingTop", "paddingBottom");
                    const contained = style.objectFit === "contain";
                    return [e.src, contained ? 1
                        : w / h * e.naturalHeight / e.naturalWidth];
                });
            }"""
        )
    assert shapes
    assert not [(src, ratio) for src, ratio in shapes if abs(ratio - 1) > 0.03]


def test_on_a_phone_wide_figures_scroll(browser: Browser, server: str) -> None:
    with opened(browser, f"{server}/{CHAPTERS[1]}", PHONE) as page:
        figures = page.evaluate(
            """[...document.querySelectorAll("figure > .scroll")].map(e => [
                e.tabIndex, e.scrollWidth > e.clientWidth,
                [...e.querySelectorAll("img")].filter(i => i.checkVisibility())
                    .map(i => i.clientWidth)[0],
                getComputedStyle(e).backgroundImage.includes("gradient"),
                e.parentElement.querySelector("figcaption")?.clientWidth ?? 0])"""
        )
    wide = [figure for figure in figures if figure[1]]
    assert len(wide) > 3
    for focus, _, width, shadow, caption in wide:
        assert focus == 0
        assert 550 <= width <= 600
        assert shadow
        assert caption < 390


@pytest.mark.parametrize("path", [CHAPTERS[0], "chapters/plot_30_resnet.html"])
def test_on_a_phone_pictures_are_seen_whole(
    path: str, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", PHONE) as page:
        hidden = page.evaluate(
            """[...document.querySelectorAll("figure.fits > .scroll")]
            .map(e => e.scrollWidth - e.clientWidth)"""
        )
    assert hidden
    assert max(hidden) <= 1


def test_on_a_phone_the_accuracies_stand_side_by_side(
    browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/index.html", PHONE) as page:
        table = page.locator("table.groups")
        cells = page.evaluate(
            """[...document.querySelectorAll("table.groups tbody tr")].map(row =>
                [...row.cells].filter(e => e.clientWidth > 1).length)"""
        )
        assert set(cells) == {4}  # a name, small, full size, the article
        assert table.evaluate("e => e.parentElement.scrollWidth") <= PHONE["width"]
    with opened(browser, f"{server}/index.html", FULL) as page:
        expect(page.locator("table.groups tbody tr").first).to_contain_text("160")


def test_boxes_to_unfold_begin_where_the_text_does(
    browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/chapters/plot_30_resnet.html", FULL) as page:
        left = page.evaluate(
            """[...document.querySelectorAll("article details, article section > p")]
            .map(e => Math.round(e.getBoundingClientRect().left))"""
        )
        expect(page.locator(".sd-summary-state-marker").first).to_be_hidden()
    assert len(left) > 5
    assert max(left) - min(left) <= 1


@pytest.mark.parametrize("path", KINDS)
def test_on_a_phone_no_quantity_is_broken(
    path: str, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", PHONE) as page:
        broken = page.evaluate(
            f"""() => {{ {LINES}
            const number = /^[-+−–]?[\\d.,]+( ± [\\d.,]+)?( \\(S[DE]\\))?$/;
            const cells = [...document.querySelectorAll("article td")]
                .filter(e => number.test(e.innerText.trim()));
            const code = document.querySelectorAll(
                "article :is(p, li, td, dd) code.unbroken, article td > p > code");
            return [...cells, ...code].filter(e => written(e).length > 1)
                .map(e => e.innerText); }}"""
        )
        unmarked = page.evaluate(
            """[...document.querySelectorAll(
                "article :is(.scroll, .table-wrapper, div.math)")]
            .filter(e => e.scrollWidth > e.clientWidth + 1 &&
                !getComputedStyle(e).backgroundImage.includes("gradient")).length"""
        )
    assert not broken
    assert not unmarked, "tables or formulas that do not show that there is more"


@pytest.mark.parametrize("screen", [FULL, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", CHAPTERS)
def test_what_is_laid_out_late_has_its_height_from_the_start(
    path: str, screen: dict, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", screen) as page:
        differences = page.evaluate(
            """[...document.querySelectorAll(
                "article :is(div.math, div[class*='highlight-Python'])")].map(e => {
                const twin = e.cloneNode(true);  // one that was never laid out
                twin.style.setProperty("content-visibility", "hidden", "important");
                e.after(twin);
                const before = twin.offsetHeight;
                twin.remove();
                return before - e.offsetHeight; })"""
        )
    assert differences
    # what hangs below the line of a formula's text is not known before: two pixels
    assert not [d for d in differences if abs(d) > 2]


@pytest.mark.parametrize("path", CHAPTERS[1:4])
def test_no_line_begins_with_a_comma(path: str, browser: Browser, server: str) -> None:
    with opened(browser, f"{server}/{path}", PHONE) as page:
        first = page.evaluate(
            f"""() => {{ {LINES}
            const formulas = [...document.querySelectorAll("article p .math")];
            return formulas.filter(math => {{
                const after = math.nextSibling;
                if (after?.nodeType !== 3 || !/^[,.;:!?)]/.test(after.data))
                    return false;
                const range = document.createRange();
                range.setStart(after, 0);
                range.setEnd(after, 1);
                const last = [...math.querySelectorAll(".katex-base")].pop();
                return range.getBoundingClientRect().left
                    < last.getBoundingClientRect().right - 2;
            }}).map(math => math.textContent); }}"""
        )
    assert not first


def test_paper_is_light_and_its_solutions_lie_open(
    browser: Browser, server: str
) -> None:
    context = browser.new_context(viewport=FULL, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{server}/{CHAPTERS[1]}")
    code = page.locator(".highlight").first
    on_screen = code.evaluate("e => getComputedStyle(e).backgroundColor")
    page.emulate_media(media="print", color_scheme="dark")
    colour = code.evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour != on_screen
    assert min(map(int, colour.removeprefix("rgb(").rstrip(")").split(","))) > 230
    expect(page.locator("figure img.only-light").first).to_be_visible()
    expect(page.locator("figure img.only-dark").first).to_be_hidden()
    solution = page.locator("details.sd-dropdown:not([open]) p").first
    expect(solution).to_be_visible()
    page.emulate_media(media="screen")
    expect(solution).to_be_hidden()
    context.close()


def test_the_contents_stand_beside_the_text(browser: Browser, server: str) -> None:
    with opened(browser, f"{server}/{CHAPTERS[1]}", FULL) as page:
        expect(page.locator(".toc-drawer .toc-tree")).to_be_in_viewport()
        expect(page.locator(".toc-content-icon")).to_be_hidden()


@pytest.mark.parametrize("screen", [FULL, PHONE])
def test_a_link_leads_to_its_heading_past_what_was_not_laid_out(
    screen: dict, browser: Browser, server: str
) -> None:
    context = browser.new_context(viewport=screen)
    page = context.new_page()
    page.goto(f"{server}/{CHAPTERS[1]}")
    names = page.evaluate(
        "[...document.querySelectorAll('article section > section')].map(e => e.id)"
    )
    for name in (names[1], names[len(names) // 2], "what-to-remember"):
        page.goto("about:blank")
        page.goto(f"{server}/{CHAPTERS[1]}#{name}")
        page.wait_for_timeout(2500)
        top = page.locator(f"#{name} > h2").bounding_box()["y"]
        assert 0 <= top < screen["height"] / 4, name
    context.close()


@pytest.mark.parametrize("path", ["404.html", "search.html"])
def test_on_a_phone_a_search_is_at_hand(
    path: str, browser: Browser, server: str
) -> None:
    with opened(browser, f"{server}/{path}", PHONE) as page:
        field = page.locator("article").get_by_role("searchbox")
        expect(field).to_be_in_viewport()
        field.fill("receptive field")
        page.keyboard.press("Enter")
        expect(page.locator("#search-results li").first).to_be_visible(timeout=20_000)


def test_on_a_phone_a_finger_finds_each_icon(browser: Browser, server: str) -> None:
    with opened(browser, f"{server}/{CHAPTERS[1]}", PHONE) as page:
        icons = page.locator(".mobile-header :is(label, button)")
        boxes = [icons.nth(i).bounding_box() for i in range(icons.count())]
    assert len(boxes) == 3
    for box in boxes:
        assert min(box["width"], box["height"]) >= 44
    ends = sorted((box["x"], box["x"] + box["width"]) for box in boxes)
    assert all(end <= start for (_, end), (start, _) in pairwise(ends))
