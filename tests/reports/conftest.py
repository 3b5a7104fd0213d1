"""How the tests read a page: as text, and in a browser."""

import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, its text, and its tables as rows of cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._inside.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._inside:
            return
        self.words.append(data)
        if {"td", "th"} & set(self._inside):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def rows(self, *header: str) -> list[list[str]]:
        """The rows of every table whose header begins so."""
        return [row for table in self.tables if tuple(table[0][: len(header)]) == header for row in table[1:]]


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    """Reads the HTML of a page."""
    return Page


@pytest.fixture
def browser(tmp_path: Path) -> Callable[[str], str]:
    """Opens a page in headless Chromium, and gives the document that came of it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")

    def open_page(html: str) -> str:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
        words = [chromium, "--headless", "--no-sandbox", "--disable-gpu", *quiet]
        words += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout

    return open_page
