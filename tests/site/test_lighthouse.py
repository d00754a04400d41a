"""Lighthouse's marks on a slow phone: the median of three visits.

Its network is simulated; the time that a page takes on the processor is measured and
multiplied by four, so run this alone.
"""

import json
import os
import statistics
import subprocess
from pathlib import Path

import pytest
from book import chromium
from conftest import CHAPTERS, NODE, PAGES

LEAST = {"performance": 95, "accessibility": 100, "best-practices": 95, "seo": 95}
# one page of each kind, and all chapters
SEEN = [
    *("index.html", *CHAPTERS, "speed.html"),
    *(next(p for p in PAGES if p.startswith("experiments/plot_")),),
    "api/generated/vhist.train.html",
]
VISITS = 3


def visit(url: str, report: Path) -> dict:
    """Let Lighthouse look at a page, as a phone with a slow connection."""
    subprocess.run(
        [
            *(NODE / ".bin" / "lighthouse", url, "--quiet"),
            *("--output=json", f"--output-path={report}"),
            "--chrome-flags=--headless=new --no-sandbox",
        ],
        env={**os.environ, **({"CHROME_PATH": c} if (c := chromium()) else {})},
        capture_output=True,
        check=True,
        timeout=300,
    )
    return json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SEEN)
def test_marks(path: str, server: str, tmp_path: Path) -> None:
    visits = [
        visit(f"{server}/{path}", tmp_path / "report.json") for _ in range(VISITS)
    ]

    def middle(audit: str) -> float:
        values = [found["audits"][audit]["numericValue"] for found in visits]
        return statistics.median(values)

    marks = {
        name: statistics.median(
            round(100 * found["categories"][name]["score"]) for found in visits
        )
        for name in LEAST
    }
    paint = middle("largest-contentful-paint") / 1000
    shift = middle("cumulative-layout-shift")
    sent = middle("total-byte-weight") / 1e6
    print(f"\n{path}: {marks}, paint {paint:.2f} s, shift {shift:.3f}, {sent:.2f} MB")
    weak = {
        audit["id"]: audit.get("displayValue") or audit["title"]
        for audit in visits[-1]["audits"].values()
        if audit["score"] is not None and audit["score"] < 0.9
    }
    assert all(marks[k] >= LEAST[k] for k in LEAST), weak
    assert paint < 1.5
    assert shift < 0.01
    assert sent < 1.5
