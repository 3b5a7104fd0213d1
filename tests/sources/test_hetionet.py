"""Hetionet's two forms, on small files with all eleven kinds of nodes and all 24 metaedges."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import describe
from kgdrug.sources import load_graph

# head kind, tail kind, of the abbreviations as hetio/hetionet describes them
METAEDGES = {
    "AdG": ("Anatomy", "Gene"),
    "AeG": ("Anatomy", "Gene"),
    "AuG": ("Anatomy", "Gene"),
    "CbG": ("Compound", "Gene"),
    "CcSE": ("Compound", "Side Effect"),
    "CdG": ("Compound", "Gene"),
    "CpD": ("Compound", "Disease"),
    "CrC": ("Compound", "Compound"),
    "CtD": ("Compound", "Disease"),
    "CuG": ("Compound", "Gene"),
    "DaG": ("Disease", "Gene"),
    "DdG": ("Disease", "Gene"),
    "DlA": ("Disease", "Anatomy"),
    "DpS": ("Disease", "Symptom"),
    "DrD": ("Disease", "Disease"),
    "DuG": ("Disease", "Gene"),
    "GcG": ("Gene", "Gene"),
    "GiG": ("Gene", "Gene"),
    "GpBP": ("Gene", "Biological Process"),
    "GpCC": ("Gene", "Cellular Component"),
    "GpMF": ("Gene", "Molecular Function"),
    "GpPW": ("Gene", "Pathway"),
    "Gr>G": ("Gene", "Gene"),
    "PCiC": ("Pharmacologic Class", "Compound"),
}
KINDS = sorted({kind for kinds in METAEDGES.values() for kind in kinds})
NODES = [(f"{kind}::{i}", f"{kind} {i}", kind) for i in (1, 0) for kind in KINDS]
EDGES = [(f"{head}::{i}", metaedge, f"{tail}::1") for metaedge, (head, tail) in METAEDGES.items() for i in (0, 1)]
SMILES = {f"Compound::{i}": "CCO" for i in (0, 1)}

Write = Callable[[str, str | bytes], Path]


def table(header: str, rows: list[tuple[str, ...]]) -> str:
    return "".join("\t".join(row) + "\n" for row in [tuple(header.split()), *rows])


def official(write: Write, nodes: str | None = None, edges: str | None = None) -> Path:
    write("official/hetionet-v1.0-nodes.tsv", table("id name kind", NODES) if nodes is None else nodes)
    edges = table("source metaedge target", EDGES) if edges is None else edges
    return write("official/hetionet-v1.0-edges.sif.gz", gzip.compress(edges.encode())).parent


def rebuilt(write: Write, nodes: str | None = None, edges: str | None = None) -> Path:
    rows = [(*row, SMILES.get(row[0], "")) for row in NODES]
    nodes = table("id name kind smiles", rows) if nodes is None else nodes
    write("rebuilt/nodes.tsv.zst", zstandard.compress(nodes.encode()))
    edges = table("head metaedge tail", EDGES) if edges is None else edges
    return write("rebuilt/hetionet-rebuilt.tsv.zst", zstandard.compress(edges.encode())).parent


@pytest.mark.parametrize("form", [official, rebuilt])
def test_every_kind_and_metaedge_is_read(write, form):
    graph = load_graph(form(write))
    ids = graph.entities.ids
    assert {(ids[h], graph.metaedges[r].abbreviation, ids[t]) for h, r, t in graph.triples} == set(EDGES)
    assert {
        (i, n, graph.type_of(k).name) for k, (i, n) in enumerate(zip(ids, graph.entities.names, strict=True))
    } == set(NODES)
    assert {e.abbreviation: (e.head_type, e.tail_type) for e in graph.metaedges} == METAEDGES
    assert graph.treats == ("CtD",)
    assert graph.name == "hetionet"
    assert all(row["licence"] and row["source"] for row in describe(graph)["metaedges"].values())


def test_both_forms_are_the_same_graph(write):
    assert load_graph(official(write)).digest == load_graph(rebuilt(write)).digest


@pytest.mark.parametrize(
    ("edge", "message"),
    [
        ("Gene::7\tGiG\tGene::0", "unknown entity 'Gene::7'"),
        ("Gene::0\tGxG\tGene::0", "unknown metaedge 'GxG'"),
        ("Disease::0\tCtD\tCompound::0", r"'Disease::0' is a Disease, which does not fit the metaedge CtD"),
    ],
)
def test_an_edge_that_does_not_fit_is_named_with_its_line(write, edge, message):
    folder = official(write, edges=table("source metaedge target", EDGES) + edge + "\n")
    with pytest.raises(BadInputError, match=message) as caught:
        load_graph(folder)
    assert (caught.value.file.name, caught.value.line) == ("hetionet-v1.0-edges.sif.gz", len(EDGES) + 2)


@pytest.mark.parametrize("form", [official, rebuilt])
def test_other_columns_are_an_error_of_the_first_line(write, form):
    with pytest.raises(BadInputError, match="has the columns id name type where id name kind are expected") as caught:
        load_graph(form(write, nodes=table("id name type", NODES)))
    assert caught.value.line == 1


@pytest.mark.parametrize("form", [official, rebuilt])
def test_a_kind_that_is_missing_is_named(write, form):
    header = "id name kind" if form is official else "id name kind smiles"
    nodes = [row + ("",) * (form is rebuilt) for row in NODES if row[2] != "Symptom"]
    with pytest.raises(BadInputError, match="no entity is of type 'Symptom'"):
        load_graph(form(write, nodes=table(header, nodes)))


@pytest.mark.parametrize("form", [official, rebuilt])
def test_an_empty_node_file_is_an_error(write, form):
    with pytest.raises(BadInputError, match="is empty"):
        load_graph(form(write, nodes=""))


@pytest.mark.parametrize("form", [official, rebuilt])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_node_with_an_empty_id_name_or_kind_is_named_with_its_line(write, form, column):
    rows = [list(row) + [""] * (form is rebuilt) for row in NODES]
    rows[4][column] = ""
    nodes = table("id name kind" + " smiles" * (form is rebuilt), [tuple(row) for row in rows])
    with pytest.raises(BadInputError, match="an empty field") as caught:
        load_graph(form(write, nodes=nodes))
    assert caught.value.line == 6


@pytest.mark.parametrize("form", [official, rebuilt])
def test_a_node_line_with_a_field_too_few_is_named(write, form):
    header, *lines = table("id name kind" + " smiles" * (form is rebuilt), NODES).splitlines()
    lines = [line + "\t" * (form is rebuilt) for line in lines]
    lines[2] = "Gene::5\tno kind"
    with pytest.raises(BadInputError) as caught:
        load_graph(form(write, nodes="\n".join([header, *lines, ""])))
    assert caught.value.line == 4


def test_a_packed_node_file_cut_short_is_an_error_of_that_file(write):
    path = rebuilt(write) / "nodes.tsv.zst"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInputError, match="cannot be read") as caught:
        load_graph(path.parent)
    assert caught.value.file == path


def test_one_of_the_two_files_alone_is_no_graph(write):
    folder = official(write)
    (folder / "hetionet-v1.0-nodes.tsv").unlink()
    with pytest.raises(UsageError, match="is no graph"):
        load_graph(folder)
