"""The sample graph that comes with the project."""

import csv

import polars as pl
import pytest

from kgdrug.graph import KnowledgeGraph, describe
from kgdrug.sources import find_dataset, load_graph, shipped


@pytest.fixture(scope="module")
def essential() -> KnowledgeGraph:
    return load_graph("essential")


def test_it_is_large_enough_to_show_what_the_project_does(essential):
    numbers = describe(essential)
    assert numbers["entity_types"]["Compound"] >= 80
    assert numbers["entity_types"]["Disease"] >= 50
    assert numbers["entity_types"]["Gene"] >= 100
    assert numbers["triples"] >= 1000
    assert len(numbers["metaedges"]) >= 7
    assert numbers["metaedges"]["CtD"]["triples"] >= 150
    assert numbers["treats"] == ["CtD"]
    assert numbers["isolated"] == 0
    assert all(row["triples"] and row["licence"] and row["source"] for row in numbers["metaedges"].values())


def test_it_is_named_after_itself_and_found_without_a_download(essential):
    assert essential.name == "essential"
    assert find_dataset("essential") == shipped("data/essential")
    assert load_graph(shipped("data/essential")).digest == essential.digest


def test_it_knows_what_every_textbook_knows(essential):
    treats = essential.relation("treats")
    known = {tuple(t) for t in essential.triples.tolist()}
    for drug, disease in (("Metformin", "type 2 diabetes mellitus"), ("Methotrexate", "rheumatoid arthritis")):
        head, tail = essential.find(drug, treats), essential.find(disease, treats + essential.relations)
        assert (head, treats, tail) in known


def test_its_edge_files_have_no_line_twice_and_are_in_order():
    for path in sorted((shipped("data/essential") / "edges").glob("*.tsv")):
        lines = path.read_bytes().split(b"\n")[1:-1]
        assert lines == sorted(set(lines)), path.name


def test_every_edge_file_belongs_to_a_metaedge(essential):
    files = {path.stem for path in (shipped("data/essential") / "edges").iterdir()}
    assert files == {e.abbreviation for e in essential.metaedges}


def test_its_ids_names_and_types_are_those_of_hetionet(shared_data):
    theirs = pl.read_csv(
        shared_data / "hetionet" / "nodes.tsv.zst", separator="\t", quote_char=None, columns=["id", "name", "kind"]
    )
    with (shipped("data/essential") / "entities.tsv").open(encoding="utf-8") as file:
        ours = [tuple(row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]
    assert len(ours) > 1000
    assert set(ours) - set(theirs.iter_rows()) == set()
