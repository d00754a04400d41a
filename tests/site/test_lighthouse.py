"""Lighthouse's marks on a slow phone. Its clock is simulated; still, run it alone."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import CHAPTERS, NODE, chromium

LEAST = {"performance": 95, "accessibility": 100, "best-practices": 95, "seo": 95}


@pytest.mark.parametrize("path", ["index.html", *CHAPTERS])
def test_marks(path: str, server: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    subprocess.run(
        [
            *(NODE / ".bin" / "lighthouse", f"{server}/{path}", "--quiet"),
            *("--output=json", f"--output-path={report}"),
            "--chrome-flags=--headless=new --no-sandbox",
        ],
        env={**os.environ, **({"CHROME_PATH": c} if (c := chromium()) else {})},
        capture_output=True,
        check=True,
        timeout=300,
    )
    found = json.loads(report.read_text(encoding="utf-8"))
    audits = found["audits"]
    marks = {k: round(100 * found["categories"][k]["score"]) for k in LEAST}
    paint = audits["largest-contentful-paint"]["numericValue"] / 1000
    shift = audits["cumulative-layout-shift"]["numericValue"]
    sent = audits["total-byte-weight"]["numericValue"] / 1e6
    print(f"\n{path}: {marks}, paint {paint:.2f} s, shift {shift:.3f}, {sent:.2f} MB")
    weak = {
        audit["id"]: audit.get("displayValue") or audit["title"]
        for audit in audits.values()
        if audit["score"] is not None and audit["score"] < 0.9
    }
    assert all(marks[k] >= LEAST[k] for k in LEAST), weak
    assert paint < 1.5
    assert shift < 0.01
    assert sent < 1.5
