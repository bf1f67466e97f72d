"""Where a Chromium is: the browser tests and the screenshots need one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
ARGUMENTS = [
    "--no-sandbox",  # root, in a container; it sees our own pages only
    "--disable-gpu",
    "--disable-background-networking",
    "--force-color-profile=srgb",
]
INSTALLING_S = 300


class NoBrowser(Exception):
    """None is there and none could be installed; the text says what to do."""


def executable(playwright: Playwright) -> str:
    """ENS_CHROMIUM, else a Chromium on PATH, else Playwright's own, which is fetched if need be."""
    named = os.environ.get("ENS_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise NoBrowser(f"ENS_CHROMIUM names {named}, which is no file.")
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    own = playwright.chromium.executable_path
    if not Path(own).is_file():
        _install()
    if not Path(own).is_file():
        raise NoBrowser(
            "No Chromium on PATH, and Playwright could not fetch one. Install one (Debian: "
            "apt-get install chromium) or name one with ENS_CHROMIUM."
        )
    return own


def _install() -> None:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        subprocess.run(command, check=False, timeout=INSTALLING_S, capture_output=True)
    except subprocess.TimeoutExpired:
        return


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises NoBrowser."""
    with sync_playwright() as playwright:
        path = executable(playwright)
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as error:
            raise NoBrowser(f"{path} does not start: {error}") from error
        try:
            yield browser
        finally:
            browser.close()
