"""A real browser without a screen, for tests of what people look at."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAM: Final = shutil.which("chromium")

MISSING: Final = "the program chromium is not installed (Debian package chromium)"

needs_chromium = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that talks to no server of its maker."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        # Without its sandbox, which a container does not allow; it shows our own pages alone.
        browser = playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield browser
        browser.close()


def watched_page(browser: Browser, width: int, **options: str) -> tuple[Page, list[str]]:
    """A page of a width in pixels, and the complaints and network requests that it makes."""
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request",
        lambda request: request.url.startswith("http") and heard.append(f"asked for {request.url}"),
    )
    return page, heard
