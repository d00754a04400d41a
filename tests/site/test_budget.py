"""The slider of the page of results: what it shows is what the records say."""

import json
import re
from statistics import mean

import pytest
from conftest import FULL, PAGES, PHONE, ROOT, SITE
from playwright.sync_api import Browser, Page, expect

FAMILIES = {"alexnet": "AlexNet", "vgg": "VGG", "resnet": "ResNet", "vit": "ViT"}
ROW = """e => [e.querySelector("span").innerText, e.querySelector("b").innerText,
    e.querySelector("i").offsetWidth, e.querySelector("small").innerText]"""


@pytest.fixture(scope="module")
def race() -> dict[str, list[list[tuple[float, float]]]]:
    """Of each architecture the runs of the two plans: minutes and share per epoch."""
    runs: dict[str, list] = {}
    for plan in ("short", "long"):
        for path in (ROOT / "vhist" / "records").glob(f"{plan}-*.json"):
            record = json.loads(path.read_text("utf-8"))
            share = record["cpu_seconds"] / record["seconds"]
            epochs = [
                (e.get("cpu_seconds", e["seconds"] * share) / 60, e["val_accuracy"])
                for e in record["log"]
            ]
            runs.setdefault(path.stem.rpartition("-")[0], []).append(epochs)
    found: dict[str, list] = {family: [] for family in FAMILIES}
    for name, seeds in runs.items():
        family = next(f for f in FAMILIES if name.split("-")[1].startswith(f))
        epochs = zip(*seeds, strict=True)
        found[family].append([tuple(map(mean, zip(*e, strict=True))) for e in epochs])
    return found


def reached(runs: list[list[tuple[float, float]]], budget: float) -> float:
    """The best of what runs had at the last epoch within a budget; 0 before any."""
    return max([[0, *(p for t, p in run if t <= budget)][-1] for run in runs])


def written(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%" if share else "–"


def check(page: Page, race: dict) -> float:
    """Compare what stands beside the slider with the records; return the minutes."""
    time = page.locator(".budget output").inner_text()
    assert page.get_by_label("Training time").get_attribute("aria-valuetext") == time
    budget = float(time.removesuffix(" CPU min"))
    right = {FAMILIES[family]: reached(runs, budget) for family, runs in race.items()}
    rows = page.locator(".budget li")
    names, texts, widths, _ = zip(*[r.evaluate(ROW) for r in rows.all()], strict=True)
    assert [right[name] for name in names] == sorted(right.values(), reverse=True)
    assert list(texts) == [written(right[name]) for name in names]
    longest = max(widths)
    if longest:
        for name, width in zip(names, widths, strict=True):
            assert abs(width / longest - right[name] / right[names[0]]) < 0.02
    ends = sum(share > 0 for share in right.values())
    said = page.locator(".budget [aria-live=polite]").inner_text()
    first, second = sorted(right.values(), reverse=True)[:2]
    assert ends > 1 or re.match(f"(No run|Only {names[0]}) has ended", said)
    if ends > 1:
        assert f"{names[0]} leads {names[1]} by {100 * (first - second):.1f}" in said
    return budget


@pytest.mark.parametrize("screen", [FULL, PHONE], ids=["desk", "phone"])
def test_the_slider_shows_who_leads(
    screen: dict, browser: Browser, server: str, race: dict
) -> None:
    context = browser.new_context(viewport=screen, reduced_motion="reduce")
    page, elsewhere = context.new_page(), []
    page.on("request", lambda sent: elsewhere.append(sent.url))
    page.goto(f"{server}/results.html")
    expect(page.locator(".budget-table")).to_be_hidden()
    slider = page.get_by_label("Training time")
    slider.focus()
    page.keyboard.press("Home")
    budgets = [check(page, race)]
    assert not any(reached(runs, budgets[0]) for runs in race.values())
    for _ in range(int(slider.get_attribute("max"))):
        page.keyboard.press("ArrowRight")  # on the site's pages it turns a page, too
        budgets.append(check(page, race))
    assert page.url == f"{server}/results.html"
    assert budgets == sorted({*budgets, 0.5, 2, 10, 20})
    last = max(minutes for runs in race.values() for run in runs for minutes, _ in run)
    assert budgets[-1] >= last
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    assert all(url.startswith(server) for url in elsewhere)
    context.close()


COUNT = """
    const { animate } = Element.prototype;
    window.moves = 0;
    Element.prototype.animate = function (...how) {
        window.moves += 1;
        return animate.apply(this, how);
    };
"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_bars_move_unless_a_reader_wants_none(
    motion: str, browser: Browser, server: str
) -> None:
    context = browser.new_context(viewport=FULL, reduced_motion=motion)
    context.add_init_script(COUNT)
    page = context.new_page()
    page.goto(f"{server}/results.html")
    before = page.evaluate("moves")
    page.get_by_label("Training time").press("End")
    moves = page.evaluate("moves") - before
    assert moves == (2 * len(FAMILIES) if motion == "no-preference" else 0)
    page.wait_for_function("document.getAnimations().length === 0")
    context.close()


def test_without_scripts_a_table_stands_there(
    browser: Browser, server: str, race: dict
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/results.html")
    expect(page.locator(".budget")).to_be_hidden()
    table = page.locator(".budget-table")
    expect(table).to_be_visible()
    head, *rows = [line.split("\t") for line in table.inner_text().splitlines()]
    assert [cell.strip() for cell in head if cell.strip()] == [*FAMILIES.values()]
    assert [float(row[0].removesuffix(" CPU min")) for row in rows] == [0.5, 2, 10, 20]
    for time, *cells in rows:
        budget = float(time.removesuffix(" CPU min"))
        assert cells == [written(reached(race[f], budget)) for f in FAMILIES]
    context.close()


def test_the_script_is_on_no_other_page() -> None:
    with_it = [
        page for page in PAGES if "budget.js" in (SITE / page).read_text("utf-8")
    ]
    assert with_it == ["results.html"]
