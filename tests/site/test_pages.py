"""Every page, in a browser: no errors, no strangers, nothing that hinders a reader."""

import pytest
from conftest import NODE, PAGES
from playwright.sync_api import Browser

AXE = (NODE / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
SCREENS = {  # width and height in pixels, theme
    "desk": (1280, 900, "light"),
    "phone": (390, 844, "dark"),
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", PAGES)
def test_page(path: str, screen: str, server: str, browser: Browser) -> None:
    width, height, theme = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme
    )
    page = context.new_page()
    complaints: list[str] = []
    strangers: list[str] = []
    page.on(
        "console",
        lambda line: line.type == "error" and complaints.append(line.text),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda sent: (
            sent.url.startswith((server, "data:")) or strangers.append(sent.url)
        ),
    )
    page.on(
        "response",
        lambda got: got.status < 400 or complaints.append(f"{got.status} {got.url}"),
    )
    page.goto(f"{server}/{path}", wait_until="load")
    assert not strangers, "requests that leave the site"
    assert not complaints, "errors on the console"

    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0, f"the page is {over} pixels wider than the screen"
    over = page.evaluate(  # furo lets this box scroll, and so hides what is too wide
        "(e => e.scrollWidth - e.clientWidth)(document.querySelector('.content'))"
    )
    assert over <= 0, f"what the page holds is {over} pixels wider than its box"

    page.evaluate(AXE)
    found = page.evaluate("axe.run().then(result => result.violations)")
    faults = [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]} "
        f"({len(fault['nodes'])} of these)"
        for fault in found
    ]
    assert not faults
    context.close()
