"""The page in a real Chromium, with the released cascade, clicked through as a person would."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bodycascade.demo.answers import level_table
from tests.processes import environment
from tests.toy_experts import FOUR_LEGS

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no Chromium is installed: apt-get install chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

# Playwright leaves the files of downloads open.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
PATIENCE_MS = 120_000
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the command `demo` serves."""
    words = [sys.executable, "-c", "from bodycascade.commands.main import main; main()"]
    words += ["demo", "--port", "0", "--no-browser", "--device", "cpu"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET), timeout=PATIENCE_MS)
        yield opened
        opened.close()


class Watched:
    """A page whose console and requests are kept."""

    def __init__(self, browser: Any, address: str, viewport: dict[str, int]) -> None:
        self.context = browser.new_context(viewport=viewport, reduced_motion="reduce", accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        own = (address, f"blob:{address}", "data:")
        self.page.on("request", lambda asked: None if asked.url.startswith(own) else self.foreign.append(asked.url))
        self.page.goto(address)

    def result(self) -> None:
        """Wait until a result is shown."""
        self.page.wait_for_selector("body[data-state=result]")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))

    def painted(self) -> int:
        """How many pixels the overlay colours."""
        count = """() => { const c = document.getElementById("paint");
            const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
            let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0; return n; }"""
        return int(self.page.evaluate(count))


@pytest.fixture
def desktop(browser: Any, address: str) -> Iterator[Watched]:
    watched = Watched(browser, address, DESKTOP)
    yield watched
    assert watched.foreign == []
    watched.context.close()


@pytest.fixture
def phone(browser: Any, address: str) -> Iterator[Watched]:
    watched = Watched(browser, address, PHONE)
    yield watched
    assert watched.foreign == []
    watched.context.close()


def sky() -> dict[str, Any]:
    """A file to give that shows nobody."""
    file = io.BytesIO()
    Image.new("RGB", (320, 240), (120, 160, 200)).save(file, "PNG")
    return {"name": "sky.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_the_figure_of_steps_is_shown_for_no_other_tree(desktop: Watched) -> None:
    page = desktop.page
    page.wait_for_selector(".steps li:nth-child(4)")
    assert page.locator(".steps span").all_inner_texts() == ["picture", "body", "halves", "parts"]
    about = {**page.request.get(f"{page.url}about.json").json(), "levels": level_table(FOUR_LEGS)}
    page.route("**/about.json", lambda route: route.fulfill(json=about))
    page.reload()
    page.wait_for_selector("#samples button", state="attached")  # what comes after the steps
    assert page.locator(".steps").is_hidden()
    assert page.locator("#levels input").count() == len(FOUR_LEGS.levels)
    assert page.locator("h1").bounding_box()["width"] > DESKTOP["width"] / 2  # alone, it has the place of both
    assert desktop.errors == []


def test_a_sample_is_looked_at_from_all_sides(desktop: Watched) -> None:
    page = desktop.page
    page.click("#samples button:nth-child(3)")
    desktop.result()
    assert desktop.painted() > 5000
    assert page.locator("#classes li").count() >= 4

    wipe = page.locator("#wipe")
    wipe.focus()
    page.keyboard.press("Home")
    assert wipe.input_value() == "0"
    page.keyboard.press("ArrowRight")
    assert wipe.input_value() == "1"
    assert page.evaluate("() => getComputedStyle(document.getElementById('stage')).getPropertyValue('--wipe')") == "1%"

    page.locator("#levels input").nth(2).focus()
    page.keyboard.press("ArrowLeft")
    assert [text.strip() for text in page.locator("#classes span:first-child").all_inner_texts()] == [
        "upper body",
        "lower body",
    ]
    page.keyboard.press("ArrowLeft")
    assert page.locator("#classes span:first-child").all_inner_texts() == ["body"]
    assert desktop.errors == []


def test_pointing_names_a_part_and_clicking_isolates_it(desktop: Watched) -> None:
    page = desktop.page
    page.click("#samples button:nth-child(3)")
    desktop.result()
    place = page.evaluate(
        """async () => { const c = document.getElementById("paint"), at = c.getBoundingClientRect();
        const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let x = 0, y = 0, n = 0;
        for (let i = 0; i < c.width * c.height; i++) if (data[4 * i] === 42 && data[4 * i + 3] === 255) {
            x += i % c.width; y += Math.floor(i / c.width); n++; }
        return [at.left + x / n / c.width * at.width, at.top + y / n / c.height * at.height]; }"""
    )  # the middle of the torso's rim, which has its colour at full strength
    page.mouse.move(*place)
    tip = page.locator("#tip .now")
    assert tip.locator("span").nth(0).inner_text() == "torso"
    assert 20 <= int(tip.locator("span").nth(1).inner_text().split("\u202f")[0]) <= 100
    assert page.locator("#tip div").count() == 3

    page.mouse.click(*place)
    assert page.locator("#classes button[aria-pressed=true] span").first.inner_text() == "torso"
    assert page.locator("#all").is_visible()
    with page.expect_download() as told:
        page.click("[data-file=cutout]")
    cutout = Image.open(Path(told.value.path()))
    assert (told.value.suggested_filename, cutout.mode) == ("rendered-3-cutout-torso.png", "RGBA")
    page.keyboard.press("Escape")
    assert page.locator("#classes button[aria-pressed=true]").count() == 0
    assert desktop.errors == []


def test_files_are_downloaded(desktop: Watched) -> None:
    page = desktop.page
    page.click("#samples button:nth-child(1)")
    desktop.result()
    for kind, wanted in (("mask", ("PNG", "P")), ("overlay", ("JPEG", "RGB")), ("cutout", ("PNG", "RGBA"))):
        with page.expect_download() as told:
            page.click(f"[data-file={kind}]")
        file = Image.open(Path(told.value.path()))
        assert (file.format, file.mode) == wanted
        assert max(file.size) >= 800
    assert desktop.errors == []


def test_a_bad_file_is_told_plainly_and_the_result_before_it_stays(desktop: Watched) -> None:
    page = desktop.page
    page.click("#samples button:nth-child(1)")
    desktop.result()
    page.set_input_files("#file", {"name": "bad.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    problem = page.locator("#problem")
    problem.wait_for()
    assert problem.inner_text().startswith("This file is no picture that can be read here; JPEG, PNG")
    desktop.result()
    assert desktop.painted() > 5000
    large = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": bytes(20_000_001)}
    page.set_input_files("#file", large)
    page.get_by_text("The file is larger than 20 MB.").wait_for()


@pytest.mark.parametrize("how", ["cancelled", "followed by another"])
def test_a_picture_given_up_while_it_is_decoded_leaves_the_result_before_it(how: str, desktop: Watched) -> None:
    page = desktop.page
    page.click("#samples button:nth-child(1)")
    desktop.result()
    page.evaluate("""() => { const decode = createImageBitmap; window.createImageBitmap = async (blob) => {
        await new Promise((go) => { window.decodeNow = go; }); return decode(blob); }; }""")
    page.set_input_files("#file", sky())
    page.wait_for_function("() => window.decodeNow")
    if how == "cancelled":
        page.click("[data-do=cancel]")
    else:
        page.set_input_files("#file", {"name": "bad.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
        page.locator("#problem").wait_for()
    page.evaluate("async () => { decodeNow(); await new Promise((go) => setTimeout(go, 500)); }")
    desktop.result()
    assert desktop.painted() > 5000
    with page.expect_download() as told:
        page.click("[data-file=mask]")
    assert told.value.suggested_filename == "rendered-1-mask-parts.png"
    shown = page.evaluate("() => [document.getElementById('paint').width, document.getElementById('paint').height]")
    assert list(Image.open(Path(told.value.path())).size) == shown


def test_a_sample_that_comes_late_does_not_replace_a_later_picture(desktop: Watched) -> None:
    page = desktop.page
    page.evaluate("""() => { const get = fetch; window.fetch = async (...given) => {
        const found = await get(...given);
        if (String(given[0]).includes("/samples/")) await new Promise((go) => { window.comeNow = go; });
        return found; }; }""")
    page.click("#samples button:nth-child(3)")
    page.wait_for_function("() => window.comeNow")
    assert page.locator("#samples button:nth-child(3)").get_attribute("aria-busy") == "true"
    page.set_input_files("#file", sky())
    desktop.result()
    page.evaluate("async () => { comeNow(); await new Promise((go) => setTimeout(go, 500)); }")
    desktop.result()
    assert page.get_by_text("Nothing was found in this picture.").is_visible()
    assert page.locator("#samples button:nth-child(3)").get_attribute("aria-busy") is None
    assert desktop.errors == []


def test_what_is_found_is_told_aloud_and_the_panel_waits_for_it(desktop: Watched) -> None:
    page = desktop.page
    page.evaluate("""() => { const decode = createImageBitmap; window.createImageBitmap = async (blob) => {
        await new Promise((go) => { window.decodeNow = go; }); return decode(blob); }; }""")
    page.click("#samples button:nth-child(3)")
    page.wait_for_function("() => window.decodeNow")
    said, panel = page.get_by_role("status"), page.locator(".panel")
    assert said.inner_text() == "Looking at the picture"
    assert panel.evaluate("panel => panel.inert")
    page.evaluate("() => decodeNow()")
    desktop.result()
    assert said.inner_text() == "Found: low hand, up hand, torso, head, low leg, up leg"
    assert not panel.evaluate("panel => panel.inert")
    assert desktop.errors == []


def test_a_picture_without_people_says_so(desktop: Watched) -> None:
    desktop.page.set_input_files("#file", sky())
    desktop.result()
    assert desktop.page.get_by_text("Nothing was found in this picture.").is_visible()
    assert desktop.errors == []


def test_the_camera_takes_a_picture(desktop: Watched) -> None:
    page = desktop.page
    page.context.grant_permissions(["camera"])
    page.click(".welcome [data-do=camera]")
    page.wait_for_selector("dialog[open]")
    page.locator("[data-do=shoot]").click()
    desktop.result()
    assert desktop.errors == []


def test_who_leaves_before_the_camera_shows_anything_has_it_off(desktop: Watched) -> None:
    page = desktop.page
    page.context.grant_permissions(["camera"])
    page.evaluate("""() => { const media = navigator.mediaDevices, get = media.getUserMedia.bind(media);
        media.getUserMedia = async (wanted) => (window.stream = await get(wanted));
        HTMLMediaElement.prototype.play = () => new Promise(() => {}); }""")
    page.click(".welcome [data-do=camera]")
    page.wait_for_selector("dialog[open]")
    assert page.locator("[data-do=shoot]").is_disabled()
    page.keyboard.press("Escape")
    page.wait_for_function("() => stream.getTracks().every((track) => track.readyState === 'ended')")
    assert desktop.errors == []


def test_a_camera_in_use_is_told_so(desktop: Watched) -> None:
    page = desktop.page
    page.evaluate("""() => { navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException("in use", "NotReadableError"); }; }""")
    page.click(".welcome [data-do=camera]")
    page.get_by_text("The camera does not answer. Does another program use it?").wait_for()
    assert desktop.errors == []


def test_a_pasted_and_a_dropped_file_are_taken(desktop: Watched) -> None:
    give = """async ([type, where]) => {
        const blob = await (await fetch("/samples/0.jpg")).blob(), data = new DataTransfer();
        data.items.add(new File([blob], "given.jpg", { type: "image/jpeg" }));
        const event = type === "paste" ? new ClipboardEvent(type, { clipboardData: data, bubbles: true })
            : new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
        document.querySelector(where).dispatchEvent(event); }"""
    for kind in ("paste", "drop"):
        desktop.page.evaluate(give, [kind, "main"])
        desktop.page.wait_for_selector("body[data-state=loading]")
        desktop.result()
    assert desktop.errors == []


def test_nothing_is_wider_than_a_phone(phone: Watched) -> None:
    assert phone.overflow() == 0
    phone.page.click("#samples button:nth-child(2)")
    phone.result()
    assert phone.overflow() == 0
    phone.page.locator("#classes button").first.click()
    assert phone.overflow() == 0
    for target in phone.page.locator("button:visible, #levels label").all():
        assert target.bounding_box()["height"] >= 32
    assert phone.errors == []
