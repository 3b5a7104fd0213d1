"""The command that writes a page about a model."""

from pathlib import Path
from typing import Annotated

import typer

from kgdrug.cli.app import Force, app
from kgdrug.cli.screen import out
from kgdrug.errors import UsageError


@app.command()
def report(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, NAME@ALIAS, NAME/VERSION or runs:ID.")],
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE.html", help="The page to write.")],
    force: Force = False,
) -> None:
    """Write a page about a model: split and audit, tables with intervals, plots, diseases, intended use and limits."""
    from kgdrug import load_model, model_page
    from kgdrug.graph.store import refuse_existing
    from kgdrug.judging import evaluate_trained

    refuse_existing(out_file, force)
    if not out_file.parent.is_dir():
        raise UsageError(f"{out_file} cannot be written: there is no folder {out_file.parent}")
    trained = load_model(model)
    page = model_page(trained, evaluate_trained(trained))
    out_file.write_text(page, encoding="utf-8")
    out.print(f"wrote {out_file}")
