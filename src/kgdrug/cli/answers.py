"""Answers shown and written: what the commands that ask have in common."""

import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kgdrug.cli.screen import err, out, print_answers, say
from kgdrug.errors import UsageError

if TYPE_CHECKING:
    from kgdrug.ranking import Answer
    from kgdrug.ranking.questions import Question
    from kgdrug.trained import ServedModel

Form = Annotated[
    Literal["table", "json", "jsonl", "csv", "tsv", "parquet", "xlsx"] | None,
    typer.Option("--format", help="Default: table, or what the name of --out says."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Write a file instead of printing.")]
SAID = 3  # warnings, where there are many


def form_of(form: str | None, out_file: Path | None, force: bool, forms: Sequence[str] = ()) -> str:
    """The form that is meant, by the file's name where it is not said; a UsageError where it cannot be written.

    forms: what a file may have, by default all.
    """
    from kgdrug.graph.store import refuse_existing
    from kgdrug.ranking.export import FILES_ALONE, FORMS

    forms = forms or FORMS
    if out_file is None:
        if form in FILES_ALONE:
            raise UsageError(f"--format {form} needs --out FILE")
        return form or "table"
    if form is None and out_file.suffix.removeprefix(".") in forms:
        form = out_file.suffix.removeprefix(".")
    if form in (None, "table"):
        raise UsageError(f"--out FILE needs --format {', '.join(forms[:-1])} or {forms[-1]}")
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
    questions: "Sequence[Question]" = (),
    narrowed: Sequence[str] = (),
) -> None:
    """Show or write the answers to many questions, each given with its words.

    questions: the same, to warn of those whose ranking is arbitrary, or to which training had no answer; narrowed: the
    options that left candidates out.
    """
    from kgdrug.ranking import about_model, write_all_answers

    about, asked, answered, without, likely = about_model(model, asked=questions), 0, 0, 0, False
    there = {"probability": model.calibrated is not None, "evidence": evidence}
    optional = [name for name, some in there.items() if some]

    def counted() -> "Iterator[tuple[str, Sequence[Answer]]]":
        nonlocal asked, answered, without, likely
        for text, answers in told:
            asked, answered, without = asked + 1, answered + len(answers), without + (not answers)
            likely = likely or _likely(answers)
            yield text, answers

    warn(about)
    if form == "table":
        for text, answers in counted():
            print_answers(text, answers, "--format csv")
            if not answers:
                out.print(none_left(narrowed))
    else:
        with tidy_end():
            write_all_answers(counted(), form, about, out_file or sys.stdout, force, optional)
    told_of(about, form, out_file, f"{answered:,} answers to {asked:,} questions", likely)
    if without and form != "table":
        err.print(f"of {without:,} of the questions {none_left(narrowed)}")


def tell_one(
    model: "ServedModel",
    text: str,
    answers: "Sequence[Answer]",
    form: str,
    out_file: Path | None,
    force: bool,
    questions: "Sequence[Question]" = (),
    narrowed: Sequence[str] = (),
) -> None:
    """Show or write the answers to one question; see `tell`."""
    from kgdrug.ranking import about_model, write_answers

    about = about_model(model, asked=questions, question=text)
    warn(about)
    if form == "table":
        print_answers(text, answers, "--format csv")
    else:
        write_answers(answers, form, about, out_file or sys.stdout, force)
    if not answers:
        (out if form == "table" else err).print(none_left(narrowed))
    told_of(about, form, out_file, f"{len(answers):,} answers", _likely(answers))


def warn(about: "Mapping[str, object]") -> None:
    """Say the first of the warnings on stderr, and how many more there are: JSON and files have all."""
    warnings = about.get("warnings", [])
    assert isinstance(warnings, list)
    for warning in warnings[:SAID]:
        err.print(f"WARNING: {warning}")
    if len(warnings) > SAID:
        err.print(f"WARNING: and {len(warnings) - SAID:,} more, all of which --format json has in `warnings`")


def none_left(narrowed: Sequence[str]) -> str:
    """That no candidate is left, and by which options."""
    return f"no candidate is left{' by ' if narrowed else ''}{', '.join(narrowed)}"


def _likely(answers: "Sequence[Answer]") -> bool:
    """Whether an answer has a probability."""
    return any(answer.probability is not None for answer in answers)


def told_of(about: "Mapping[str, object]", form: str, out_file: Path | None, what: str, likely: bool = False) -> None:
    """Say what was written, or what a table is of that was shown or printed; likely: what its probabilities mean."""
    from kgdrug.ranking.export import about_line
    from kgdrug.sources.sheets import SEPARATORS

    if out_file is not None:
        out.print(f"wrote {what} to {out_file}")
        return
    lines = [about_line(about)]
    if likely and "probability_means" in about:
        lines.insert(0, f"probability: {about['probability_means']}")
    for line in lines:
        if form == "table":
            say(line)
        elif form in SEPARATORS:
            err.print(f"# {line}")


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
