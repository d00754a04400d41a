"""The built site, served as a static host serves it, and a browser to look at it.

`nox -s site` runs this folder, `nox -s tests` does not: it needs Chromium and Node.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))  # no package: its folder must come first
from book import SITE, chromium  # noqa: E402

NODE = Path(os.environ.get("VHIST_NODE", ROOT / "node_modules"))

# Pages by their path within the site, without those that only hold static files.
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts
)
FULL = {"width": 1280, "height": 900}  # what a browser shows, in pixels
PHONE = {"width": 390, "height": 844}
CHAPTERS = [page for page in PAGES if page.startswith("chapters/plot_")]


def pytest_sessionstart() -> None:
    if not CHAPTERS:
        raise pytest.UsageError(f"no chapters in {SITE}; run `nox -s docs` first")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of the site on the loopback interface, text compressed."""
    app = Starlette(
        routes=[Mount("/", StaticFiles(directory=SITE, html=True))],
        middleware=[Middleware(GZipMiddleware)],
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, args=([listener],), daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # No sandbox: in containers Chromium refuses to run as root with one.
        chrome = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"]
        )
        yield chrome
        chrome.close()
