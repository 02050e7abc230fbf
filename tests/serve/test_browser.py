"""The pages in a real browser: quiet, readable by everybody, alive with scripts and whole without."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from harness.browsing import Visit
from harness.waiting import until
from serve.conftest import HOSTILE
from serve.servers import serving_runs

from vestige.record import place
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.command import Vestige
    from harness.kept import Store
    from playwright.sync_api import Browser, BrowserContext
    from serve.servers import Serving

pytestmark = pytest.mark.needs("chromium")
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 375, "height": 740}},
}


def opened(served: Serving, context: BrowserContext) -> Visit:
    """Return a visitor who has opened the address that the server prints."""
    made = Visit(context.new_page(), served.url)
    made.page.goto(served.address)
    made.page.wait_for_url(served.url)
    return made


@pytest.fixture
def visit(served: Serving, browser: Browser) -> Iterator[Visit]:
    context = browser.new_context()
    made = opened(served, context)
    yield made
    made.was_quiet()
    context.close()


@pytest.mark.parametrize("looks", LOOKS.values(), ids=LOOKS)
def test_pages_are_quiet_fit_and_are_for_everybody(
    served: Serving, store: Store, browser: Browser, looks: dict[str, Any]
) -> None:
    context = browser.new_context(**looks)
    visit = opened(served, context)
    train, hostile = store.ids[1], store.ids[3]
    for path in ("/", "/?where=foo+%3D", f"/runs/{train}", f"/runs/{train}/lineage", f"/runs/{hostile}/lineage",
                 f"/compare?run={train}&run={hostile}", f"/over?run={train}&run={hostile}"):  # fmt: skip
        visit.go(path)
        assert visit.fits(), path
        assert visit.barriers() == [], path
    visit.was_quiet()
    context.close()


def test_the_key_leaves_the_address(visit: Visit) -> None:
    assert "token" not in visit.page.url
    assert visit.page.evaluate("document.cookie") == ""
    (cookie,) = visit.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert "token" not in visit.page.content()


def test_another_browser_has_no_key(served: Serving, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(served.url)
    assert "Open the address" in page.inner_text("h1")
    page.close()


def test_a_page_elsewhere_gets_nothing(served: Serving, visit: Visit) -> None:
    """A page of another origin in the same browser, which has the cookie: links, pictures, scripts, fetch."""
    page = visit.page.context.new_page()
    page.route("http://elsewhere.test/", lambda route: route.fulfill(body="<h1>x</h1>", content_type="text/html"))
    page.goto("http://elsewhere.test/")
    fetch = "url => fetch(url, {credentials: 'include', mode: 'no-cors'}).then(() => 'answered', () => 'refused')"
    assert page.evaluate(fetch, served.url) == "refused"
    page.evaluate("url => { location = url }", served.url)
    page.wait_for_url(served.url)
    assert "step" not in page.content()
    assert "lead nowhere" in page.inner_text("h1")
    page.close()


def test_a_filter_is_typed_and_a_heading_sorts(visit: Visit) -> None:
    page = visit.page
    page.fill("#where", "step 11")
    page.keyboard.press("Enter")
    page.wait_for_url("**where=step*")
    assert page.locator("tbody tr").count() == 7
    page.click("th >> text=command")
    assert page.locator("tbody .words").first.inner_text() == "step 011"
    page.click("th >> text=command")
    assert page.locator("tbody .words").first.inner_text() == "step 115"
    assert page.input_value("#where") == "step 11"


def test_two_runs_are_ticked_and_compared(visit: Visit, store: Store) -> None:
    page = visit.page
    page.check("tbody tr:nth-child(1) input")
    page.check("tbody tr:nth-child(3) input")
    page.click("#compare")
    page.wait_for_url("**/compare?*")
    text = page.inner_text("main")
    assert "step 115" in text
    assert "step 113" in text
    page.go_back()
    page.click("#over")
    page.wait_for_url("**/over?*")
    assert f"2 runs: {store.ids[-1][-8:]}, {store.ids[-3][-8:]}" in page.title()


def test_a_lineage_is_walked_by_keyboard(visit: Visit, store: Store) -> None:
    clean, train, render = store.ids[:3]
    visit.go(f"/runs/{clean}/lineage?depth=1")
    visit.page.focus(f"svg a[href*='{train}']")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"**/runs/{train}/lineage?depth=1")
    assert visit.page.locator(f"svg a[href*='{render}']").count() == 1
    assert visit.page.locator("svg .here text").first.text_content() == "train model"


def test_what_a_hostile_hand_wrote_runs_nowhere(visit: Visit, store: Store) -> None:
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for path in ("/?where=echo", f"/runs/{store.ids[3]}", f"/runs/{store.ids[3]}/lineage"):
        visit.go(path)
        assert visit.page.title() != "run"
        assert visit.page.locator("main img").count() == 0
        assert "<script>" in visit.page.inner_text("main")
    assert dialogs == []
    assert HOSTILE not in visit.page.content()


def test_without_scripts_all_is_there_but_growth(served: Serving, store: Store, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.address)
    page.wait_for_url(served.url)
    assert page.locator("tbody tr").count() == 50
    page.click("text=next")
    assert "page 2 of 3" in page.inner_text(".paging")
    page.click("text=failed")
    assert page.locator("tbody tr").count() == 12
    page.goto(f"{served.url}runs/{store.ids[1]}/lineage")
    assert page.locator("svg a").count() == 3
    context.close()


@pytest.mark.needs("recorder")
def test_a_run_is_seen_growing_to_its_end(vestige: Vestige, browser: Browser) -> None:
    runs = Runs((place.Store(vestige.store, "option"),))
    script = "import sys\nkept = []\nfor line in sys.stdin:\n  kept += [bytearray(9_000_000)]\n  print(1, flush=True)"
    with vestige.start("python", "-c", script, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"1\n")
        process.stdin.flush()
        process.stdout.readline()
        (folder,) = runs.newest_first()
        with serving_runs(runs) as served:
            context = browser.new_context()
            visit = opened(served, context)
            visit.go(f"/runs/{folder.load().id}")
            page = visit.page

            def seen() -> tuple[str, str]:
                shape = page.get_attribute("#line-memory-total", "d") or ""
                return shape, page.inner_text("#value-elapsed")

            first = seen()
            until(lambda: all(new != old for new, old in zip(seen(), first, strict=True)), "growth", limit=20)
            assert page.inner_text("#state") == "Running"
            assert visit.barriers() == []
            process.communicate(b"2\n", timeout=30)
            page.wait_for_selector("#live", state="detached", timeout=60_000)
            assert "Running for" not in page.content()
            visit.was_quiet()
            context.close()
