"""Pages in a real browser: quiet, self-contained, readable by everybody, with the record's own values in the charts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from harness.browsing import Visit, chromium
from pages import folders
from report import charts

from vestige.pages.report import page as pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.needs("chromium")
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}
NAMES = ("full", "hostile", "many", "several")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write each page once, and return their addresses."""
    folder = tmp_path_factory.mktemp("pages")
    full = folders.write(folder / "full", folders.FULL)
    again = folders.write(folder / "full", folders.FULL, 1)
    runs = {
        "full": [again],
        "hostile": [folders.write(folder / "hostile", folders.HOSTILE_RUN)],
        "many": [folders.write(folder / "many", folders.THOUSANDS)],
        "several": [full, folders.write(folder / "many", folders.THOUSANDS, 1)],
    }
    return {name: _written(folder / f"{name}.html", "".join(pieces(found))) for name, found in runs.items()}


def _written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    made = {name: browser.new_context(**look) for name, look in LOOKS.items()}
    yield made
    for context in made.values():
        context.close()


@pytest.fixture
def full(contexts: dict[str, BrowserContext], files: dict[str, str]) -> Iterator[Page]:
    page = contexts["light"].new_page()
    page.goto(files["full"])
    yield page
    page.close()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_pages_are_quiet_fit_and_fetch_nothing(
    contexts: dict[str, BrowserContext], files: dict[str, str], name: str, look: str
) -> None:
    visit = Visit(contexts[look].new_page(), files[name])
    visit.page.goto(files[name])
    assert visit.fits()
    visit.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert visit.fits()
    visit.was_quiet()
    visit.page.close()


@pytest.mark.parametrize(
    ("name", "look"), [("full", "light"), ("full", "dark"), ("several", "light"), ("hostile", "dark")]
)
def test_an_audit_finds_nothing_serious(
    contexts: dict[str, BrowserContext], files: dict[str, str], name: str, look: str
) -> None:
    visit = Visit(contexts[look].new_page(), files[name])
    visit.page.goto(files[name])
    visit.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert visit.barriers() == []
    visit.page.close()


def test_without_scripts_it_says_the_same(browser: Browser, files: dict[str, str]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["full"])
    assert page.locator("svg.chart").count() == 3
    assert not page.is_visible(".readout")
    page.click("section[aria-labelledby='files-h'] > details > summary")
    table = page.locator("table.files")
    assert table.locator("tr.k-input").first.is_visible()
    assert not table.locator("tr.k-software").first.is_visible()
    page.check("input[name=class][value=software]")
    assert table.locator("tr.k-software").first.is_visible()
    assert not table.locator("tr.k-input").first.is_visible()
    page.click("details.row >> nth=0 >> summary")
    assert page.locator("details.row").first.locator("td").first.is_visible()
    context.close()


def test_what_is_drawn_is_what_was_recorded(full: Page) -> None:
    boxes = "all => all.map(one => { const box = one.getBBox(); return [box.x, box.y, box.width, box.height]; })"
    (cpu,) = full.eval_on_selector_all("[data-metric=cpu] .zoom path.line.total", boxes)
    top = max(12.0 / 10.0, 2.0) * 1.06  # cores: the limit is within reach
    most = max(
        (later.cpu - earlier.cpu) / (later.end - earlier.end)
        for earlier, later in zip(charts.POINTS, charts.POINTS[1:], strict=False)
    )
    assert cpu[1] == pytest.approx(1000 * (1 - most / top), abs=2)
    ((x, y, *_),) = full.eval_on_selector_all("[data-metric=memory] path.peak.hollow", boxes)
    memory_top = 700e6 * 1.06
    assert y == pytest.approx(1000 * (1 - 612e6 / memory_top), abs=2)
    assert 2000 <= x <= 8000
    bars = full.eval_on_selector_all("details.row path.process", boxes)
    ends = [10 if process.end is None else process.end for process in charts.PROCESSES]
    assert [bar[0] for bar in bars] == pytest.approx([process.start * 1000 for process in charts.PROCESSES])
    assert [bar[0] + bar[2] for bar in bars] == pytest.approx([end * 1000 for end in ends])


def test_the_cursor_tells_the_record_s_values(full: Page) -> None:
    chart = full.locator("[data-metric=memory] svg.chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    full.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    told = dict(
        zip(full.locator(".values span").all_inner_texts(), full.locator(".values b").all_inner_texts(), strict=True)
    )
    assert told["at"].startswith(("8.0", "7.9"))
    assert told["resident sizes added up"].startswith("6")
    assert told["cores used"] == "2.00 cores"
    assert full.locator("line.cursor[visibility=visible]").count() == 3


def test_a_part_is_seen_closer_everywhere_at_once(full: Page) -> None:
    chart = full.locator("[data-metric=memory] svg.chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    full.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 20)
    full.mouse.down()
    full.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=3)
    full.mouse.up()
    views = set(full.eval_on_selector_all("svg.zoom", "all => all.map(one => one.getAttribute('viewBox'))"))
    assert len(views) == 1
    start, _, width, _ = map(float, next(iter(views)).split())
    assert start == pytest.approx(2000, abs=30)
    assert width == pytest.approx(4000, abs=30)
    assert full.locator("svg.axis").first.locator("text").first.text_content() == "2 s"
    full.click("text=whole run")
    assert full.locator("svg.zoom").first.get_attribute("viewBox") == "0 0 10000 1000"
    assert full.locator("svg.axis").first.locator("text").first.text_content() == "0 s"


def test_the_keyboard_reaches_and_reads_all(full: Page) -> None:
    full.keyboard.press("Tab")
    assert full.evaluate("document.activeElement.textContent") == "Skip to the content"
    slider = full.locator("[role=slider]")
    slider.focus()
    assert full.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    for key in ("PageUp", "PageUp", "ArrowRight"):
        full.keyboard.press(key)
    assert float(slider.get_attribute("aria-valuenow") or 0) == pytest.approx(2.1)
    assert "cores used 0.6" in (slider.get_attribute("aria-valuetext") or "")
    full.keyboard.press("+")
    assert full.locator("svg.zoom").first.get_attribute("viewBox") != "0 0 10000 1000"
    full.keyboard.press("Escape")
    assert full.locator("svg.zoom").first.get_attribute("viewBox") == "0 0 10000 1000"
    full.focus("details.row summary")
    full.keyboard.press("Enter")
    assert full.locator("details.row").first.locator("td").first.is_visible()


def test_a_file_lets_nothing_run_but_our_own_script(
    contexts: dict[str, BrowserContext], files: dict[str, str], tmp_path: Path
) -> None:
    """Were there a way past all escaping, what came in by it would neither run nor be able to tell anybody."""
    planted = (
        "<script>document.title='ran'</script><img src='https://example.org/told' onerror=\"document.title='ran'\">"
    )
    text = files["full"].removeprefix("file://")
    with open(text, encoding="utf-8") as file:
        path = _written(tmp_path / "planted.html", file.read().replace("<footer", f"{planted}<footer", 1))
    visit = Visit(contexts["light"].new_page(), path)
    visit.page.goto(path)
    visit.page.wait_for_load_state("load")
    assert visit.page.title() != "ran"
    assert visit.page.locator(".readout button").count() == 3
    assert len([words for words in visit.complaints if "Content Security Policy" in words]) >= 2
    visit.page.close()


def test_hostile_text_is_seen_as_it_is(contexts: dict[str, BrowserContext], files: dict[str, str]) -> None:
    visit = Visit(contexts["light"].new_page(), files["hostile"])
    visit.page.goto(files["hostile"])
    assert "<script>alert(1)</script>" in visit.page.inner_text("h1")
    assert "<script>alert(1)</script>" in visit.page.inner_text(".output")
    assert visit.page.locator("script").count() == 2
    assert visit.complaints == []
    visit.page.close()


def test_it_is_printed_with_all_that_is_folded(full: Page) -> None:
    full.emulate_media(media="print")
    assert full.locator("table.files td").first.bounding_box()
    assert not full.is_visible(".readout")
    assert full.pdf(print_background=True).startswith(b"%PDF")


def test_two_thousand_processes_are_a_row_and_few_elements(
    contexts: dict[str, BrowserContext], files: dict[str, str]
) -> None:
    page = contexts["light"].new_page()
    page.goto(files["many"])
    rows = page.locator("details.row")
    assert rows.count() == 2
    assert "×2 000" in re.sub(r"\s", " ", rows.nth(1).inner_text())  # noqa: RUF001
    assert page.evaluate("document.querySelectorAll('*').length") < 2000
    page.close()


def test_curves_of_several_runs_are_told_apart_without_colours(
    contexts: dict[str, BrowserContext], files: dict[str, str]
) -> None:
    page = contexts["light"].new_page()
    page.goto(files["several"])
    dashes = "all => all.map(one => getComputedStyle(one).strokeDasharray)"
    found = page.eval_on_selector_all("[data-metric=cpu] .zoom path.line.total", dashes)
    assert len(found) == len(set(found)) == 2
    page.close()
