"""Graphs on the command line: built, merged, cut down, annotated and exported, and lines that do not fit."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import kgdrug
from kgdrug.sources import FORMS

Kgdrug = Callable[..., SimpleNamespace]
LINES = "Metformin\ttreats\tdiabetes\nInsulin\ttreats\tdiabetes\nMetformin\tbinds\tPRKAB1\n"


@pytest.fixture
def lines(bare: Path) -> Path:
    path = bare / "mine.tsv"
    path.write_text(LINES)
    return path


def test_a_graph_is_built_described_and_exported(kg: Kgdrug, lines: Path, bare: Path) -> None:
    built = kg("build", lines, "--out", "graph", "--name", "mine")
    assert (built.code, built.err) == (0, "")
    assert "mine: 4 entities, 3 triples, 2 metaedges, digest " in built.out
    assert "no metaedge means treatment here; name one with --treats" in built.out
    exported = kg("export", "graph", "--form", "parquet", "--out", "tables")
    assert exported.code == 0
    assert "wrote tables (parquet): 4 entities, 3 triples" in exported.out
    assert "read back: the same graph, nothing lost" in exported.out
    assert kgdrug.load_graph("tables").digest == kgdrug.load_graph("graph").digest


def test_export_says_what_the_form_had_no_room_for(kg: Kgdrug, curated: Path, bare: Path) -> None:
    done = kg("export", curated, "--form", "triples", "--out", "plain.tsv.gz")
    assert done.code == 0
    (said,) = (line for line in done.out.splitlines() if line.startswith("this form has no room for: "))
    assert "entities without a triple" in said
    assert "types of entities (Compound, Disease, Gene)" in said
    assert "licence" in said
    assert len(kgdrug.load_graph("plain.tsv.gz").triples) == len(kgdrug.load_graph(curated).triples)


@pytest.mark.parametrize("form", [name for name, form in FORMS.items() if form.write and name != "hetionet"])
def test_every_form_is_exported_and_built_again(kg: Kgdrug, curated: Path, bare: Path, form: str) -> None:
    exported = kg("export", curated, "--form", form, "--out", "there")
    assert exported.code == 0, exported.err
    built = kg("build", "there", "--form", form, "--out", "back")
    assert built.code == 0, built.err
    before, after = kgdrug.load_graph(curated), kgdrug.load_graph("back")
    nothing_lost = "nothing lost" in exported.out
    assert (before.digest == after.digest) == (nothing_lost or form in ("kgx", "kgx-jsonl", "neo4j", "hetionet-json"))
    assert len(before.triples) == len(after.triples)


def test_a_form_that_does_not_exist_names_the_closest(kg: Kgdrug, curated: Path, bare: Path) -> None:
    done = kg("export", curated, "--form", "parket", "--out", "x")
    assert done.code == 2
    assert "unknown form 'parket'" in done.err
    assert "parquet" in done.err
    assert not (bare / "x").exists()


def test_what_is_there_is_not_replaced_by_an_export(kg: Kgdrug, curated: Path, bare: Path) -> None:
    (bare / "x.graphml").write_text("mine")
    done = kg("export", curated, "--form", "graphml", "--out", "x.graphml")
    assert (done.code, (bare / "x.graphml").read_text()) == (2, "mine")
    assert kg("export", curated, "--form", "graphml", "--out", "x.graphml", "--force").code == 0
    assert kgdrug.load_graph("x.graphml").digest == kgdrug.load_graph(curated).digest


def test_a_bad_line_is_named_and_nothing_is_written(kg: Kgdrug, lines: Path, bare: Path) -> None:
    lines.write_text(LINES + "Metformin\ttreats\n" + LINES)
    done = kg("build", lines, "--out", "graph")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"kgdrug: {lines}, line 4: 2 fields where 3 tab-separated ones are expected: 'Metformin\\ttreats'\n"
    )
    assert sorted(p.name for p in bare.iterdir()) == ["mine.tsv"]


def test_bad_lines_can_be_set_aside_and_are_counted_by_kind(kg: Kgdrug, lines: Path, bare: Path) -> None:
    lines.write_bytes(LINES.encode() + b"Metformin\ttreats\nSj\xf6gren\ta\tb\nx\t\ty\nx\ty\n" + LINES.encode())
    done = kg("build", lines, "--out", "graph", "--skip-bad-lines")
    assert done.code == 0
    assert "dropped 3 duplicate lines" in done.out
    assert "set aside 4 bad lines (2 columns, 1 empty field, 1 encoding) in graph/bad_lines.tsv" in done.out
    rows = [row.split("\t") for row in (bare / "graph" / "bad_lines.tsv").read_text().splitlines()]
    assert [(row[1], row[2]) for row in rows[1:]] == [
        ("4", "columns"), ("5", "encoding"), ("6", "empty field"), ("7", "columns"),
    ]  # fmt: skip
    graph = kgdrug.load_graph("graph")
    assert len(graph.triples) == 3
    assert graph.made["bad_lines"] == {"columns": 2, "empty field": 1, "encoding": 1}
    assert graph.made["duplicates"] == 3


def test_one_of_a_thing_is_said_in_the_singular(kg: Kgdrug, lines: Path, bare: Path) -> None:
    lines.write_text("Metformin\ttreats\tdiabetes\n" * 2 + "x\n")
    done = kg("build", lines, "--out", "graph", "--skip-bad-lines")
    assert "dropped 1 duplicate line\n" in done.out
    assert "set aside 1 bad line (1 columns)" in done.out
    assert "2 entities, 1 triple\n" in kg("export", "graph", "--form", "parquet", "--out", "tables").out


def test_graphs_are_merged_by_id_with_a_report(kg: Kgdrug, curated: Path, bare: Path) -> None:
    (bare / "more.toml").write_text(
        'name = "more"\n'
        '[[nodes]]\nfile = "drugs.csv"\nid = "id"\nname = "name"\ntype = "Compound"\nprefix = "Compound::"\n'
        '[[edges]]\nfile = "uses.csv"\nrelation = "treats"\nabbreviation = "CtD"\nlicence = "CC BY 4.0"\n'
        'head = "drug"\nhead_prefix = "Compound::"\ntail = "disease"\ntail_type = "Disease"\n'
    )
    (bare / "drugs.csv").write_text("id,name\nDB00331,Glucophage\nDB99999,Newdrug\n")
    (bare / "uses.csv").write_text(
        "drug,disease\nDB00331,Disease::DOID:9352\nDB99999,DOID:9352\nDB99999,Disease::DOID:2841\n"
    )
    header = "subject_id\tpredicate_id\tobject_id\n"
    (bare / "ids.tsv").write_text(
        f"# a comment\n{header}DOID:9352\tskos:exactMatch\tDisease::DOID:9352\nx\tskos:closeMatch\ty\n"
    )
    done = kg("build", curated, "more.toml", "--mapping", "ids.tsv", "--out", "both")
    assert done.code == 0, done.err
    assert "more adds 1 entity and 2 triples" in done.out
    assert "1 triple, 1 metaedge" in done.out
    assert "Compound::DB00331: 'Metformin' is kept, more has 'Glucophage'" in done.out
    assert "ids.tsv: passed over 1 row with something weaker than an exact match" in done.out
    both = kgdrug.load_graph("both")
    (treats,) = (e for e in both.metaedges if e.abbreviation == "CtD")
    assert treats.licence == "CC0 1.0; CC BY 4.0"
    assert both.treats == ("CtD",)
    assert "Newdrug treats asthma" in {both.text(t) for t in both.triples}


def test_some_metaedges_or_licences_make_a_smaller_graph(kg: Kgdrug, curated: Path, bare: Path) -> None:
    done = kg("build", curated, "--keep", "CtD,binds", "--out", "small")
    assert "left out CpD, DaG, DrD: " in done.out
    assert [e.abbreviation for e in kgdrug.load_graph("small").metaedges] == ["CbG", "CtD"]
    unknown = kg("build", curated, "--keep", "CtX", "--out", "none")
    assert unknown.code == 2
    assert "unknown relation 'CtX'; did you mean" in unknown.err
    none_left = kg("build", curated, "--drop-licence", "non-commercial", "--out", "all")
    assert "left out nothing: every triple stays" in none_left.out
    kind = kg("build", curated, "--drop-licence", "commercial", "--out", "none")
    assert "unknown kind of licence 'commercial'; did you mean non-commercial?" in kind.err


def test_types_are_renamed_and_treatments_named(kg: Kgdrug, lines: Path, bare: Path) -> None:
    done = kg("build", lines, "--rename-type", "Entity=Thing", "--treats", "treats", "--out", "graph")
    assert done.code == 0, done.err
    graph = kgdrug.load_graph("graph")
    assert ([t.name for t in graph.entity_types], graph.treats) == (["Thing"], ("treats",))
    wrong = kg("build", lines, "--rename-type", "Drug", "--out", "x")
    assert "--rename-type Drug: write OLD=NEW, such as drug=Compound" in wrong.err
    unknown = kg("build", lines, "--rename-type", "Drug=Compound", "--out", "x")
    assert "no graph has the entity type 'Drug' to be renamed; the types are Entity" in unknown.err


def test_annotations_are_added_and_travel_into_the_model(kg: Kgdrug, curated: Path, bare: Path) -> None:
    (bare / "indications.tsv").write_text(
        "doid_id\tdrugbank_id\tdisease\tdrug\tcategory\tn_curators\tn_resources\n"
        "DOID:2841\tDB00331\tasthma\tMetformin\tNOT\t3\t1\n"
        "DOID:0\tDB00331\telsewhere\tMetformin\tDM\t3\t1\n"
    )
    done = kg("build", curated, "--annotations", "indications.tsv", "--out", "graph")
    assert "indications.tsv: 1 annotation; 1 about pairs that the graph does not have" in done.out
    (bare / "my.toml").write_text(
        'name = "mine"\n[graph]\nsource = "graph"\n[model]\ndimension = 4\n[training]\nepochs = 1\n'
    )
    assert kg("train", "my.toml", "--out", "model").code == 0
    (annotation,) = kgdrug.load_model("model").graph.annotations
    ids = kgdrug.load_graph("graph").entities.ids
    assert (ids[annotation.compound], ids[annotation.disease]) == ("Compound::DB00331", "Disease::DOID:2841")
    assert (annotation.status, annotation.source) == ("refuted", "PharmacotherapyDB")


def test_known_answers_carry_licence_and_source(kg: Kgdrug, trained_run: kgdrug.Run) -> None:
    done = kg("predict", trained_run.folder, "--disease", "hypertension", "--top", "22", "--format", "json")
    known = [fact for answer in json.loads(done.out)["answers"] for fact in answer["known"]]
    assert {(fact["licence"], fact["source"]) for fact in known} == {("CC0 1.0", "textbook")}
