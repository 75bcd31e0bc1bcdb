"""Makes the README's picture of the inspect page: the living cell in a real browser.

    glasscell demo --out demo-report
    python scripts/page_picture.py demo-report/glucose docs/pictures/inspect.png

Takes Playwright for Python and Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from glasscell.report.page import write
from glasscell.tasks.inspect_run import look

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SIZE = {"width": 1180, "height": 4000}
MARGIN = 20
STEP = 25
"""Where the reading begins to rise: the input gate opens."""


def main() -> None:
    """Write the page, put the cursor, photograph the view."""
    run, target = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page = write(look(run), Path(folder) / "page.html")
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light", device_scale_factor=1.5)
        tab.goto(page.as_uri())
        tab.evaluate(f"GC.set({{ t: {STEP} }})")
        box = tab.locator("#cell").bounding_box()
        assert box is not None
        edges = {"x": box["x"] - MARGIN, "y": box["y"], "width": box["width"] + 2 * MARGIN}
        tab.wait_for_timeout(500)
        tab.screenshot(path=target, clip={**edges, "height": box["height"]})
        browser.close()
    print(target)


if __name__ == "__main__":
    main()
