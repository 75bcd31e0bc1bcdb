"""A page in a real, headless Chromium that refuses every network request, for the browser tests."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 60.0
NEEDED = [
    pytest.mark.skipif(CHROMIUM is None, reason="takes a Chromium: apt install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="takes pip install playwright"),
]
"""The `pytestmark` of a file that opens pages."""


class Opened:
    """One page: its Playwright `page`, what it logged, and the moves that a reader makes."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda line: self.problems.append(line.text) if line.type == "error" else None,
        )

    def until(self, script: str) -> Any:
        """Wait until an expression is true; polled from outside, as the page forbids eval."""
        end = time.monotonic() + PATIENCE
        while not (found := self.page.evaluate(script)):
            assert time.monotonic() < end, (script, self.problems)
            time.sleep(0.02)
        return found

    def set(self, script: str) -> None:
        """Change the state, and wait for the frame in which views redraw."""
        self.page.evaluate(f"GC.set({script})")
        self.settle()

    def settle(self) -> None:
        """Two frames: whatever was asked for is drawn."""
        self.page.evaluate("new Promise((f) => requestAnimationFrame(() => setTimeout(f, 30)))")

    def view(self, name: str) -> None:
        """Scroll to a view until it is drawn."""
        self.until(
            f"(() => {{ const v = GC.views.find((one) => one.id === '{name}');"
            "v.section.scrollIntoView({behavior: 'instant', block: 'start'});"
            "return v.near && v.host.childElementCount > 0; })()"
        )
        self.settle()

    def text(self, selector: str) -> str:
        """What stands there."""
        return self.page.locator(selector).first.inner_text()

    def inks(self, selector: str) -> int:
        """Pixels that a canvas has drawn."""
        return self.page.evaluate(
            f"(() => {{ const c = document.querySelector('{selector}');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "let n = 0; for (let k = 3; k < d.length; k += 4) n += d[k] > 0; return n; })()"
        )


@contextmanager
def browser() -> Iterator[Callable[..., Opened]]:
    """Start Chromium; gives open(path, width=…, theme=…)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def open_page(path: Path, width: int = 1200, theme: str = "light") -> Opened:
            for context in chrome.contexts:  # one page at a time: they all draw
                context.close()
            page = chrome.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
            page.set_default_timeout(1000 * PATIENCE)
            page.route("http*://**", lambda route: route.abort())
            opened = Opened(page)
            page.goto(path.as_uri())
            opened.until("document.documentElement.dataset.ready === 'yes'")
            opened.settle()  # the first frame: what is left out is left out
            return opened

        yield open_page
        chrome.close()
