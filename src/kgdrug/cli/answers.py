"""Answers shown and written: what the commands that ask have in common."""

import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kgdrug.cli.screen import err, out, print_answers
from kgdrug.errors import UsageError

if TYPE_CHECKING:
    from kgdrug.ranking import Answer
    from kgdrug.trained import ServedModel

Form = Annotated[
    Literal["table", "json", "jsonl", "csv", "tsv", "parquet", "xlsx"] | None,
    typer.Option("--format", help="Default: table, or what the name of --out says."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Write a file instead of printing.")]


def form_of(form: str | None, out_file: Path | None, force: bool) -> str:
    """The form that is meant, by the file's name where it is not said; a UsageError where it cannot be written."""
    from kgdrug.graph.store import refuse_existing
    from kgdrug.ranking.export import FILES_ALONE, FORMS

    if out_file is None:
        if form in FILES_ALONE:
            raise UsageError(f"--format {form} needs --out FILE")
        return form or "table"
    if form is None and out_file.suffix.removeprefix(".") in FORMS:
        form = out_file.suffix.removeprefix(".")
    if form in (None, "table"):
        raise UsageError(f"--out FILE needs --format {', '.join(FORMS[:-1])} or {FORMS[-1]}")
    refuse_existing(out_file, force)
    assert form is not None
    return form


def tell(
    model: "ServedModel",
    told: "Iterable[tuple[str, Sequence[Answer]]]",
    form: str,
    out_file: Path | None,
    force: bool,
    evidence: bool,
) -> None:
    """Show or write the answers to many questions, each given with its words."""
    from kgdrug.ranking import about_model, write_all_answers

    about, asked, answered = about_model(model), 0, 0
    there = {"probability": model.calibrated is not None, "evidence": evidence}
    optional = [name for name, some in there.items() if some]

    def counted() -> "Iterator[tuple[str, Sequence[Answer]]]":
        nonlocal asked, answered
        for text, answers in told:
            asked, answered = asked + 1, answered + len(answers)
            yield text, answers

    if form == "table":
        for text, answers in told:
            print_answers(text, answers)
    else:
        with tidy_end():
            write_all_answers(counted(), form, about, out_file or sys.stdout, force, optional)
    told_of(about, form, out_file, f"{answered:,} answers to {asked:,} questions")


def tell_one(
    model: "ServedModel", text: str, answers: "Sequence[Answer]", form: str, out_file: Path | None, force: bool
) -> None:
    """Show or write the answers to one question."""
    from kgdrug.ranking import about_model, write_answers

    about = about_model(model, question=text)
    if form == "table":
        print_answers(text, answers)
    else:
        write_answers(answers, form, about, out_file or sys.stdout, force)
    told_of(about, form, out_file, f"{len(answers):,} answers")


def told_of(about: "Mapping[str, object]", form: str, out_file: Path | None, what: str) -> None:
    """Say what was written, or what a table is of that was shown or printed."""
    from kgdrug.ranking.export import about_line
    from kgdrug.sources.sheets import SEPARATORS

    if out_file is not None:
        out.print(f"wrote {what} to {out_file}")
    elif form == "table":
        out.print(about_line(about))
    elif form in SEPARATORS:
        err.print(f"# {about_line(about)}")


@contextmanager
def tidy_end() -> "Iterator[None]":
    """In the block SIGTERM ends the process as Ctrl-C does: what is half-written is taken away."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
