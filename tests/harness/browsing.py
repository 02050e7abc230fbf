"""A real browser, and what goes on behind the pages that it shows."""

from __future__ import annotations

import importlib.resources
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page, Request

QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
HINDERING = ("serious", "critical")  # as axe-core calls it


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give Chromium, which asks nobody for anything by itself."""
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium has none for root
        made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*QUIET, *sandbox])
        yield made
        made.close()


@dataclass
class Visit:
    """A page, and what went on behind it."""

    page: Page
    home: str  # the address that all requests begin with
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._asked)
        self.page.on("requestfailed", self._failed)

    def go(self, path: str) -> None:
        """Open a page of the server."""
        answer = self.page.goto(f"{self.home.rstrip('/')}{path}")
        assert answer is not None
        assert answer.status == 200

    def fits(self) -> bool:
        """Say whether nothing of the page stands beyond its right edge."""
        across = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        return bool(across[0] <= across[1])

    def barriers(self) -> list[str]:
        """Return what keeps somebody from using the page, as axe-core finds it."""
        script = (importlib.resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(script)  # through the debugger's door: the page's own policy lets no script in
        found = self.page.evaluate("axe.run()")
        assert found["passes"]
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]
                if each["impact"] in HINDERING]  # fmt: skip

    def was_quiet(self) -> None:
        """Assert that nobody complained and nothing came from elsewhere."""
        assert self.complaints == []
        assert [url for url in self.requested if not url.startswith((self.home, "data:"))] == []

    def _asked(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _failed(self, request: Request) -> None:
        """Note what failed by itself: what is still on its way is given up when the next page is asked for."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url} {request.failure}")
