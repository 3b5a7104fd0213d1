"""Files of questions."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from kgdrug.errors import BadInputError, UsageError, close_words
from kgdrug.graph import KnowledgeGraph
from kgdrug.ranking.questions import Question, question

KEYS = ("disease", "compound", "head", "tail", "relation")
# what is said once for all questions of a file, as a service's questions and the library call it: the option
OPTIONS = {
    **{word: f"--{word}" for word in ("top", "novel", "approved", "smarts", "only", "exclude", "evidence")},
    **{"class": "--class", "classes": "--class", "target": "--target", "targets": "--target"},
}


def read_questions(path: str | Path, graph: KnowledgeGraph) -> list[Question]:
    """The questions of a file, in its order; one that cannot be asked is a BadInputError with its line.

    A `.jsonl` file has an object with some of KEYS in each line, any other is a table, tab-separated (or `.csv`), whose
    header names some of KEYS among other columns, and an empty field asks for nothing; a pipe is one as well. See
    `question`.
    """
    from kgdrug.sources.pipes import reread

    path, asked = Path(path), []
    with reread(path) as file:
        for line, one in _of_lines(file) if path.suffix in (".jsonl", ".ndjson") else _of_table(file):
            try:
                asked.append(question(graph, **one))
            except UsageError as error:
                raise BadInputError(path, str(error), line) from None
    return asked


def _of_lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    from kgdrug.sources.reading import read_utf8

    for number, line in enumerate(read_utf8(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except ValueError as error:
            raise BadInputError(path, f"is not JSON: {getattr(error, 'msg', error)}", number) from None
        wrong = _wrong(one)
        if wrong:
            raise BadInputError(path, wrong, number)
        yield number, one


def _wrong(one: object) -> str:
    """What makes of JSON no question, or nothing."""
    if not isinstance(one, dict):
        return 'is no question, such as {"disease": "asthma"}'
    for key, value in one.items():
        if key in OPTIONS:
            return f"{key} is no key of a question but an option, for all questions: {OPTIONS[key]}"
        if key not in KEYS:
            close = next(iter(close_words(key, [*KEYS, *OPTIONS])), None)
            if close is None:
                return f"unknown key {key}; a question has {', '.join(KEYS[:-1])} or {KEYS[-1]}"
            meant = f"{OPTIONS[close]}, an option for all questions" if close in OPTIONS else close
            return f"unknown key {key}; did you mean {meant}?"
        if not isinstance(value, str):
            came = json.dumps(value, ensure_ascii=False)
            return f'{key} is {came}, which is no text; a question is such as {{"disease": "asthma"}}'
    return ""


def _of_table(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    from kgdrug.sources.bad_lines import Reading
    from kgdrug.sources.lines import separator_of
    from kgdrug.sources.reading import header_fields, read_table

    separator = separator_of(path)
    header = header_fields(path, separator)
    if not set(header) & set(KEYS) - {"relation"}:
        words = ", ".join(KEYS[:-1])
        raise BadInputError(path, f"the first line should name one of {words}; it is: {' '.join(header)}", 1)
    table = read_table(path, Reading(), (), header, header=True, separator=separator)
    for row in table.iter_rows(named=True):
        given = {key: row[key] for key in KEYS if row.get(key, "").strip()}
        if given or any(value for key, value in row.items() if key != "line"):  # an empty line is passed over
            yield row["line"], given
