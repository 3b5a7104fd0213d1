"""Answers as text and files."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from kgdrug.ranking.answers import Answer

COLUMNS = ("rank", "id", "name", "type", "score", "percentile", "known", "agreement", "terms")


def flat_rows(answers: Sequence[Answer]) -> list[dict[str, object]]:
    """Answers as rows of plain values, for tables.

    `known` becomes text such as `CtD (train); CpD (train)`, and `terms` such as `CbGaD +1.20; CrCtD +0.85`.
    """
    return [
        asdict(a)
        | {"known": "; ".join(f"{f.metaedge} ({f.part})" for f in a.known)}
        | {"terms": "; ".join(f"{t.name} {t.contribution:+.2f}" for t in a.terms)}
        for a in answers
    ]


def write_answers(answers: Sequence[Answer], form: str, about: Mapping[str, object], path: Path | None = None) -> str:
    """Answers as `json` (an object with `about` and the answers), `jsonl`, `csv` or `parquet`.

    With a path the file is written; the text is returned, empty for parquet, which is for files only.
    """
    if form == "parquet":
        from kgdrug.graph.views import frame

        assert path is not None
        frame(flat_rows(answers), COLUMNS).to_parquet(path, index=False)
        return ""
    if form == "json":
        text = json.dumps({**about, "answers": [asdict(a) for a in answers]}, indent=2, ensure_ascii=False) + "\n"
    elif form == "jsonl":
        text = "".join(json.dumps(asdict(a), ensure_ascii=False) + "\n" for a in answers)
    else:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat_rows(answers))
        text = buffer.getvalue()
    if path is not None:
        path.write_text(text, encoding="utf-8")
    return text
