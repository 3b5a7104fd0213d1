"""Answers as files, read back with the tools people read them with."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas
import pyarrow.parquet
import pytest

from kgdrug import Run, __version__, with_calibration
from kgdrug.config import TrainingConfig
from kgdrug.errors import UsageError
from kgdrug.graph import Annotation
from kgdrug.models import Term
from kgdrug.ranking import (
    Answer,
    KnownFact,
    Noted,
    about_model,
    as_record,
    flat_rows,
    predict,
    question,
    write_all_answers,
    write_answers,
)
from kgdrug.ranking.export import about_line
from kgdrug.trained import TrainedModel

ABOUT = {
    "question": "? treats Sjögren's syndrome",
    "model": "small",
    "licences": {"CC0 1.0": ["CbG", "CtD"]},
    "note": "no medical advice",
}
ANSWERS = [
    Answer(
        1,
        "Compound::DB01611",
        'Hydroxychloroquine, "HCQ"',
        "Compound",
        5.0999999046325684,
        100.0,
        97.5,
        (KnownFact("CtD", "treats", "train"), KnownFact("CpD", "palliates", "withheld")),
    ),
    Answer(2, "Compound::DB01085", "Pilocarpine", "Compound", -0.1, 100 / 3, 50.0),
]
COLUMNS = [
    "rank", "id", "name", "type", "score", "percentile", "usual_percentile", "known", "known_sources", "annotations",
    "annotation_sources", "agreement", "terms",
]  # fmt: skip
OF_MEMBERS = [replace(a, agreement=share) for a, share in zip(ANSWERS, (1.0, 0.4), strict=True)]


FORMATS = ("json", "jsonl", "csv", "tsv", "parquet", "xlsx")
SEVERAL = [("? treats asthma", ANSWERS), ("? treats pain", []), ("\u2028 treats ?", ANSWERS[1:])]


def printed(answers: list[Answer], form: str) -> str:
    stream = io.StringIO()
    write_answers(answers, form, ABOUT, stream)
    return stream.getvalue()


def read_parquet(path: Path) -> list[dict[str, object]]:
    return pyarrow.parquet.read_table(path).to_pylist()


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv"])
def test_what_is_printed_is_what_a_file_has(tmp_path: Path, form: str) -> None:
    write_answers(ANSWERS, form, ABOUT, tmp_path / "a")
    assert (tmp_path / "a").read_text(encoding="utf-8") == printed(ANSWERS, form)


def test_a_form_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    words = r"unknown form 'xyz'; choose from json, jsonl, csv, tsv, parquet, xlsx"
    for out in (tmp_path / "a", io.StringIO()):
        with pytest.raises(UsageError, match=words):
            write_answers([], "xyz", ABOUT, out)
    with pytest.raises(UsageError, match="unknown form 'xls'; did you mean xlsx"):
        write_all_answers(SEVERAL, "xls", ABOUT, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_json_holds_the_question_and_every_answer_whole() -> None:
    text = printed(ANSWERS, "json")
    read = json.loads(text)
    assert {key: read[key] for key in ABOUT} == ABOUT
    assert "Sjögren" in text  # not as \\u escapes
    assert text == json.dumps(read, indent=2, ensure_ascii=False) + "\n"
    facts = [tuple(KnownFact(**fact) for fact in a.pop("known")) for a in read["answers"]]
    notes = [tuple(Noted(**note) for note in a.pop("annotations")) for a in read["answers"]]
    assert [a.pop("terms") for a in read["answers"]] == [[], []]
    rest = zip(read["answers"], facts, notes, strict=True)
    assert [Answer(**a, known=known, annotations=noted) for a, known, noted in rest] == ANSWERS


def test_jsonl_holds_what_they_are_of_and_then_one_answer_a_line() -> None:
    about, *lines = (json.loads(line) for line in printed(ANSWERS, "jsonl").splitlines())
    assert about == {"about": ABOUT}
    assert lines == json.loads(json.dumps([as_record(a) for a in ANSWERS]))


def test_csv_reads_back_to_the_same_rows() -> None:
    rows = list(csv.DictReader(printed(ANSWERS, "csv").splitlines()))
    expected = [{key: "" if value is None else str(value) for key, value in row.items()} for row in flat_rows(ANSWERS)]
    assert rows == expected
    assert [float(row["score"]) for row in rows] == [a.score for a in ANSWERS]  # no digit is lost


def test_parquet_reads_back_to_the_same_rows_with_a_type_for_every_column(tmp_path: Path) -> None:
    write_answers(ANSWERS, "parquet", ABOUT, tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet") == flat_rows(ANSWERS)
    types = pandas.read_parquet(tmp_path / "a.parquet").dtypes.astype(str)
    assert [types[name] for name in ("rank", "score", "percentile", "agreement")] == ["int64", *["float64"] * 3]


def test_excel_reads_back_to_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    openpyxl = pytest.importorskip("openpyxl")
    write_answers(ANSWERS, "xlsx", ABOUT, tmp_path / "a.xlsx")
    header, *rows = openpyxl.load_workbook(tmp_path / "a.xlsx")["table"].iter_rows(values_only=True)
    expected = [[None if value == "" else value for value in row.values()] for row in flat_rows(ANSWERS)]
    assert list(header) == COLUMNS
    for row, values in zip(rows, expected, strict=True):
        assert list(row) == [pytest.approx(v, rel=1e-15) if isinstance(v, float) else v for v in values]


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_says_what_the_answers_are_of(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    if form == "xlsx":
        pytest.importorskip("xlsxwriter")
        openpyxl = pytest.importorskip("openpyxl")
    write_answers(ANSWERS, form, ABOUT, path)
    match form:
        case "json":
            about = json.loads(path.read_text())
        case "jsonl":
            about = json.loads(path.read_text().splitlines()[0])["about"]
        case "csv" | "tsv":
            (about,) = json.loads((tmp_path / f"a.{form}-metadata.json").read_text())["notes"]
        case "parquet":
            about = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"kgdrug"])
        case "xlsx":
            about = {row[0].value: row[1].value for row in openpyxl.load_workbook(path)["about"].iter_rows()}
            about["licences"] = {"CC0 1.0": about["licences"].removeprefix("CC0 1.0: ").split(", ")}
    assert {key: about[key] for key in ABOUT} == ABOUT


def test_the_agreement_of_members_is_in_every_form(tmp_path: Path) -> None:
    write_answers(OF_MEMBERS, "parquet", ABOUT, tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet") == flat_rows(OF_MEMBERS)
    assert [a["agreement"] for a in json.loads(printed(OF_MEMBERS, "json"))["answers"]] == [1.0, 0.4]
    rows = csv.DictReader(printed(OF_MEMBERS, "csv").splitlines())
    assert [row["agreement"] for row in rows] == ["1.0", "0.4"]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "parquet"])
def test_answers_to_many_questions_name_their_question(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    write_all_answers(iter(SEVERAL), form, ABOUT, path)
    expected = [(text, a.id, a.score) for text, answers in SEVERAL for a in answers]
    match form:
        case "json":
            rows = json.loads(path.read_text(encoding="utf-8"))["answers"]
            assert rows == json.loads(
                json.dumps([{"question": q, **as_record(a)} for q, answers in SEVERAL for a in answers])
            )
        case "jsonl":
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[1:-1]]
        case "csv":
            rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
            assert list(rows[0]) == ["question", *COLUMNS]
        case "parquet":
            rows = read_parquet(path)
    assert [(row["question"], row["id"], float(row["score"])) for row in rows] == expected


def test_no_more_than_one_question_s_answers_are_held() -> None:
    alive = 0

    class Counted(list):
        def __init__(self) -> None:
            nonlocal alive
            alive += 1
            assert alive <= 2  # the one that is written, and the one that comes
            super().__init__(ANSWERS)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    for form in ("json", "csv"):
        write_all_answers((("?", Counted()) for _ in range(20)), form, ABOUT, io.StringIO())


def test_probabilities_of_many_questions_are_where_they_are_asked_for() -> None:
    told = [("a", ANSWERS), ("b", [replace(ANSWERS[0], probability=0.25)])]
    for optional in (("probability",), ()):
        stream = io.StringIO()
        write_all_answers(told, "csv", ABOUT, stream, optional=optional)
        rows = list(csv.DictReader(stream.getvalue().splitlines()))
        assert [row.get("probability") for row in rows] == (["", "", "0.25"] if optional else [None] * 3)


def test_known_facts_become_readable_text() -> None:
    assert [row["known"] for row in flat_rows(ANSWERS)] == ["CtD (train); CpD (withheld)", ""]


def test_annotations_become_readable_text() -> None:
    noted = replace(ANSWERS[0], annotations=(Noted("trial", "CAPP2 2011"), Noted("refuted", "PANTHER-IPF 2014")))
    assert [row["annotations"] for row in flat_rows([noted])] == ["trial (CAPP2 2011); refuted (PANTHER-IPF 2014)"]


def test_tables_say_where_known_facts_and_annotations_are_from(tmp_path: Path) -> None:
    known = (
        KnownFact("CtD", "treats", "train", "CC0 1.0", "PharmacotherapyDB", "1.0"),
        KnownFact("CtD", "treats", "test", "CC0 1.0", "PharmacotherapyDB", "1.0"),
        KnownFact("CpD", "palliates", "train", "", "DrugBank"),
        KnownFact("CiD", "indicated for", "train", "CC BY 4.0, in part none stated"),
        KnownFact("CuD", "used for", "train"),
    )
    notes = (
        Noted("trial", "CAPP2 2011", "CC BY 4.0", "2011-10"),
        Noted("refuted", "PANTHER-IPF 2014"),
        Noted("approved", "label", "CC0 1.0"),
    )
    answers = [replace(ANSWERS[0], known=known, annotations=notes), ANSWERS[1]]
    sources = [
        "CtD: PharmacotherapyDB 1.0 (CC0 1.0); CpD: DrugBank (licence not stated); "
        "CiD: source not stated (CC BY 4.0, in part none stated)",
        "",
    ]
    noted = [
        "trial: CAPP2 2011, 2011-10 (CC BY 4.0); refuted: PANTHER-IPF 2014 (licence not stated); "
        "approved: label (CC0 1.0)",
        "",
    ]
    for form, read in (
        ("csv", lambda path: list(csv.DictReader(path.read_text().splitlines()))),
        ("tsv", lambda path: list(csv.DictReader(path.read_text().splitlines(), delimiter="\t"))),
        ("parquet", read_parquet),
    ):
        write_answers(answers, form, ABOUT, tmp_path / f"a.{form}")
        rows = read(tmp_path / f"a.{form}")
        assert [row["known_sources"] for row in rows] == sources
        assert [row["annotation_sources"] for row in rows] == noted
        assert rows[0]["known"].startswith("CtD (train); CtD (test); CpD (train)")


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "parquet"])
def test_no_answers_are_still_a_file_that_reads(tmp_path: Path, form: str) -> None:
    path = tmp_path / "none"
    write_answers([], form, ABOUT, path)
    match form:
        case "json":
            assert json.loads(path.read_text()) == {**ABOUT, "answers": []}
            assert path.read_text() == json.dumps({**ABOUT, "answers": []}, indent=2, ensure_ascii=False) + "\n"
        case "jsonl":
            assert json.loads(path.read_text()) == {"about": ABOUT}
        case "csv":
            assert path.read_text() == ",".join(COLUMNS) + "\n"
        case "parquet":
            table = pandas.read_parquet(path)
            assert len(table) == 0
            assert list(table.columns) == COLUMNS


def test_terms_are_in_every_form() -> None:
    answers = [replace(ANSWERS[0], terms=(Term("CbGaD", 1.2), Term("CrCtD", 0.851))), ANSWERS[1]]
    assert [row["terms"] for row in flat_rows(answers)] == ["CbGaD +1.20; CrCtD +0.85", ""]
    read = json.loads(printed(answers, "json"))["answers"]
    assert read[0]["terms"] == [{"name": "CbGaD", "contribution": 1.2}, {"name": "CrCtD", "contribution": 0.851}]


def test_a_probability_is_named_only_where_there_is_one() -> None:
    likely = [replace(ANSWERS[0], probability=0.25), ANSWERS[1]]
    assert [row["probability"] for row in flat_rows(likely)] == [0.25, None]
    assert "probability" in printed(likely, "csv")
    for form in ("json", "jsonl", "csv"):
        assert "probability" not in printed(ANSWERS, form)


def test_a_file_says_what_its_probabilities_are_of(trained_run: Run, tmp_path: Path) -> None:
    assert "probability_means" not in about_model(trained_run.model)
    model = with_calibration(trained_run.model)
    assert model.calibrated
    share = f"{100 * model.calibrated.curve.share:.3g} %"
    means = f"that the graph holds the pair, among pairs of which {share} are treatments; not that it works"
    about = about_model(model)
    assert about["probability_means"] == means
    write_answers(predict(model, disease="asthma", top=2), "csv", about, tmp_path / "a.csv")
    described = json.loads((tmp_path / "a.csv-metadata.json").read_text())
    columns = {column["titles"]: column.get("dc:description") for column in described["tableSchema"]["columns"]}
    assert columns["probability"] == described["notes"][0]["probability_means"] == means
    assert columns["rank"] == "from 1, among the answers asked for"


def test_what_answers_are_of_names_the_questions_whose_ranking_is_arbitrary(trained_run: Run) -> None:
    model = trained_run.model
    asked = [question(model.graph, compound=name) for name in ("Sucralfate", "Metformin", "Sucralfate")]
    about = about_model(model, asked=asked)
    assert about["warnings"] == [
        "Sucralfate (Compound::DB00364) stands in no training triple: this ranking is arbitrary"
    ]
    assert "warnings" not in about_model(model, asked=asked[1:2])


@pytest.mark.parametrize("without", ["CwD", "cwd", " CWD ", "Wonders"])
def test_what_numbers_of_a_model_are_of(make: Callable[..., TrainedModel], without: str) -> None:
    relations = {"CpD": "palliates", "CtD": "treats", "CuD": "used for", "CwD": "wonders"}
    metaedges = {name: ("Compound", relation, "Disease") for name, relation in relations.items()}
    entities = {"Compound": ["Compound::a"], "Disease": ["Disease::d"]}
    model = make(entities, metaedges, {("Compound::a", "CtD", "Disease::d"): "train"}, ("CtD",))
    licences = ("CC0 1.0", "CC BY 4.0", "", "secret")
    edges = tuple(replace(e, licence=text) for e, text in zip(model.graph.metaedges, licences, strict=True))
    graph = replace(model.graph, metaedges=edges, annotations=(Annotation(0, 1, "trial", "X", "CC BY 4.0"),))
    model = replace(
        model,
        split=replace(model.split, graph=graph),
        experiment=replace(model.experiment, training=TrainingConfig(without=(without,))),
        digest="ab" * 32,
    )
    about = about_model(model, question="? treats d")
    assert list(about) == [
        "question", "model", "model_digest", "graph", "graph_digest", "licences", "licences_besides", "date",
        "kgdrug", "note",
    ]  # fmt: skip
    assert about["licences"] == {"CC0 1.0": ["CpD"], "CC BY 4.0": ["CtD", "annotations"], "none stated": ["CuD"]}
    assert about["licences_besides"] == {"secret": ["CwD"]}  # whose facts answers hold all the same
    assert (about["model_digest"], about["graph_digest"]) == ("ab" * 32, graph.digest)
    assert (about["kgdrug"], about["note"]) == (__version__, "research software: no medical advice")
    assert pandas.Timestamp(about["date"])
    line = about_line(about)
    for words in (
        "model plain (abababababab)",
        f"graph plain ({graph.digest[:12]})",
        "CC BY 4.0: CtD",
        "besides secret: CwD",
        "no medical",
    ):
        assert words in line
    everything = replace(model, experiment=replace(model.experiment, training=TrainingConfig()))
    assert "licences_besides" not in about_model(everything)
    assert "besides" not in about_line(about_model(everything))
