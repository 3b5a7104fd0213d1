"""Files of questions."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from kgdrug.errors import BadInputError, UsageError, did_you_mean
from kgdrug.graph import KnowledgeGraph
from kgdrug.ranking.questions import Question, question

KEYS = ("disease", "compound", "head", "tail", "relation")


def read_questions(path: str | Path, graph: KnowledgeGraph) -> list[Question]:
    """The questions of a file, in its order; one that cannot be asked is a BadInputError with its line.

    A `.jsonl` file has an object with some of KEYS in each line, any other is a table, tab-separated (or `.csv`), whose
    header names some of KEYS among other columns, and an empty field asks for nothing. See `question`.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    given = _of_lines(path) if path.suffix in (".jsonl", ".ndjson") else _of_table(path)
    asked = []
    for line, one in given:
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
        except ValueError:
            one = None
        if not isinstance(one, dict) or not all(isinstance(value, str) for value in one.values()):
            raise BadInputError(path, 'is no question, such as {"disease": "asthma"}', number)
        wrong = next((key for key in one if key not in KEYS), None)
        if wrong is not None:
            raise BadInputError(path, f"unknown key {wrong}{did_you_mean(wrong, KEYS)}", number)
        yield number, one


def _of_table(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    from kgdrug.sources.reading import Reading, header_fields, read_table, separator_of

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
