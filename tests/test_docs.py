"""What the README and the documentation tell people to type exists."""

import re
from pathlib import Path

import pytest
import typer

from kgdrug.cli import app
from kgdrug.sources import DATASETS, FORMS

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "docs" / "data.md"]
COMMANDS = [
    (page.name, command.strip())
    for page in PAGES
    for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for command in re.findall(r"^(?:\$ )?(kgdrug [a-z][^#\n]*)", block, re.MULTILINE)
]


def options_of(words: list[str]) -> set[str]:
    """The options of the command that these words name."""
    command = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            break
        assert word in command.commands, f"there is no command {word}"
        command = command.commands[word]
    return {option for parameter in command.params for option in parameter.opts} | {"--help", "--debug", "--version"}


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_command_and_option_that_is_shown_exists(page: str, command: str) -> None:
    _, *words = command.split()
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options_of([word for word in words if not word.startswith("-")])


def test_every_form_and_data_set_is_documented() -> None:
    page = (CHECKOUT / "docs" / "data.md").read_text(encoding="utf-8")
    headings = " ".join(line for line in page.splitlines() if line.startswith("### "))
    assert [name for name in FORMS if not re.search(rf"\b{name}\b", headings)] == []
    assert [name for name in DATASETS if name not in page] == []
