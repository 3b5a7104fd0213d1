"""Answers as text and files, each with what its numbers are of."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kgdrug.errors import UnknownNameError
from kgdrug.graph.store import fresh_file
from kgdrug.ranking.alike import Similar
from kgdrug.ranking.described import Answer, KnownFact, Noted
from kgdrug.ranking.paths import Evidence
from kgdrug.ranking.questions import Question
from kgdrug.sources.sheets import Column, Kind, about_text, sheet

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

COLUMNS = tuple(field.name for field in fields(Answer))
SOURCES = {"known": "known_sources", "annotations": "annotation_sources"}  # what tables have beside these columns
OPTIONAL = ("probability", "evidence")  # columns that not all answers have
NO_PATH = "no path of up to three steps joins the two, the fact that was asked about left aside"
NOTE = "research software: no medical advice"
FORMS = ("json", "jsonl", "csv", "tsv", "parquet", "xlsx")
FILES_ALONE = ("parquet", "xlsx")  # these forms are no text
MEANINGS = {
    "question": "what was asked, with ? for the answer",
    "rank": "from 1, among the answers asked for",
    "score": "the model's, comparable within a question only; no probability",
    "percentile": "share of all candidates of the question that score lower, in percent",
    "usual_percentile": "the candidate's mean percentile over the questions of this kind",
    "known": "facts of the graph about the pair, with the part of the split that holds each",
    "known_sources": "where the known facts of each metaedge are from, with the licence",
    "annotations": "what is known about the pair outside the graph's facts",
    "annotation_sources": "where each annotation is from, with its date and licence",
    "agreement": "share of the model's members that rank it as high as this, or among their own first 20",
    "probability": "that the graph holds the pair, by the model's calibration",
    "terms": "metapaths that raise the score most, and by how much",
    "evidence": "paths that join the two, of each metapath the best; supporting context, not proof",
    "vectors": "cosine of the two entities' vectors, from -1 to 1",
    "structure": "Tanimoto similarity of the two structures' Morgan fingerprints, from 0 to 1",
}
Record = Mapping[str, object]


def about_model(
    model: "TrainedModel | ServedModel", *, asked: Iterable[Question] = (), **first: object
) -> dict[str, object]:
    """What numbers of a model are of: itself, its graph, the licences of what it learned from, date and version.

    first: what stands before these, such as the question; asked: the questions themselves, of which `warnings` names
    those whose ranking is arbitrary, or to which training had no answer. `probability_means` stands where the model has
    a calibration. Licences: each with the metaedges that are under it, and `annotations` where there are any. Metaedges
    that training left out by `training.without` are told apart, in `licences_besides`: nothing was learned from them,
    but their facts may stand in `known` and `evidence`. The date is today's in UTC.
    """
    from kgdrug import __version__

    served = model.served
    graph = served.graph
    learned, besides = dict[str, list[str]](), dict[str, list[str]]()
    for r, metaedge in enumerate(graph.metaedges):
        licences = besides if r in served.hidden else learned
        licences.setdefault(metaedge.licence or "none stated", []).append(metaedge.abbreviation)
    for licence in sorted({a.licence or "none stated" for a in graph.annotations}):
        learned.setdefault(licence, []).append("annotations")
    warnings = list(filter(None, dict.fromkeys(served.warning(one.entity, one.relations) for one in asked)))
    return {
        **first,
        "model": served.name,
        "model_digest": served.digest,
        "graph": graph.name,
        "graph_digest": served.graph_digest,
        "licences": learned,
        **({"licences_besides": besides} if besides else {}),
        "date": datetime.now(UTC).date().isoformat(),
        "kgdrug": __version__,
        **({"probability_means": means} if (means := served.probability_means) else {}),
        "note": NOTE,
        **({"warnings": warnings} if warnings else {}),
    }


def about_line(about: Mapping[str, object]) -> str:
    """The same in one line, for what has no other room."""
    digests = {name: f"{about[name]} ({str(about[f'{name}_digest'])[:12]})" for name in ("model", "graph")}
    words = f"model {digests['model']}, graph {digests['graph']}, licences {about_text(about['licences'])}"
    if "licences_besides" in about:
        words += f", of known facts besides {about_text(about['licences_besides'])}"
    return f"{words}; {about['date']}, kgdrug {about['kgdrug']}, {about['note']}"


def as_record(answer: Answer) -> dict[str, object]:
    """The answer as JSON has it: without probability and evidence where it has none."""
    record = asdict(answer)
    for name in OPTIONAL:
        if record[name] is None:
            del record[name]
    return record


def columns_of(answers: Sequence[Answer]) -> list[str]:
    """The columns of a table of answers."""
    return _columns([name for name in OPTIONAL if any(getattr(a, name) is not None for a in answers)])


def flat_rows(answers: Sequence[Answer]) -> list[dict[str, object]]:
    """Answers as rows of plain values, for tables.

    `known` becomes text such as `CtD (train); CpD (train)`, with `known_sources` beside it, `annotations` such as
    `trial (CAPP2 2011)`, with `annotation_sources`, `terms` such as `CbGaD +1.20; CrCtD +0.85`, and `evidence` such as
    `CbGaD: Metformin -binds-> PRKAB1 <-associates- obesity`.
    """
    columns = columns_of(answers)
    return [_flat(a, columns) for a in answers]


def _flat(a: Answer, columns: Sequence[str]) -> dict[str, object]:
    texts = {
        "known": known_text(a.known),
        "known_sources": known_sources(a.known),
        "annotations": annotations_text(a.annotations),
        "annotation_sources": annotation_sources(a.annotations),
        "terms": "; ".join(f"{t.name} {t.contribution:+.2f}" for t in a.terms),
        "evidence": None if a.evidence is None else "; ".join(evidence_lines(a.evidence)),
    }
    return {column: texts[column] if column in texts else getattr(a, column) for column in columns}


def evidence_lines(evidence: Iterable[Evidence]) -> list[str]:
    """A line for each path: `CbGaD: Metformin -binds-> PRKAB1 <-associates- obesity`; one that says so if none is."""
    return [f"{one.metapath}: {path.text()}" for one in evidence for path in one.paths] or [NO_PATH]


def known_text(known: Iterable[KnownFact]) -> str:
    """Known facts as text: `CtD (train); CpD (train)`.

    Of a relation with a direction, within one type, it is said which way the fact goes from the question's entity:
    `Gr>G forward (train); Gr>G back (test)`.
    """
    return "; ".join(f"{fact.metaedge}{_direction(fact)} ({fact.part})" for fact in known)


def known_sources(known: Iterable[KnownFact]) -> str:
    """Where known facts are from: `CtD: PharmacotherapyDB 1.0 (CC0 1.0)`; nothing of those that say neither."""
    told = (_origin(f.metaedge, " ".join(filter(None, (f.source, f.version))), f.licence) for f in known)
    return "; ".join(filter(None, dict.fromkeys(told)))


def annotations_text(annotations: Iterable[Noted]) -> str:
    """Annotations as text: `trial (CAPP2 2011)`."""
    return "; ".join(f"{note.status} ({note.source})" for note in annotations)


def annotation_sources(annotations: Iterable[Noted]) -> str:
    """Where annotations are from, and of when: `trial: CAPP2 2011, 2011-10 (CC BY 4.0)`."""
    told = (_origin(n.status, ", ".join(filter(None, (n.source, n.date))), n.licence) for n in annotations)
    return "; ".join(filter(None, dict.fromkeys(told)))


def _origin(what: str, source: str, licence: str) -> str:
    if not source and not licence:
        return ""
    return f"{what}: {source or 'source not stated'} ({licence or 'licence not stated'})"


def _direction(fact: KnownFact) -> str:
    return f" {fact.direction}" if fact.direction in ("forward", "back") else ""


def write_answers(
    answers: Sequence[Answer], form: str, about: Mapping[str, object], out: str | Path | TextIO, force: bool = False
) -> None:
    """The answers to one question in one of FORMS.

    about: what they are of, see `about_model`. It is the head of a `json` object, the first line of `jsonl`, the
    metadata of `parquet`, a sheet of `xlsx`, and stands in a file beside a `csv` or `tsv`.
    """
    columns = [column_of(name, about) for name in columns_of(answers)]
    blocks = [([as_record(a) for a in answers], flat_rows(answers))]
    write_records(blocks, form, columns, about, out, force)


def write_similar(
    alike: Sequence[Similar], form: str, about: Mapping[str, object], out: str | Path | TextIO, force: bool = False
) -> None:
    """Entities that are like another one, in one of FORMS; see `write_answers`."""
    columns = [column_of(field.name) for field in fields(Similar)]
    records = [asdict(one) for one in alike]
    write_records([(records, records)], form, columns, about, out, force)


def write_all_answers(
    told: Iterable[tuple[str, Sequence[Answer]]],
    form: str,
    about: Mapping[str, object],
    out: str | Path | TextIO,
    force: bool = False,
    optional: Sequence[str] = (),
) -> None:
    """The answers to many questions, each with its question in words, as they come: no more than one's are held.

    optional: those of `probability` and `evidence` that the tables have a column for. JSON names them where they are.
    """
    columns = [column_of(name, about) for name in ("question", *_columns(optional))]
    blocks = (
        (
            [{"question": text, **as_record(a)} for a in answers],
            [{"question": text, **row} for row in flat_rows(answers)],
        )
        for text, answers in told
    )
    write_records(blocks, form, columns, about, out, force)


def write_records(
    blocks: Iterable[Sequence[Sequence[Record]]],
    form: str,
    columns: Sequence[Column],
    about: Mapping[str, object],
    out: str | Path | TextIO,
    force: bool = False,
) -> None:
    """What is told in blocks, of records for JSON and of rows of plain values for tables, in one of FORMS."""
    if form not in FORMS:
        raise UnknownNameError("form", form, choices=FORMS)
    if form in _JSON:
        with _text(out, force) as file:
            _JSON[form](file, about, (record for records, _ in blocks for record in records))
        return
    with sheet(out, form, columns, about, force) as write:
        for _, rows in blocks:
            write({column.name: [row.get(column.name) for row in rows] for column in columns})


def column_of(name: str, means: Mapping[str, object] | None = None) -> Column:
    """A column of answers, with what it means; of `rank` that is what `means` has as `rank_means`, if anything."""
    meaning = (means or {}).get(f"{name}_means", MEANINGS.get(name, ""))
    return Column(name, _KINDS.get(name, "text"), str(meaning))


def _columns(optional: Sequence[str]) -> list[str]:
    own = (column for column in COLUMNS if column not in OPTIONAL or column in optional)
    return [name for column in own for name in (column, *([SOURCES[column]] if column in SOURCES else []))]


def _kind(annotation: object) -> Kind:
    return "whole" if annotation is int else "number" if annotation in (float, float | None) else "text"


_KINDS = {field.name: _kind(field.type) for told in (Answer, Similar) for field in fields(told)}


@contextmanager
def _text(out: str | Path | TextIO, force: bool) -> Iterator[TextIO]:
    """A stream, or a file that has its name when all is written."""
    if not isinstance(out, str | Path):
        yield out
        return
    with fresh_file(Path(out), force) as path, path.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def _write_json(file: TextIO, about: Mapping[str, object], records: Iterable[Record]) -> None:
    """As `json.dumps` would write the whole object, record by record."""
    file.write(json.dumps({**about, "answers": []}, indent=2, ensure_ascii=False).removesuffix("]\n}"))
    before, end = "\n", "]\n}\n"
    for record in records:
        file.write(before + "    " + json.dumps(record, indent=2, ensure_ascii=False).replace("\n", "\n    "))
        before, end = ",\n", "\n  ]\n}\n"
    file.write(end)


def _write_jsonl(file: TextIO, about: Mapping[str, object], records: Iterable[Record]) -> None:
    for record in chain([{"about": dict(about)}], records):
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


_JSON = {"json": _write_json, "jsonl": _write_jsonl}
