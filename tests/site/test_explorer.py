"""What chapters have to play with: what is drawn and said is what was asked for."""

import base64
import json
import re
import struct
from collections.abc import Iterator

import pytest
from conftest import FULL, PHONE, SITE
from playwright.sync_api import Browser, Locator, Page, expect

ALEXNET = "chapters/plot_10_alexnet.html"
RESNET = "chapters/plot_30_resnet.html"
VIT = "chapters/plot_40_vit.html"
STN = "chapters/plot_35_spatial_transformer.html"


def held(chapter: str) -> dict:
    """Return what a chapter's script is given, from the file that is fetched for it."""
    page = SITE / chapter
    (script,) = re.findall(r'data-script="([^"]+)"', page.read_text("utf-8"))
    (html,) = re.findall(
        r'createContextualFragment\((".*")\)', (page.parent / script).read_text("utf-8")
    )
    (box,) = re.findall(
        r'<script type="application/json">(.*?)</script>', json.loads(html)
    )
    return json.loads(box)


@pytest.fixture(params=[FULL, PHONE], ids=["desk", "phone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Page]:
    screen = request.param
    context = browser.new_context(viewport=screen, has_touch=screen is PHONE)
    page, elsewhere = context.new_page(), []
    page.on("request", lambda sent: elsewhere.append(sent.url))
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    assert all(url.startswith((server, "data:", "blob:")) for url in elsewhere)
    context.close()


def opened(page: Page, server: str, chapter: str) -> Locator:
    page.goto(f"{server}/{chapter}")
    page.locator(".vhist-explorer").scroll_into_view_if_needed()
    box = page.locator(".vhist-explorer[data-ready]")  # which takes the other's place
    expect(box).to_be_visible()
    return box


def pixels(canvas: Locator, width: int, height: int) -> list[int]:
    return canvas.evaluate(
        "(c, size) => [...c.getContext('2d').getImageData(0, 0, ...size).data]",
        [width, height],
    )


# ---- a filter ------------------------------------------------------------------------


def summed(
    data: dict, number: int, row: int, column: int
) -> tuple[float, float, float]:
    """Return what speaks for and against a filter's answer at a place, and its bias."""
    count, (tall, wide) = 3 * data["size"][0] * data["size"][1], data["size"]
    content = base64.b64decode(data["weights"])
    weights = struct.unpack_from(f"<{count}f", content, 4 * number * count)
    (bias,) = struct.unpack_from("<f", base64.b64decode(data["biases"]), 4 * number)
    picture = base64.b64decode(data["pixels"])
    terms = [0.0] * (tall * wide)
    for at, weight in enumerate(weights):
        channel, i, j = at // (tall * wide), at // wide % tall, at % wide
        y = row * data["stride"] - data["padding"] + i
        x = column * data["stride"] - data["padding"] + j
        if 0 <= y < data["height"] and 0 <= x < data["width"]:
            value = picture[3 * (y * data["width"] + x) + channel] / 255
            value = (value - data["mean"][channel]) / data["std"][channel]
            terms[i * wide + j] += weight * value
    return sum(t for t in terms if t > 0), sum(t for t in terms if t < 0), bias


def check_filter(box: Locator, number: int, row: int, column: int) -> float:
    """Compare what is said of a place, counted from 0, with the sum; return that."""
    shown = box.locator(".numbers b").all_inner_texts()
    assert shown == [str(row + 1), str(column + 1), str(number + 1)]
    said = box.locator("[aria-live]").inner_text().replace("−", "-")
    found = [float(n) for n in re.findall(r"-?\d+\.\d+", said)]
    terms = summed(held(ALEXNET), number, row, column)
    assert found == pytest.approx([*terms, sum(terms)], abs=0.006)
    assert ("makes 0" in said) == (sum(terms) <= 0)
    return sum(terms)


def test_each_way_to_ask_a_filter(page: Page, server: str) -> None:
    box, data = opened(page, server, ALEXNET), held(ALEXNET)
    side = data["height"] + 2 * data["padding"] - data["size"][0] + 1
    assert data["stride"] == 1
    start = side // 2
    check_filter(box, 0, start, start)

    sliders = box.locator(".numbers input")
    for slider in sliders.all()[:2]:
        slider.focus()
        page.keyboard.press("Home")
    check_filter(box, 0, 0, 0)  # a corner: its window hangs over the edge
    sliders.nth(2).focus()
    page.keyboard.press("ArrowRight")
    check_filter(box, 1, 0, 0)

    for nth in (0, 4):  # the picture and the map: a window's middle, a place
        view = box.locator(".view").nth(nth)
        size = view.bounding_box()
        place = {"x": size["width"] * 0.252, "y": size["height"] * 0.502}
        point = view.tap if page.viewport_size == PHONE else view.click
        point(position=place)
        page.mouse.move(0, 0)
        # whichever of two places of the map is nearest to where the pointer went
        row, column = (int(t) - 1 for t in box.locator("label b").all_inner_texts()[:2])
        assert abs(row - 0.5 * side) < 1.5
        assert abs(column - 0.25 * side) < 1.5
        check_filter(box, 1, row, column)

    # The map's colours are its answers: the brightest place has the largest.
    drawn = pixels(box.locator("canvas").nth(4), side, side)
    colours = base64.b64decode(data["colours"])
    sums = {
        (r, c): sum(summed(data, 1, r, c))
        for r in range(0, side, 7)
        for c in range(0, side, 7)
    }
    brightest = [*colours[-3:], 255]
    row, column = divmod(
        next(i for i in range(side * side) if drawn[4 * i : 4 * i + 4] == brightest),
        side,
    )
    peak = sum(summed(data, 1, row, column))
    assert peak >= max(sums.values())
    for (r, c), value in sums.items():
        at = round(255 * max(0, value) / peak)
        near = [
            [*colours[3 * k : 3 * k + 3], 255]
            for k in range(max(0, at - 1), min(256, at + 2))
        ]
        assert drawn[4 * (r * side + c) :][:4] in near


# ---- attention -----------------------------------------------------------------------


def check_looks(box: Locator, name: str, query: str, token: int) -> None:
    """Compare what is drawn and said with the weights from one query."""
    expect(box.locator("label b")).to_have_text(query)
    data = held(VIT)
    blocks, heads, columns = data["blocks"], data["heads"], data["columns"]
    patches = data["rows"] * columns
    (map_,) = (m for m in data["maps"] if m["name"] == name)
    maps, colours = (base64.b64decode(t) for t in (map_["weights"], data["colours"]))
    largest = {}
    for head in range(heads):
        for block in range(blocks):
            row = (block * heads + head) * (patches + data["classToken"]) + token
            weights = maps[row * patches : (row + 1) * patches]
            largest[block, head] = weights
            canvas = box.locator("canvas").nth(head * blocks + block)
            drawn = pixels(canvas, columns, data["rows"])
            for i, weight in enumerate(weights):
                colour = [*colours[3 * weight : 3 * weight + 3], 255]
                assert drawn[4 * i : 4 * i + 4] == colour
    block, head, key, times = map_["strongest"][token]
    assert largest[block, head][key] == max(map(max, largest.values()))
    at = f"row {key // columns + 1}, column {key % columns + 1}"
    said = (
        f"Strongest from here: block {block + 1}, head {head + 1}, at {at}, "
        f"{times:g} times an even look."
    )
    expect(box.locator("[aria-live]")).to_have_text(said)


def test_each_way_to_ask_a_patch(page: Page, server: str) -> None:
    box = opened(page, server, VIT)
    check_looks(box, "trained", "row 5, column 5", 1 + 4 * 8 + 4)

    slider = box.get_by_label("Query")
    slider.focus()
    page.keyboard.press("Home")
    check_looks(box, "trained", "class token", 0)
    mark = box.locator(".looks > figure i")
    expect(mark).to_be_hidden()
    page.keyboard.press("ArrowRight")
    check_looks(box, "trained", "row 1, column 1", 1)
    assert slider.get_attribute("aria-valuetext") == "row 1, column 1"

    view = box.locator(".view").first
    size = view.bounding_box()
    place = {"x": size["width"] * 2.5 / 8, "y": size["height"] * 6.5 / 8}
    point = view.tap if page.viewport_size == PHONE else view.hover
    point(position=place)
    check_looks(box, "trained", "row 7, column 3", 1 + 6 * 8 + 2)
    size, drawn = view.bounding_box(), mark.bounding_box()  # the page may have moved
    assert drawn["x"] - size["x"] == pytest.approx(size["width"] * 2 / 8, abs=1.5)
    assert drawn["y"] - size["y"] == pytest.approx(size["height"] * 6 / 8, abs=1.5)
    assert drawn["width"] == pytest.approx(size["width"] / 8, abs=1.5)

    if page.viewport_size == FULL:  # a mouse looks; what was chosen comes back
        page.mouse.move(0, 0)
        check_looks(box, "trained", "row 1, column 1", 1)
        view.click(position=place)
        page.mouse.move(0, 0)
        check_looks(box, "trained", "row 7, column 3", 1 + 6 * 8 + 2)
    box.get_by_label("control").check()
    check_looks(box, "control", "row 7, column 3", 1 + 6 * 8 + 2)


# ---- the grid of a spatial transformer -----------------------------------------------


def sampled(data: dict, theta: list[float]) -> list[float]:
    """Read the picture as the chapter's formula does, pixel by pixel."""
    h, w, picture = data["height"], data["width"], base64.b64decode(data["pixels"])
    a, b, c, d, e, f = theta
    out = []
    for row in range(h):
        for column in range(w):
            u, v = (2 * column + 1) / w - 1, (2 * row + 1) / h - 1
            x = ((a * u + b * v + c + 1) * w - 1) / 2
            y = ((d * u + e * v + f + 1) * h - 1) / 2
            near = [
                (3 * (i * w + j), max(0, 1 - abs(x - j)) * max(0, 1 - abs(y - i)))
                for i in range(max(0, int(y) - 1), min(h, int(y) + 3))
                for j in range(max(0, int(x) - 1), min(w, int(x) + 3))
            ]
            out += [sum(g * picture[at + k] for at, g in near) for k in range(3)]
            out.append(255)
    return out


def check_grid(box: Locator, said: str) -> list[float]:
    """Compare the result with what the six numbers read; return these."""
    data, outputs = held(STN), box.locator(".numbers b")
    theta = [float(t.replace("−", "-")) for t in outputs.all_inner_texts()]
    drawn = pixels(box.locator("canvas").last, data["width"], data["height"])
    # a canvas rounds to whole numbers
    assert drawn == pytest.approx(sampled(data, theta), abs=0.51)
    expect(box.locator("[aria-live]")).to_have_text(said)
    return theta


def test_each_way_to_change_the_grid(page: Page, server: str) -> None:
    box, start = opened(page, server, STN), held(STN)["theta"]
    said = "The places span 0.35 times the picture's area."
    assert check_grid(box, said) == start

    box.get_by_role("button", name="identity").click()
    said = "The places span 1.00 times the picture's area."
    assert check_grid(box, said) == [1, 0, 0, 0, 1, 0]
    data = held(STN)
    drawn = pixels(box.locator("canvas").last, data["width"], data["height"])
    del drawn[3::4]  # the opacity
    assert bytes(drawn) == base64.b64decode(data["pixels"])

    inputs = box.locator(".numbers input")
    inputs.first.focus()
    page.keyboard.press("Home")
    said = "The places span 2.00 times the picture's area, mirrored."
    assert check_grid(box, said) == [-2, 0, 0, 0, 1, 0]
    for _ in range(2):
        page.keyboard.press("Tab")  # to b and c
    page.keyboard.press("ArrowRight")
    assert check_grid(box, said) == [-2, 0, 0.01, 0, 1, 0]
    inputs.first.fill("0")
    assert check_grid(box, "All places lie on a line, or on a point.")[0] == 0
    for slider, number in zip(inputs.all(), (0.05, 0, 0, 0, -0.05, 0), strict=True):
        slider.fill(str(number))
    said = "The places span 0.0025 times the picture's area, mirrored."
    assert check_grid(box, said)[0] == 0.05

    box.get_by_role("button", name="start again").click()
    said = "The places span 0.35 times the picture's area."
    assert check_grid(box, said) == start


# ---- parts to take out ---------------------------------------------------------------


def check_switches(box: Locator, out: set[int]) -> None:
    """Compare what is drawn and said with the accuracy without some parts."""
    data = held(RESNET)
    number = len(data["parts"])
    index = sum(2 ** (number - 1 - k) for k in range(number) if k not in out)
    said = box.locator("[aria-live]").inner_text()
    expected = f"without {len(out)} of {number}" if out else "with all parts"
    assert expected in said
    for net, bar in zip(
        data["networks"], box.locator(".bars > div").all(), strict=True
    ):
        share, whole = net["accuracy"][index], net["accuracy"][-1]
        text = f"{100 * share:.1f} %"
        assert bar.inner_text().split("\n") == [net["name"], text]
        assert not out or f"{net['name']} {text}" in said
        track = bar.locator("div").bounding_box()
        fill, dashes = (bar.locator(tag).bounding_box() for tag in "iu")
        assert fill["width"] == pytest.approx(track["width"] * share, abs=1)
        at = dashes["x"] - track["x"]
        assert at == pytest.approx(track["width"] * whole, abs=1)


def test_each_way_to_take_out_a_block(page: Page, server: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    box = opened(page, server, RESNET)
    check_switches(box, set())
    box.get_by_label("stage 1, block 2").uncheck()
    check_switches(box, {1})
    box.get_by_label("stage 3, block 3").press("Space")
    check_switches(box, {1, 6})
    box.get_by_role("button", name="all out").click()
    check_switches(box, set(range(7)))
    box.get_by_label("stage 1, block 1").check()
    check_switches(box, set(range(1, 7)))
    box.get_by_role("button", name="all in").click()
    check_switches(box, set())


@pytest.mark.parametrize("chapter", [ALEXNET, RESNET, VIT, STN])
def test_without_scripts_it_says_what_is_missing(
    chapter: str, browser: Browser, server: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/{chapter}")
    expect(page.locator(".vhist-explorer")).to_contain_text("this needs JavaScript")
    context.close()


@pytest.mark.parametrize("screen", [FULL, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("chapter", [ALEXNET, RESNET, STN, VIT])
def test_what_stands_below_stays_where_it_is(
    chapter: str, screen: dict, browser: Browser, server: str
) -> None:
    page = browser.new_page(viewport=screen)
    page.goto(f"{server}/{chapter}")
    box = page.locator(".vhist-explorer")
    before = box.bounding_box()["height"]
    box.scroll_into_view_if_needed()
    expect(page.locator(".vhist-explorer[data-ready]")).to_be_visible()
    assert abs(box.bounding_box()["height"] - before) < 50  # two lines
    page.close()


def test_it_comes_when_a_reader_gets_near(browser: Browser, server: str) -> None:
    page, sent = browser.new_page(viewport=PHONE), []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(f"{server}/{VIT}", wait_until="networkidle")
    assert not [url for url in sent if "/explorers/" in url]
    page.locator(".vhist-explorer").scroll_into_view_if_needed()
    expect(page.locator(".vhist-explorer[data-ready]")).to_be_visible()
    assert len([url for url in sent if "/explorers/" in url]) == 1
    page.close()
