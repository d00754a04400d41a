"""The slider of the home page: how much of a picture a unit sees, said and drawn."""

import re

import pytest
from conftest import FULL, PAGES, PHONE, SITE
from playwright.sync_api import Browser, Page, expect

STATE = """nets => nets.map(net => [net.querySelector("b").innerText,
    net.querySelector("span").innerText, net.querySelector("small").innerText,
    net.querySelector("i").offsetWidth / net.offsetWidth,
    net.querySelector("i").offsetHeight / net.offsetWidth])"""
# Published: 195 and 212 pixels behind the last pooling, which adds 2 and 1 times 16.
KNOWN = {("AlexNet", 5): 195 - 2 * 16, ("VGG-16", 13): 212 - 16, ("ViT-B/16", 1): 16}


def check(page: Page) -> dict[str, float]:
    """Compare what is said, written and drawn; return the share that each sees."""
    place = page.locator(".sight output").inner_text()
    slider = page.get_by_label("Layers with weights")
    assert slider.get_attribute("aria-valuetext") == place
    number, shares = int(place.split()[0]), {}
    for name, words, layer, *drawn in page.locator(".sight figure").evaluate_all(STATE):
        found = re.fullmatch(r"(\d+) of (\d+) pixels", words)
        assert found or words == "all of it"
        side, size = map(int, found.groups()) if found else (1, 1)
        shares[name] = side / size
        assert drawn == pytest.approx([side / size] * 2, abs=0.02)
        assert side == KNOWN.get((name, number), side)
        last = int(layer.split()[-1])
        assert layer in (f"layer {number} of {last}", f"ended after {last}")
    said = page.locator(".sight [aria-live=polite]").inner_text()
    for name, share in shares.items():
        assert (name in said) == (share == 1)
    return shares


@pytest.mark.parametrize("screen", [FULL, PHONE], ids=["desk", "phone"])
def test_the_slider_shows_what_a_unit_sees(
    screen: dict, browser: Browser, server: str
) -> None:
    context = browser.new_context(viewport=screen, reduced_motion="reduce")
    page, elsewhere = context.new_page(), []
    page.on("request", lambda sent: elsewhere.append(sent.url))
    page.goto(f"{server}/index.html")
    slider = page.get_by_label("Layers with weights")
    slider.focus()
    page.keyboard.press("Home")
    before = check(page)
    assert max(before.values()) < 1
    dim = "e => getComputedStyle(e).boxShadow"
    assert page.locator(".sight i").first.evaluate(dim) != "none"
    for _ in range(int(slider.get_attribute("max")) - 1):
        page.keyboard.press("ArrowRight")
        after = check(page)
        assert all(after[name] >= share for name, share in before.items())
        before = after
    assert set(before.values()) == {1}
    assert page.url == f"{server}/index.html"
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    assert all(url.startswith((server, "data:")) for url in elsewhere)
    context.close()


def test_without_scripts_one_place_of_the_slider_stands_there(
    browser: Browser, server: str
) -> None:
    context = browser.new_context(java_script_enabled=False, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{server}/index.html")
    expect(page.locator(".sight input")).to_be_hidden()
    expect(page.locator(".sight output")).to_be_visible()
    check(page)
    context.close()


def test_the_script_is_on_no_other_page() -> None:
    with_it = [page for page in PAGES if "sight.js" in (SITE / page).read_text("utf-8")]
    assert with_it == ["index.html"]
