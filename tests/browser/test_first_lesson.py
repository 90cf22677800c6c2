"""The first lesson, opened and run as a learner does it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

LESSON = "course/01_topics_partitions_offsets.ipynb"
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
ERRORS = f"{PANEL} .jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
OPENED = """() => {
    if (window.opened === undefined) {
        window.opened = false;
        const widget = window.jupyterapp?.shell?.currentWidget;
        if (!widget?.sessionContext) { window.opened = undefined; return false; }
        Promise.all([widget.context.ready, widget.sessionContext.ready])
            .then(() => widget.sessionContext.session.kernel.info)
            .then(() => { window.opened = true; });
    }
    return window.opened === true;
}"""
RUN_ALL = """() => {
    window.ran = undefined;
    jupyterapp.commands.execute('notebook:run-all-cells').then(ok => { window.ran = ok ?? true; });
}"""
RAN = """() => window.ran !== undefined
    && jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"""
CHANGED = "([image, old]) => image.src !== old && image.complete"


def shot(page: Any, name: str) -> None:
    folder = os.environ.get("KEEP_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_first_lesson_runs_and_its_panel_answers(page: Any, lab: tuple[str, str]) -> None:
    base, token = lab
    page.goto(f"{base}/lab/tree/{LESSON}?reset&token={token}")
    page.wait_for_selector(f"{PANEL} .jp-Notebook", timeout=60_000)
    page.wait_for_function(OPENED, timeout=60_000)
    shot(page, "opened")

    page.evaluate(RUN_ALL)
    page.wait_for_function(RAN, timeout=90_000)

    assert page.locator(ERRORS).all_inner_texts() == []
    pictures = page.locator(f"{PANEL} .jp-RenderedImage img")
    assert pictures.count() == 3

    picture = page.locator(f"{PANEL} .jupyter-widgets img").first
    picture.wait_for()
    picture.scroll_into_view_if_needed()
    before = picture.get_attribute("src")
    handle = page.locator(f"{PANEL} .jupyter-widgets .noUi-handle").nth(1)
    handle.focus()
    handle.press("ArrowRight")
    page.wait_for_function(CHANGED, arg=[picture.element_handle(), before], timeout=20_000)
    twin = page.locator(f"{PANEL} .jupyter-widgets pre").first
    page.wait_for_function("twin => twin.innerText.split('partition ').length === 5", arg=twin.element_handle())
    shot(page, "panel")

    assert page.outside == []
    assert page.page_errors == []
