"""What the README and the documentation tell people to type exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

import kgdrug
from kgdrug.cli import app
from kgdrug.sources import DATASETS, FORMS

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
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


def test_the_training_script_of_the_readme_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts = re.findall(
        r"^```python\n(.*?)^```", (CHECKOUT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (script,) = (script for script in scripts if "kgdrug.train(" in script)
    assert len([line for line in script.splitlines() if line and not line.startswith("import")]) <= 10
    (tmp_path / "experiments").symlink_to(CHECKOUT / "experiments")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(script, names)
    printed = capsys.readouterr().out
    assert re.findall(r"^epoch (\d): loss", printed, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert names["trained"].metrics["both"]["mrr"] > 2 * names["trained"].metrics["baselines"]["degree"]["mrr"]
    assert printed.count("Answer(rank=") == 3
    kgdrug.save_trained(names["trained"], tmp_path / "model")
    asked = [
        kgdrug.predict(model, disease="asthma") for model in (kgdrug.load_model(tmp_path / "model"), names["trained"])
    ]
    assert [a.id for a in asked[0]] == [a.id for a in asked[1]]


def test_every_form_and_data_set_is_documented() -> None:
    page = (CHECKOUT / "docs" / "data.md").read_text(encoding="utf-8")
    headings = " ".join(line for line in page.splitlines() if line.startswith("### "))
    assert [name for name in FORMS if not re.search(rf"\b{name}\b", headings)] == []
    assert [name for name in DATASETS if name not in page] == []
