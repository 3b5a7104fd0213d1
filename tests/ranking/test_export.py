"""Answers as files, read back with the tools people read them with."""

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from kgdrug.models import Term
from kgdrug.ranking import Answer, KnownFact, flat_rows, write_answers

ABOUT = {"question": "? treats Sjögren's syndrome", "model": "small"}
ANSWERS = [
    Answer(
        1,
        "Compound::DB01611",
        'Hydroxychloroquine, "HCQ"',
        "Compound",
        5.0999999046325684,
        100.0,
        (KnownFact("CtD", "treats", "train"), KnownFact("CpD", "palliates", "withheld")),
    ),
    Answer(2, "Compound::DB01085", "Pilocarpine", "Compound", -0.1, 100 / 3, ()),
]
OF_MEMBERS = [replace(a, agreement=share) for a, share in zip(ANSWERS, (1.0, 0.4), strict=True)]


def test_json_holds_the_question_and_every_answer_whole(tmp_path: Path) -> None:
    text = write_answers(ANSWERS, "json", ABOUT, tmp_path / "a.json")
    read = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert read == json.loads(text)
    assert {key: read[key] for key in ABOUT} == ABOUT
    assert "Sjögren" in text  # not as \\u escapes
    facts = [tuple(KnownFact(**fact) for fact in a.pop("known")) for a in read["answers"]]
    assert [a.pop("terms") for a in read["answers"]] == [[], []]
    assert [Answer(**a, known=known) for a, known in zip(read["answers"], facts, strict=True)] == ANSWERS


def test_jsonl_holds_one_answer_a_line(tmp_path: Path) -> None:
    text = write_answers(ANSWERS, "jsonl", ABOUT, tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert text.splitlines() == lines
    assert [json.loads(line) for line in lines] == json.loads(json.dumps([asdict(a) for a in ANSWERS]))


def test_csv_reads_back_to_the_same_rows(tmp_path: Path) -> None:
    text = write_answers(ANSWERS, "csv", ABOUT, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert text == (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert rows == [{**{key: str(value) for key, value in row.items()}, "agreement": ""} for row in flat_rows(ANSWERS)]
    assert [float(row["score"]) for row in rows] == [a.score for a in ANSWERS]  # no digit is lost


def test_the_agreement_of_members_is_in_every_form(tmp_path: Path) -> None:
    import pandas

    write_answers(OF_MEMBERS, "parquet", ABOUT, tmp_path / "a.parquet")
    assert pandas.read_parquet(tmp_path / "a.parquet").to_dict("records") == flat_rows(OF_MEMBERS)
    assert [a["agreement"] for a in json.loads(write_answers(OF_MEMBERS, "json", ABOUT))["answers"]] == [1.0, 0.4]
    rows = csv.DictReader(write_answers(OF_MEMBERS, "csv", ABOUT).splitlines())
    assert [row["agreement"] for row in rows] == ["1.0", "0.4"]


def test_parquet_reads_back_to_the_same_rows(tmp_path: Path) -> None:
    import pandas

    assert write_answers(ANSWERS, "parquet", ABOUT, tmp_path / "a.parquet") == ""
    assert pandas.read_parquet(tmp_path / "a.parquet").to_dict("records") == flat_rows(ANSWERS)


def test_known_facts_become_readable_text() -> None:
    assert [row["known"] for row in flat_rows(ANSWERS)] == ["CtD (train); CpD (withheld)", ""]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "parquet"])
def test_no_answers_are_still_a_file_that_reads(tmp_path: Path, form: str) -> None:
    import pandas

    path = tmp_path / "none"
    write_answers([], form, ABOUT, path)
    match form:
        case "json":
            assert json.loads(path.read_text()) == {**ABOUT, "answers": []}
        case "jsonl":
            assert path.read_text() == ""
        case "csv":
            assert path.read_text() == "rank,id,name,type,score,percentile,known,agreement,terms\n"
        case "parquet":
            table = pandas.read_parquet(path)
            assert len(table) == 0
            assert list(table.columns) == [
                "rank",
                "id",
                "name",
                "type",
                "score",
                "percentile",
                "known",
                "agreement",
                "terms",
            ]


def test_terms_are_in_every_form() -> None:
    answers = [replace(ANSWERS[0], terms=(Term("CbGaD", 1.2), Term("CrCtD", 0.851))), ANSWERS[1]]
    assert [row["terms"] for row in flat_rows(answers)] == ["CbGaD +1.20; CrCtD +0.85", ""]
    read = json.loads(write_answers(answers, "json", ABOUT))["answers"]
    assert read[0]["terms"] == [{"name": "CbGaD", "contribution": 1.2}, {"name": "CrCtD", "contribution": 0.851}]
