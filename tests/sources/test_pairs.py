"""Tables of pairs: ids in either spelling, and what is wrong with a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.sources import PairTable, load_graph, read_dates, read_groups, read_pairs


@pytest.fixture(scope="module")
def graph(curated: Path) -> KnowledgeGraph:
    return load_graph(curated)


def read(graph: KnowledgeGraph, folder: Path, text: str, name: str = "pairs.tsv", **options: bool) -> PairTable:
    (folder / name).write_text(text)
    compounds, diseases = (graph.entity_type(kind).range for kind in ("Compound", "Disease"))
    return read_pairs(folder / name, graph, compounds, diseases, **options)


def ids(graph: KnowledgeGraph, table: PairTable) -> set[tuple[str, str]]:
    of = graph.entities.ids
    return {(of[c], of[d]) for c, d in zip(table.compounds.tolist(), table.diseases.tolist(), strict=True)}


def test_ids_are_taken_whole_or_bare_and_repeats_are_counted(graph: KnowledgeGraph, tmp_path: Path) -> None:
    lines = ["DB00331\tDOID:9352", "Compound::DB00331\tDisease::DOID:9352", " DB01001 \tDOID:2841 "]
    table = read(graph, tmp_path, "\n".join(["compound\tdisease", *lines]))
    expected = {("Compound::DB00331", "Disease::DOID:9352"), ("Compound::DB01001", "Disease::DOID:2841")}
    assert ids(graph, table) == expected
    assert (table.lines, table.repeated, table.unknown) == (3, 1, ())


def test_names_and_synonyms_do_in_any_case(graph: KnowledgeGraph, tmp_path: Path) -> None:
    entities = graph.entities
    known_as = {entities.index("Compound::DB00331"): ["Glucophage"]}
    graph = replace(graph, entities=Vocabulary(entities.ids, entities.names, synonyms=known_as))
    table = read(graph, tmp_path, "compound\tdisease\nglucophage\tASTHMA\n")
    assert ids(graph, table) == {("Compound::DB00331", "Disease::DOID:2841")}


def test_what_the_graph_does_not_know_is_named_as_it_was_written(graph: KnowledgeGraph, tmp_path: Path) -> None:
    lines = ["DB99999\tDOID:9352", "DB00331\tDOID:0", "DB99999\tDOID:9352", "DB00331\tDOID:2841"]
    table = read(graph, tmp_path, "\r\n".join(["compound\tdisease", *lines]) + "\r\n")
    assert table.unknown == ("DB99999 DOID:9352", "DB00331 DOID:0")
    assert (table.lines, len(table.compounds), table.repeated) == (4, 1, 1)


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("a.tsv", "doid_id\tdrugbank_id\tdisease\tdrug", "DOID:9352\tDB00331\ttype 2 diabetes\tMetformin"),
        ("a.tsv", "compound_id\tdisease_id\tn_trials", "DB00331\tDOID:9352\t3"),
        ("a.csv", "note,disease,compound", "x,DOID:9352,DB00331"),
    ],
)
def test_columns_stand_in_any_order_among_others(
    name: str, header: str, row: str, graph: KnowledgeGraph, tmp_path: Path
) -> None:
    table = read(graph, tmp_path, f"{header}\n{row}\n", name)
    assert ids(graph, table) == {("Compound::DB00331", "Disease::DOID:9352")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("compound\tillness\nDB00331\tDOID:9352\n", "disease is not in it"),
        ("DB99999\tDOID:0\n", "should be a header with compound disease"),
        ("compound\tdisease\n", "only a header"),
        ("", "pairs.tsv"),
        ("compound\tdisease\nDB00331\tDOID:9352\nDOID:9352\tDB00331\n", "line 3: .*of the type Disease, not Compound"),
        ("compound\tdisease\nDB00331\t\n", "line 2"),
        ("compound\tdisease\nDB00331\n", "line 2"),
    ],
)
def test_a_file_that_is_no_table_of_pairs_is_refused(
    text: str, message: str, graph: KnowledgeGraph, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=message):
        read(graph, tmp_path, text)


def test_a_list_to_leave_out_may_be_empty(graph: KnowledgeGraph, tmp_path: Path) -> None:
    assert read(graph, tmp_path, "compound\tdisease\n", may_be_empty=True).lines == 0


def test_a_file_that_is_not_there_is_wrong_use(graph: KnowledgeGraph, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_pairs(tmp_path / "nowhere.tsv", graph, range(3), range(3, 5))


METFORMIN = {("Compound::DB00331", "Disease::DOID:9352")}


@pytest.mark.parametrize(
    "text",
    [
        "DB00331\tDOID:9352\n",  # no header
        "Compound::DB00331\tDisease::DOID:9352\tcurated\n",
        "compound\tdisease\nDB00331\tDOID:9352\n\n\n",
        "compound\tdisease\n\nDB00331\tDOID:9352",
        "\ufeffcompound\tdisease\r\nDB00331\tDOID:9352\r\n",
        "Compound\tDisease\nDB00331\tDOID:9352\n",
        "Compound ID \tDisease ID\nDB00331\tDOID:9352\n",
        '"compound"\t"disease"\nDB00331\tDOID:9352\n',
        "drug\tdisease\nMetformin\ttype 2 diabetes mellitus\n",
        "head\tmetaedge\ttail\nCompound::DB00331\tCtD\tDisease::DOID:9352\n",
        "compound\tdisease\nmetformin\tDOID:9352\n",
        "compound\tdisease\ncompound::db00331\tdoid:9352\n",
        "compound_id\tdrugbank_id\tdisease\nX17\tDB00331\tDOID:9352\n",
        "compound\tdisease\nDB00331\tDOID:9352\n DB00331 \tDOID:9352\n",
    ],
)
def test_files_as_people_write_them_are_read(text: str, graph: KnowledgeGraph, tmp_path: Path) -> None:
    table = read(graph, tmp_path, text)
    assert ids(graph, table) == METFORMIN
    assert table.unknown == ()


def test_a_name_that_two_bear_finds_neither(graph: KnowledgeGraph, tmp_path: Path) -> None:
    start = graph.entity_type("Compound").start
    names = [*graph.entities.names]
    names[start + 1] = names[start]
    twice = replace(graph, entities=Vocabulary(graph.entities.ids, names))
    table = read(twice, tmp_path, f"compound\tdisease\n{names[start]}\tDOID:9352\n")
    assert table.unknown == (f"{names[start]} DOID:9352",)


def test_one_unknown_pair_in_several_spellings_of_blanks_is_one(graph: KnowledgeGraph, tmp_path: Path) -> None:
    table = read(graph, tmp_path, "compound\tdisease\nDB99999\tDOID:9352\n DB99999 \tDOID:9352\n")
    assert table.unknown == ("DB99999 DOID:9352",)
    assert table.repeated == 1


def test_what_a_bare_id_of_two_types_means_its_column_says_or_nobody(tmp_path: Path) -> None:
    types = (EntityType("Compound", 0, 2), EntityType("Disease", 2, 4))
    entities = Vocabulary(["Compound::5", "Compound::6", "Disease::5", "Disease::7"])
    treats = (Metaedge("CtD", "Compound", "treats", "Disease"),)
    graph = KnowledgeGraph(entities, types, treats, np.array([[0, 0, 3]]), ("CtD",))
    table = read(graph, tmp_path, "compound\tdisease\n5\t5\n6\t7\n")
    assert ids(graph, table) == {("Compound::5", "Disease::5"), ("Compound::6", "Disease::7")}
    for read_list, text in ((read_groups, "entity\tgroup\n6\ta\n5\tb\n"),
                            (read_dates, "compound\tdisease\tdate\n6\t7\t2014\n5\t7\t2015\n")):  # fmt: skip
        (tmp_path / "list.tsv").write_text(text)
        with pytest.raises(BadInputError, match=r"line 3: '5' may be Compound::5 or Disease::5"):
            read_list(tmp_path / "list.tsv", graph)
