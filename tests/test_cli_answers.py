"""Commands that ask a model and write what it says, by hand."""

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import networkx
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import kgdrug
from kgdrug import Run
from kgdrug.ranking.asked import OPTIONS

Kgdrug = Callable[..., SimpleNamespace]


def refused(done: SimpleNamespace, *parts: str, code: int = 2) -> None:
    """Checks an error: exit code, one or two plain lines on stderr that hold the parts, nothing on stdout."""
    assert (done.code, done.out) == (code, "")
    assert 1 <= len(done.err.splitlines()) <= 2, done.err
    for part in ("kgdrug: ", *parts):
        assert part in done.err
    assert "unexpected" not in done.err


# many questions


QUESTIONS = ({"disease": "asthma"}, {"compound": "Metformin"}, {"disease": "Disease::DOID:6364"})


@pytest.fixture
def questions(bare: Path) -> dict[str, Path]:
    """The same questions in every form that a file of questions has."""
    texts = {
        "q.jsonl": "\n".join(map(json.dumps, QUESTIONS)) + "\n\n",
        "q.tsv": "disease\tcompound\tnote\nasthma\t\tmine\n\tMetformin\t\n\nDisease::DOID:6364\t\t\n",
        "q.csv": 'note,compound,disease\n"a, b",,asthma\n,Metformin,\n,,Disease::DOID:6364\n',
    }
    for name, text in texts.items():
        (bare / name).write_text(text)
    return {name: bare / name for name in texts}


def test_answers_are_told_with_the_paths_that_join_them(
    kg: Kgdrug, trained_run: Run, questions: dict[str, Path]
) -> None:
    asked = ("predict", trained_run.folder, "--disease", "asthma", "--top", "3", "--evidence", "2")
    expected = kgdrug.predict(trained_run.model, disease="asthma", top=3, evidence=2)
    lines = [f"{e.metapath}: {e.paths[0].text()}" for a in expected for e in a.evidence or ()]
    assert lines
    table = " ".join(kg(*asked).out.split())
    for line in lines:
        assert line.split(" ", 1)[0] in table
    told = json.loads(kg(*asked, "--format", "json").out)["answers"]
    assert [[e["metapath"] for e in a["evidence"]] for a in told] == [
        [e.metapath for e in a.evidence] for a in expected
    ]
    rows = list(csv.DictReader(kg(*asked, "--format", "csv").out.splitlines()))
    assert [row["evidence"] for row in rows] == ["; ".join(lines[i : i + 2]) for i in range(0, len(lines), 2)]
    many = ("predict", trained_run.folder, "--questions", questions["q.tsv"], "--top", "3")
    kg(*many, "--evidence", "2", "--out", "with.csv")
    assert next(csv.DictReader(Path("with.csv").read_text().splitlines()))["evidence"] == rows[0]["evidence"]
    kg(*many, "--out", "without.csv")
    assert "evidence" not in Path("without.csv").read_text().splitlines()[0]


@pytest.mark.parametrize("name", ["q.jsonl", "q.tsv", "q.csv"])
def test_a_file_of_questions_is_answered_question_by_question(
    kg: Kgdrug, trained_run: Run, questions: dict[str, Path], name: str
) -> None:
    done = kg("predict", trained_run.folder, "--questions", questions[name], "--top", "3", "--out", "answers.csv")
    assert (done.code, done.err) == (0, "")
    assert done.out == "wrote 9 answers to 3 questions to answers.csv\n"
    rows = list(csv.DictReader(Path("answers.csv").read_text().splitlines()))
    expected = [
        (kgdrug.question(trained_run.model.graph, **asked).text(trained_run.model.graph), str(a.rank), a.id)
        for asked in QUESTIONS
        for a in kgdrug.predict(trained_run.model, **asked, top=3)
    ]
    assert [(row["question"], row["rank"], row["id"]) for row in rows] == expected


def test_a_file_of_questions_is_shown_as_tables(kg: Kgdrug, trained_run: Run, questions: dict[str, Path]) -> None:
    done = kg("predict", trained_run.folder, "--questions", questions["q.tsv"], "--top", "1")
    for words in ("? treats asthma", "Metformin treats ?", "? treats migraine", "no medical advice"):
        assert done.out.count(words) == 1


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("q.tsv", "disease\nasthma\nastma\n", "q.tsv, line 3: unknown disease 'astma'; did you mean asthma"),
        ("q.tsv", "disease\tcompound\nasthma\tMetformin\n", "line 2: give one of disease, compound, head or tail"),
        ("q.tsv", "disease\tnote\n\tx\n", "line 2: give one of disease, compound, head or tail; none came"),
        (
            "q.tsv",
            "name\nasthma\n",
            "line 1: the first line should name one of disease, compound, head, tail; it is: n",
        ),
        ("q.jsonl", '{"disease": "asthma"}\n{"diseas": "x"}\n', "line 2: unknown key diseas; did you mean disease?"),
        (
            "q.jsonl",
            '{"disease": 3}\n',
            'q.jsonl, line 1: disease is 3, which is no text; a question is such as {"disease": "asthma"}',
        ),
        ("q.jsonl", '\n["asthma"]\n', 'q.jsonl, line 2: is no question, such as {"disease": "asthma"}'),
        ("q.jsonl", "\n[1\n", "q.jsonl, line 2: is not JSON: Expecting ',' delimiter"),
        ("q.jsonl", f'{{"disease": {"9" * 5000}}}\n', "q.jsonl, line 1: is not JSON: Exceeds the limit"),
        (
            "q.jsonl",
            '{"disease": "asthma", "topp": 1}\n',
            "q.jsonl, line 1: unknown key topp; did you mean --top, an option for all questions?",
        ),
        (
            "q.jsonl",
            '{"xyz": 1, "disease": "asthma"}\n',
            "line 1: unknown key xyz; a question has disease, compound, head, tail or relation",
        ),
        ("q.csv", "head,relation\nMetformin,CtX\n", "line 2: unknown relation 'CtX'"),
    ],
)
def test_a_question_that_cannot_be_asked_names_its_line(
    kg: Kgdrug, trained_run: Run, bare: Path, name: str, text: str, part: str
) -> None:
    (bare / name).write_text(text)
    refused(kg("predict", trained_run.folder, "--questions", name, "--out", "a.csv"), part, code=1)
    assert [p.name for p in bare.iterdir()] == [name]


def test_what_is_an_option_is_said_to_be_one_where_it_stands_in_a_question(
    kg: Kgdrug, trained_run: Run, bare: Path
) -> None:
    known = set(re.findall(r"^  (--[a-z]+)", kg("predict", "--help").out, re.M))
    assert known >= set(OPTIONS.values())
    for word, option in OPTIONS.items():
        (bare / "q.jsonl").write_text(json.dumps({"disease": "asthma", word: 1}) + "\n")
        done = kg("predict", trained_run.folder, "--questions", "q.jsonl")
        message = f"q.jsonl, line 1: {word} is no key of a question but an option, for all questions: {option}"
        refused(done, message, code=1)


@pytest.mark.parametrize("option", ["--only", "--exclude"])
def test_a_listed_name_that_is_unknown_is_named_with_its_file_and_line(
    kg: Kgdrug, trained_run: Run, questions: dict[str, Path], bare: Path, option: str
) -> None:
    (bare / "mine.txt").write_text("Lisinopril\n\n Metformine \nLisinopril\n")
    (bare / "several.txt").write_text("Lisinopril\nLisinopril, Metformin\n")
    words = ("predict", trained_run.folder, option)
    message = "mine.txt, line 3: unknown Compound 'Metformine'; did you mean Metformin"
    refused(kg(*words, "@mine.txt", "--disease", "asthma"), message, code=1)
    refused(kg(*words, "@mine.txt", "--questions", questions["q.tsv"], "--out", "a.csv"), message, code=1)
    assert not (bare / "a.csv").exists()
    named = kg(*words, "@several.txt", "--disease", "asthma")
    refused(named, "several.txt, line 2: unknown Compound 'Lisinopril, Metformin': give each name by itself", code=1)
    given = kg(*words, "Metformine", option, "@mine.txt", "--disease", "asthma")
    refused(given, "kgdrug: unknown Compound 'Metformine'")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", ""), "--only '' holds no name"),
        (("--only", " "), "--only ' ' holds no name"),
        (("--exclude", ""), "--exclude '' holds no name"),
        (("--only", "Metformin", "--only", "@empty.txt"), "--only @empty.txt: the file holds no names"),
        (("--only", "@blank.txt"), "--only @blank.txt: the file holds no names"),
        (("--only", "@"), ". is a folder"),
        (("--only", "@none.txt"), "no such file: none.txt"),
        (("--class", ""), "unknown class ''"),
        (("--target", ""), "unknown target ''"),
    ],
)
def test_a_list_without_a_name_is_wrong_use_and_not_no_list(
    kg: Kgdrug, trained_run: Run, bare: Path, words: tuple[str, ...], message: str
) -> None:
    (bare / "empty.txt").write_text("")
    (bare / "blank.txt").write_text("\ufeff\n \n")
    refused(kg("predict", trained_run.folder, "--disease", "asthma", *words), message)


def test_an_empty_list_of_exclusions_excludes_nothing(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    (bare / "empty.txt").write_text("\n")
    asked = ("predict", trained_run.folder, "--disease", "asthma", "--format", "json")
    assert kg(*asked, "--exclude", "@empty.txt").out == kg(*asked).out


def test_a_list_that_an_editor_of_windows_wrote_is_read(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    (bare / "mine.txt").write_bytes("\ufeffMetformin\r\nLisinopril\r\n".encode())
    done = kg("predict", trained_run.folder, "--disease", "asthma", "--only", "@mine.txt", "--format", "json")
    assert {a["name"] for a in json.loads(done.out)["answers"]} == {"Metformin", "Lisinopril"}


def test_one_question_and_a_file_of_them_do_not_go_together(
    kg: Kgdrug, trained_run: Run, questions: dict[str, Path]
) -> None:
    words = ("predict", trained_run.folder, "--questions")
    refused(kg(*words, questions["q.tsv"], "--disease", "asthma"), "--questions FILE asks already")
    refused(kg(*words, "nothing.tsv"), "no such file: nothing.tsv")


# what a file is written as


def test_the_name_of_a_file_says_its_form(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    words = ("predict", trained_run.folder, "--disease", "asthma", "--out")
    for form in ("json", "jsonl", "csv", "tsv", "parquet"):
        assert kg(*words, f"a.{form}").out == f"wrote 20 answers to a.{form}\n"
        assert kg(*words, f"b.{form}", "--format", form).code == 0
        assert (bare / f"a.{form}").read_bytes() == (bare / f"b.{form}").read_bytes()
    refused(kg(*words, "answers"), "--out FILE needs --format json, jsonl, csv, tsv, parquet or xlsx")
    refused(kg(*words, "a.csv"), "a.csv exists")
    refused(kg(*words[:-1], "--format", "xlsx"), "--format xlsx needs --out FILE")


def test_a_table_says_what_its_numbers_are_of(kg: Kgdrug, trained_run: Run) -> None:
    pair = ("--compound", "Metformin", "--disease", "asthma")
    for command in (("predict", *pair[2:], "--top", "3"), ("explain", *pair), ("similar", "Metformin")):
        line = kg(command[0], trained_run.folder, *command[1:]).out.splitlines()[-1]
        for words in ("model small (", "graph clinic (", "CC0 1.0: CbG", "research software: no medical advice"):
            assert words in line


@pytest.fixture
def likely(trained_run: Run, bare: Path) -> Path:
    """The same model with probabilities."""
    (bare / "likely").mkdir()
    kgdrug.save_trained(kgdrug.with_calibration(trained_run.model), bare / "likely")
    return bare / "likely"


def test_what_a_probability_means_stands_wherever_one_is_shown(kg: Kgdrug, trained_run: Run, likely: Path) -> None:
    means = kgdrug.open_model(likely).served.probability_means
    assert means is not None
    assert re.fullmatch(r"that the graph holds .* of which [\d.]+ % are treatments; not that it works", means)
    words = ("--disease", "asthma", "--top", "3")
    pair = ("--compound", "Metformin", "--disease", "asthma")
    Path("pairs.tsv").write_text("compound\tdisease\nMetformin\tasthma\n")
    Path("asked.tsv").write_text("disease\nasthma\n")
    for command in (
        ("predict", likely, *words),
        ("predict", likely, "--questions", "asked.tsv"),
        ("explain", likely, *pair),
    ):
        assert f"probability: {means}" in " ".join(kg(*command).out.split())
    for command in (("predict", likely, *words, "--format", "csv"), ("score", likely, "pairs.tsv")):
        assert f"# probability: {means}" in " ".join(kg(*command).err.split())
    for command in (("predict", likely, *words, "--format", "json"), ("explain", likely, *pair, "--json")):
        assert json.loads(kg(*command).out)["probability_means"] == means
    kg("score", likely, "pairs.tsv", "--out", "scored.csv")
    described = json.loads(Path("scored.csv-metadata.json").read_text())
    columns = {column["titles"]: column.get("dc:description") for column in described["tableSchema"]["columns"]}
    assert columns["probability"] == means
    assert columns["rank"] == "from 1, among all candidates, known ones too, but not the question's own entity"
    assert "probability" not in kg("predict", trained_run.folder, *words).out
    assert "probability" not in kg("predict", likely, "--head", "Metformin", "--relation", "CbG").out


def test_a_scored_table_says_which_of_its_rankings_are_arbitrary(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    (bare / "mine.tsv").write_text("head\trelation\ttail\nSucralfate\tCtD\tasthma\nMetformin\tCtD\tasthma\n")
    kg("score", trained_run.folder, "mine.tsv", "--out", "out.csv")
    (about,) = json.loads(Path("out.csv-metadata.json").read_text())["notes"]
    assert about["warnings"] == [
        "Sucralfate (Compound::DB00364) stands in no training triple: this ranking is arbitrary"
    ]


def test_an_arbitrary_ranking_is_said_to_be_in_files_too(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    warning = "Sucralfate (Compound::DB00364) stands in no training triple: this ranking is arbitrary"
    asked = ("predict", trained_run.folder, "--compound", "Sucralfate")
    assert json.loads(kg(*asked, "--format", "json").out)["warnings"] == [warning]
    (bare / "q.tsv").write_text("compound\nMetformin\nSucralfate\n")
    for words, name in ((asked, "one.parquet"), (("predict", trained_run.folder, "--questions", "q.tsv"), "q.parquet")):
        kg(*words, "--out", name)
        assert json.loads(pyarrow.parquet.read_metadata(name).metadata[b"kgdrug"])["warnings"] == [warning]
    assert "warnings" not in json.loads(kg(*asked[:3], "Metformin", "--format", "json").out)


def test_where_no_candidate_is_left_that_is_said(kg: Kgdrug, trained_run: Run, questions: dict[str, Path]) -> None:
    narrow = ("--novel", "--only", "Budesonide", "--exclude", "Budesonide")
    asked = ("predict", trained_run.folder, "--disease", "asthma", *narrow)
    assert "no candidate is left by --novel, --only, --exclude" in kg(*asked).out
    done = kg(*asked, "--format", "json")
    assert (json.loads(done.out)["answers"], "no candidate is left" in done.err) == ([], True)
    assert "no candidate is left" in kg(*asked, "--out", "a.csv").err
    Path("two.tsv").write_text("disease\nasthma\nmigraine\n")
    many = ("predict", trained_run.folder, "--questions", "two.tsv", *narrow)
    assert kg(*many).out.count("no candidate is left") == 2
    assert "of 2 of the questions no candidate is left" in kg(*many, "--out", "b.csv").err


# similar


def test_similar_shows_what_the_function_finds(kg: Kgdrug, trained_run: Run) -> None:
    done = kg("similar", trained_run.folder, "metformin", "--top", "4")
    assert (done.code, done.err) == (0, "")
    assert "like Metformin (Compound::DB00331)" in done.out
    rows = [line.split() for line in done.out.splitlines() if line.strip()[:1].isdigit()]
    expected = kgdrug.similar(trained_run.model, "Metformin", 4)
    assert [(row[0], row[-2], row[-1]) for row in rows] == [(str(a.rank), a.id, f"{a.vectors:.3f}") for a in expected]
    assert "structure" not in done.out  # this graph has no structure
    assert "no medical advice" in done.out


def test_similar_is_written_in_every_form(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    words = ("similar", trained_run.folder, "asthma")
    expected = [(a.id, a.vectors, None) for a in kgdrug.similar(trained_run.model, "asthma")]
    read = json.loads(kg(*words, "--format", "json").out)
    assert [(a["id"], a["vectors"], a["structure"]) for a in read["answers"]] == expected
    assert read["question"] == "like asthma (Disease::DOID:2841)"
    assert kg(*words, "--out", "a.parquet").out == f"wrote {len(expected)} entities to a.parquet\n"
    found = pyarrow.parquet.read_table("a.parquet").to_pylist()
    assert [(a["id"], a["vectors"], a["structure"]) for a in found] == expected
    refused(kg(*words, "--by", "structure"), "holds no structure of asthma")
    refused(kg(*words[:2], "astma"), "unknown entity 'astma'; did you mean asthma")


# score


def test_a_table_is_scored_row_by_row_with_all_its_columns(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    (bare / "mine.tsv").write_text("note\tdisease\tcompound\nfirst\tasthma\tDB01222\nsecond\tmigraine\tmetoprolol\n")
    done = kg("score", trained_run.folder, "mine.tsv")
    assert done.code == 0
    assert done.err.startswith("# model small (")
    header, *rows = (line.split("\t") for line in done.out.splitlines())
    assert header == [
        "note", "disease", "compound", "score", "percentile", "rank", "usual_percentile", "known", "known_sources",
        "annotations", "annotation_sources", "agreement",
    ]  # fmt: skip
    told = kgdrug.score(trained_run.model, [("Budesonide", "asthma"), ("Metoprolol", "migraine")])
    for row, a, note in zip(rows, told, ("first", "second"), strict=True):
        assert (row[0], float(row[3]), int(row[5])) == (note, pytest.approx(a.score, abs=1e-6), a.rank)
        assert row[7] == "; ".join(f"{fact.metaedge} ({fact.part})" for fact in a.known)
    assert kg("score", trained_run.folder, "mine.tsv", "--out", "out.csv").out == "wrote 2 rows to out.csv\n"
    (about,) = json.loads(Path("out.csv-metadata.json").read_text())["notes"]
    assert (about["scored"], about["model_digest"]) == ("mine.tsv", trained_run.model.digest)
    found = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert [list(row.values()) for row in found] == rows


@pytest.mark.parametrize("name", ["out", "out.foo", "out.json", "out.tsv.gz"])
def test_a_scored_table_of_no_known_form_is_refused(kg: Kgdrug, trained_run: Run, bare: Path, name: str) -> None:
    (bare / "mine.tsv").write_text("compound\tdisease\nMetformin\tasthma\n")
    words = ("score", trained_run.folder, "mine.tsv", "--out", name)
    refused(kg(*words), "--out FILE needs --format csv, tsv, parquet or xlsx")
    assert [path.name for path in bare.iterdir()] == ["mine.tsv"]
    assert kg(*words, "--format", "tsv").out == f"wrote 1 rows to {name}\n"
    refused(kg(*words, "--format", "tsv"), f"{name} exists")


def test_triples_in_parquet_are_scored(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    table = {"tail": ["ACE", "AGTR1"], "head": ["Losartan"] * 2, "relation": ["binds", "CbG"], "weight": [0.5, None]}
    pyarrow.parquet.write_table(pyarrow.table(table), "mine.parquet")
    refused(kg("score", trained_run.folder, "mine.parquet"), "parquet is written to a file alone")
    assert kg("score", trained_run.folder, "mine.parquet", "--out", "out.parquet").code == 0
    rows = pyarrow.parquet.read_table("out.parquet").to_pylist()
    asked = kgdrug.predict(trained_run.model, head="Losartan", relation="CbG")
    ranks = {a.name: a.rank for a in asked}
    assert [(row["tail"], row["weight"], row["rank"]) for row in rows] == [
        ("ACE", 0.5, ranks["ACE"]),
        ("AGTR1", None, ranks["AGTR1"]),
    ]


def test_a_row_that_the_graph_does_not_know_is_named_or_left_empty(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    (bare / "mine.csv").write_text("compound,disease\nMetformin,asthma\nMetformin,astma\nDB9,asthma\n")
    words = ("score", trained_run.folder, "mine.csv")
    refused(kg(*words), "mine.csv, line 3: unknown disease 'astma'; did you mean asthma (Disease::DOID:2841)", code=1)
    refused(kg(*words, "--out", "out.csv"), "mine.csv, line 3", code=1)
    assert [p.name for p in bare.iterdir()] == ["mine.csv"]
    done = kg(*words, "--skip-unknown", "--out", "out.csv")
    assert (done.code, done.out) == (0, "wrote 3 rows to out.csv\n")
    assert done.err == "2 of 3 rows are left empty, unknown: line 3: disease 'astma'; line 4: compound 'DB9'\n"
    rows = list(csv.DictReader((bare / "out.csv").read_text().splitlines()))
    assert [bool(row["score"]) for row in rows] == [True, False, False]
    assert [row["disease"] for row in rows] == ["asthma", "astma", "asthma"]


@pytest.fixture
def pipe() -> Iterator[Callable[[str], str]]:
    """The place of a pipe that holds a text, as the shell's `<(…)` makes one."""
    with contextlib.ExitStack() as opened:

        def of(text: str) -> str:
            ours, theirs = os.pipe()
            opened.callback(os.close, ours)
            with os.fdopen(theirs, "w") as file:
                file.write(text)
            return f"/dev/fd/{ours}"

        yield of


def test_a_pipe_is_scored_as_a_file_is(kg: Kgdrug, trained_run: Run, bare: Path, pipe: Callable[[str], str]) -> None:
    text = "compound\tdisease\nMetformin\tasthma\n"
    (bare / "mine.tsv").write_text(text)
    done = kg("score", trained_run.folder, pipe(text))
    assert (done.code, done.out) == (0, kg("score", trained_run.folder, "mine.tsv").out)
    place = pipe(text + "Metformin\tastma\n")
    refused(kg("score", trained_run.folder, place), f"{place}, line 3: unknown disease 'astma'", code=1)
    refused(kg("score", trained_run.folder, pipe("")), "is empty", code=1)
    refused(kg("score", trained_run.folder, bare), "is a folder")
    refused(kg("score", trained_run.folder, "none.tsv"), "no such file: none.tsv")
    refused(kg("evaluate", trained_run.folder, "--pairs", pipe(text)), "is a folder or a pipe; give a file")


def test_questions_come_from_a_pipe_too(kg: Kgdrug, trained_run: Run, pipe: Callable[[str], str]) -> None:
    words = ("predict", trained_run.folder, "--top", "2", "--format", "csv", "--questions")
    done = kg(*words, pipe("disease\nasthma\nmigraine\n"))
    assert done.code == 0
    assert len(done.out.splitlines()) == 1 + 2 * 2
    place = pipe("disease\nasthma\nastma\n")
    refused(kg(*words, place), f"{place}, line 3: unknown disease 'astma'", code=1)
    assert kg(*words[:2], "--disease", "asthma", "--only", f"@{pipe('Metformin')}").code == 0


# matrix


def test_every_compound_is_scored_for_every_disease(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    done = kg("matrix", trained_run.folder, "--out", "m.parquet")
    assert (done.code, done.out) == (0, f"wrote {22 * 7} pairs to m.parquet\n")
    assert re.fullmatch(r"diseases: 7, after \d+ s\n", done.err)
    rows = pyarrow.parquet.read_table("m.parquet").to_pylist()
    found = {(row["compound"], row["disease"]): row for row in rows}
    assert len(found) == len(rows) == 22 * 7
    for a in kgdrug.predict(trained_run.model, disease="asthma", top=100):
        row = found[a.id, "Disease::DOID:2841"]
        assert (row["score"], row["percentile"]) == pytest.approx((a.score, a.percentile), abs=1e-5)
    assert kg("matrix", trained_run.folder, "--relation", "CbG", "--out", "m.npy").code == 0
    assert np.load("m.npy").shape == (22, 7)
    refused(kg("matrix", trained_run.folder, "--out", "m.parquet"), "m.parquet exists")
    refused(kg("matrix", trained_run.folder, "--out", "m.json"), "name a form")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_matrix_that_is_ended_by_a_signal_leaves_nothing(
    kg: Kgdrug, trained_run: Run, bare: Path, number: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kgdrug.ranking import matrix

    made = matrix.known_facts
    monkeypatch.setattr(matrix, "known_facts", lambda *rest: signal.raise_signal(number) or made(*rest))
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    assert kg("matrix", trained_run.folder, "--out", "m.parquet").code == code
    assert list(bare.iterdir()) == []
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers


# vectors


@pytest.mark.parametrize("form", ["parquet", "npy", "word2vec", "projector"])
def test_vectors_are_written_for_other_tools(kg: Kgdrug, trained_run: Run, bare: Path, form: str) -> None:
    words = ("vectors", trained_run.folder, "--form", form, "--out", "v")
    assert kg(*words).out == "wrote 36 vectors of 16 numbers to v\n"
    refused(kg(*words), "v exists")
    assert kg(*words, "--type", "Disease", "--force").out == "wrote 7 vectors of 16 numbers to v\n"
    refused(kg(*words, "--member", "3", "--force"), "there is no member 3 with vectors")
    if form == "npy":
        (member,) = trained_run.model.members
        assert np.array_equal(np.load("v/vectors.npy"), member.entity[22:29].numpy())


# neighbourhood


def test_what_joins_a_pair_is_written_as_graphml(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    words = ("neighbourhood", trained_run.folder, "--compound", "Lisinopril", "--disease", "coronary artery disease")
    done = kg(*words, "--out", "a.graphml")
    drawn = networkx.read_graphml("a.graphml")
    names = {about["name"] for _, about in drawn.nodes(data=True)}
    assert names == {"Lisinopril", "coronary artery disease", "ACE", "hypertension"}
    facts = drawn.number_of_edges()
    assert (done.code, done.out) == (0, f"wrote 4 entities and {facts} facts between them to a.graphml\n")
    refused(kg(*words, "--out", "a.graphml"), "a.graphml exists")
    more = kg(*words, "--out", "a.graphml", "--force", "--most", "3")
    assert more.out.endswith("left out 1 with more facts or farther away\n")
    refused(
        kg(*words, "--out", "b.gml"), "b.gml: what is written is GraphML, for which the name should end in .graphml"
    )
    refused(kg(*words[:4], "--out", "b.graphml"), "give compound and disease, or head and tail")


# no torch

PROGRAM = """
import io, sys
import kgdrug
model = kgdrug.open_model(sys.argv[1])
about = kgdrug.about_model(model)
for form in ("json", "csv", "parquet"):
    kgdrug.write_answers(kgdrug.predict(model, disease="asthma"), form, about, f"answers.{form}")
kgdrug.similar(model, "Metformin")
kgdrug.write_neighbourhood(model, "a.graphml", compound="Metformin", disease="asthma")
for form in ("parquet", "npy", "word2vec", "projector"):
    kgdrug.write_vectors(model, f"{form}.out", form)
for form in ("parquet", "npy"):
    kgdrug.write_matrix(model, f"matrix.{form}")
open("mine.tsv", "w").write("compound\\tdisease\\nMetformin\\tasthma\\n")
kgdrug.score_file(model, "mine.tsv", "scored.parquet")
print(*{"torch", "mlflow", "dgl"} & set(sys.modules))
"""


def test_asking_and_writing_leave_torch_out(trained_run: Run, bare: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, trained_run.folder], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_entities_are_searched_by_a_part_of_their_name(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    told = kg("search", trained_run.folder, "diabetes", "--type", "Disease", "--json")
    found = json.loads(told.out)
    graph = trained_run.model.graph
    expected = graph.entities.search("diabetes", 10, [graph.entity_type("Disease").range])
    assert [one["id"] for one in found] == [graph.entities.ids[i] for i in expected]
    assert {one["type"] for one in found} == {"Disease"}
    first, second = json.loads(kg("search", trained_run.folder, "a", "--limit", "2", "--json").out)
    table = kg("search", trained_run.folder, "a", "--limit", "1").out
    assert first["id"] in table
    assert second["id"] not in table


def test_what_nothing_resembles_and_types_that_are_none_are_said(kg: Kgdrug, trained_run: Run, bare: Path) -> None:
    nothing = kg("search", trained_run.folder, "qqqqzzzz", "--type", "Disease")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing in the graph clinic resembles 'qqqqzzzz' among type Disease" in nothing.err
    assert "did you mean Disease" in kg("search", trained_run.folder, "x", "--type", "Diseases").err
