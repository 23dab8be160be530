"""The case view in a real browser: every gesture and key, no error, no request that leaves the machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Server, free_port, is_outside

pytestmark = pytest.mark.e2e

ANY_TEXT = re.compile(".+")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def viewer_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the small app around the case view."""
    running = Server(tmp_path_factory.mktemp("viewer"), free_port(), "tests/e2e/viewer_app.py")
    yield running
    running.stop()


@pytest.fixture
def opened(viewer_server: Server, chromium: Browser) -> Iterator[Open]:
    """Opens a case; at the end no page may have failed or asked another machine for anything."""
    problems: list[str] = []
    contexts = []

    def open_case(case: str, *, width: int = 1280, height: int = 1200, scheme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=width < 500
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("request", lambda request: problems.append(request.url) if is_outside(request.url) else None)
        page.goto(f"{viewer_server.address}/?case={case}")
        expect(view(page)).to_have_attribute("data-ready", timeout=60_000, value=ANY_TEXT)
        return page

    yield open_case
    for context in contexts:
        context.close()
    assert problems == []


def view(page: Page) -> Locator:
    return page.locator(".second-look")


def canvas(page: Page) -> Locator:
    return page.locator("canvas.image")


def middle(page: Page) -> tuple[float, float]:
    box = canvas(page).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pixels(page: Page) -> str:
    """What the canvas shows, once the next frame is painted."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return str(canvas(page).evaluate("(node) => node.toDataURL()"))


def slice_shown(page: Page) -> int:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return int(view(page).get_attribute("data-slice") or -1)


def test_case_opens_on_the_worst_reason(opened: Open) -> None:
    page = opened("volume")
    expect(page.get_by_role("heading", name="Review this case")).to_be_visible()
    assert slice_shown(page) == 12
    expect(page.locator(".reason").first).to_contain_text("compactness 0.121")
    expect(page.locator(".where").first).to_have_text("slice 13")


def test_untrusted_names_stay_text(opened: Open) -> None:
    page = opened("volume")
    expect(canvas(page)).to_have_attribute("aria-label", "Image of volume <b>one</b>.nii.gz, slice 13 of 24")
    assert view(page).locator("b").count() == 0


def test_every_layer_key_changes_the_picture_and_back(opened: Open) -> None:
    page = opened("volume")
    canvas(page).focus()
    start = pixels(page)
    for key in "12345678":
        page.keyboard.press(key)
        assert pixels(page) != start, key
        page.keyboard.press(key)
        assert pixels(page) == start, key


def test_layer_buttons_tell_their_state(opened: Open) -> None:
    page = opened("volume")
    button = page.locator(".layer", has_text="Reference")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".opacity-name")).to_have_text("Opacity of reference 100 %")


def test_wheel_keys_range_and_strip_go_through_the_slices(opened: Open) -> None:
    page = opened("volume")
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, 100)
    assert slice_shown(page) == 13
    page.mouse.wheel(0, -100)
    assert slice_shown(page) == 12
    canvas(page).focus()
    page.keyboard.press("ArrowDown")
    assert slice_shown(page) == 13
    page.keyboard.press("Home")
    assert slice_shown(page) == 0
    page.keyboard.press("w")
    assert slice_shown(page) == 12
    page.get_by_role("slider", name="Slice", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert slice_shown(page) == 13
    strip = page.locator(".strip")
    box = strip.bounding_box()
    assert box is not None
    strip.click(position={"x": box["width"] * 20.5 / 24, "y": 40})
    assert slice_shown(page) == 20
    page.keyboard.press("ArrowLeft")
    assert slice_shown(page) == 19
    expect(strip).to_have_attribute("aria-valuetext", ANY_TEXT)


def test_zoom_pan_and_double_click(opened: Open) -> None:
    page = opened("volume")
    start = pixels(page)
    page.mouse.move(*middle(page))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    zoomed = pixels(page)
    assert zoomed != start
    assert slice_shown(page) == 12
    assert float(view(page).get_attribute("data-zoom") or 0) > 1.5
    x, y = middle(page)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30)
    page.mouse.up()
    assert pixels(page) != zoomed
    page.mouse.dblclick(x, y)
    page.keyboard.press("Escape")
    expect(view(page)).to_have_attribute("data-zoom", re.compile(r"^1(\.0+)?$"))


def test_right_drag_sets_the_window_and_the_preset_resets_it(opened: Open) -> None:
    page = opened("volume")
    label = page.locator(".corner.right")
    before, start = label.inner_text(), pixels(page)
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 80, y + 40)
    page.mouse.up(button="right")
    assert pixels(page) != start
    assert label.inner_text() != before
    page.get_by_role("button", name="Window and level").click()
    page.get_by_role("button", name="Window from the 1st to the 99th percentile").click()
    assert pixels(page) == start
    expect(label).to_have_text(before)
    page.get_by_role("slider", name="Level").fill("900")
    assert pixels(page) != start


def test_voxel_is_read_out_in_words(opened: Open) -> None:
    page = opened("volume")
    x, y = middle(page)
    page.mouse.move(x + 1, y + 1)
    expect(page.locator(".readout")).to_contain_text("slice 13, row 65, column 65 · FLAIR")
    expect(page.locator(".readout")).to_contain_text("probability")
    page.mouse.click(x + 1, y + 1)
    page.mouse.move(5, 5)
    expect(page.locator(".readout")).to_contain_text("row 65, column 65")
    canvas(page).focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".readout")).to_contain_text("row 65, column 66")


def test_reason_jumps_zooms_and_switches_its_layer_on(opened: Open) -> None:
    page = opened("volume")
    canvas(page).focus()
    page.keyboard.press("8")
    page.keyboard.press("End")
    page.locator(".reason", has_text="Spurious small blobs").click()
    assert slice_shown(page) == 12
    assert float(view(page).get_attribute("data-zoom") or 0) > 2
    expect(page.locator(".layer", has_text="Spurious small blobs")).to_have_attribute("aria-pressed", "true")
    page.locator(".also", has_text="14").click()
    assert slice_shown(page) == 13


def test_score_with_a_place_leads_there(opened: Open) -> None:
    page = opened("volume")
    page.locator(".scores summary").click()
    # Of the three scores one was decided at one place: slice 0, in a corner.
    expect(page.locator(".scores .also")).to_have_text(["slice 1"])
    page.get_by_role("button", name="Mean entropy: show slice 1").click()
    assert slice_shown(page) == 0
    assert float(view(page).get_attribute("data-zoom") or 0) > 2


def test_channels_and_colour_of_a_single_picture(opened: Open) -> None:
    page = opened("single")
    expect(page.get_by_role("heading", name="Looks consistent")).to_be_visible()
    expect(page.locator(".strip")).to_be_hidden()
    expect(page.get_by_role("button", name="FLAIR")).to_have_attribute("aria-pressed", "true")
    start = pixels(page)
    page.get_by_role("button", name="Colour").click()
    assert pixels(page) != start
    page.get_by_role("button", name="FLAIR").click()
    assert pixels(page) == start


def test_map_choice_changes_the_picture_and_names_its_range(opened: Open) -> None:
    page = opened("volume")
    canvas(page).focus()
    page.keyboard.press("3")
    start = pixels(page)
    expect(page.locator(".scale")).to_contain_text("0.693 nats")
    page.get_by_label("Uncertainty map").select_option(label="Variance")
    assert pixels(page) != start
    expect(page.locator(".scale")).to_contain_text("0.250")


def test_list_of_keys_opens_and_closes(opened: Open) -> None:
    page = opened("volume")
    canvas(page).focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_python_hears_the_slice_and_it_survives_another_page(opened: Open) -> None:
    page = opened("volume")
    canvas(page).focus()
    page.keyboard.press("End")
    page.keyboard.press("4")
    page.wait_for_timeout(800)
    page.get_by_role("link", name="Other").click()
    expect(page.get_by_role("heading", name="Another page")).to_be_visible()
    page.get_by_role("link", name="Case").click()
    expect(view(page)).to_have_attribute("data-ready", ANY_TEXT, timeout=20_000)
    assert slice_shown(page) == 23
    expect(page.locator(".layer", has_text="Errors")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("python knows slice 23")).to_be_visible()


def test_page_can_ask_for_a_slice(opened: Open) -> None:
    page = opened("volume")
    page.get_by_role("button", name="Slice 4").click()
    expect(view(page)).to_have_attribute("data-slice", "3")
    canvas(page).focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(900)
    assert slice_shown(page) == 4


def test_large_study_loads_the_neighbourhood_of_a_slice(opened: Open) -> None:
    page = opened("window")
    expect(page.locator(".note").last).to_contain_text("of 40 are loaded")
    first = view(page).get_attribute("data-ready")
    start = pixels(page)
    canvas(page).focus()
    page.keyboard.press("End")
    expect(page.locator(".message")).to_be_visible()
    expect(page.locator(".message")).to_be_hidden(timeout=10_000)
    expect(view(page)).to_have_attribute("data-slice", "39")
    expect(view(page)).not_to_have_attribute("data-ready", str(first))
    assert pixels(page) != start


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_has_verdict_viewer_strip_in_order_and_no_sideways_scroll(opened: Open, scheme: str) -> None:
    page = opened("volume", width=390, height=844, scheme=scheme)
    tops = [page.locator(part).bounding_box()["y"] for part in (".verdict", ".stage", ".strip", ".numbers")]
    assert tops == sorted(tops)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    expect(view(page)).to_have_attribute("data-ground", scheme)


def touch(page: Page, *paths: list[tuple[float, float]]) -> None:
    """Fingers go along `paths`, all in step, then lift."""
    session = page.context.new_cdp_session(page)
    for step, points in enumerate(zip(*paths, strict=True)):
        kind = "touchMove" if step else "touchStart"
        fingers = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_fingers_swipe_through_slices_and_pinch_to_zoom(opened: Open) -> None:
    page = opened("volume", width=390, height=844)
    canvas(page).scroll_into_view_if_needed()
    x, y = middle(page)
    touch(page, [(x + 6 * step, y) for step in range(12)])
    assert slice_shown(page) > 12
    apart = [8 * step for step in range(1, 8)]
    touch(page, [(x - 20 - d, y) for d in apart], [(x + 20 + d, y) for d in apart])
    assert slice_shown(page) > 12
    assert float(view(page).get_attribute("data-zoom") or 0) > 1.3


@pytest.mark.parametrize("width", [390, 1280])
def test_targets_are_large_enough(opened: Open, width: int) -> None:
    page = opened("volume", width=width)
    page.get_by_role("button", name="Window and level").click()
    small = view(page).evaluate(
        """(root) => [...root.querySelectorAll("button, select, summary, input[type=range], label.check")]
        .map((node) => [node.textContent || node.ariaLabel, node.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.height < 31.5 || box.width < 31.5)).map(([name]) => name)"""
    )
    assert small == []


def test_everything_can_be_reached_with_the_tab_key(opened: Open) -> None:
    page = opened("volume")
    reached = set()
    page.get_by_role("button", name="Slice 4").focus()
    for _ in range(45):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("""() => { let node = document.activeElement;
                while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
                return node?.className?.split?.(" ")[0] || node?.tagName; }""")
        )
    assert {"tool", "image", "slice-range", "strip", "layer", "SELECT", "reason", "also"} <= reached
