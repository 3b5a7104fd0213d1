"""Hetionet v1.0 (Himmelstein et al. 2017, doi 10.7554/eLife.26726): its node table and its edge list.

Read are the official `hetionet-v1.0-nodes.tsv` (`id name kind`) with `hetionet-v1.0-edges.sif.gz`
(`source metaedge target`), and `nodes.tsv` with `hetionet-rebuilt.tsv` (`head metaedge tail`), compressed or not.
"""

from pathlib import Path

import numpy as np
import polars as pl

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.sources.tables import GraphBuilder, read_table, read_triples

NODE_FILES = ("hetionet-v1.0-nodes.tsv", "nodes.tsv")
EDGE_FILES = ("hetionet-v1.0-edges.sif", "hetionet-rebuilt.tsv")
TREATS = ("CtD",)

_BP, _CC, _MF = "Biological Process", "Cellular Component", "Molecular Function"
_MIXED = "mixed, in part non-commercial"
METAEDGES = (
    # licences as Hetionet's authors recorded them in 2015 and 2016
    Metaedge("AdG", "Anatomy", "downregulates", "Gene", "none stated", "Bgee"),
    Metaedge("AeG", "Anatomy", "expresses", "Gene", "CC BY 4.0, in part none stated", "TISSUES, Bgee"),
    Metaedge("AuG", "Anatomy", "upregulates", "Gene", "none stated", "Bgee"),
    Metaedge("CbG", "Compound", "binds", "Gene", _MIXED, "BindingDB, DrugBank, DrugCentral"),
    Metaedge("CcSE", "Compound", "causes", "Side Effect", "CC BY-NC-SA 4.0", "SIDER 4.1"),
    Metaedge("CdG", "Compound", "downregulates", "Gene", "CC BY 4.0", "LINCS L1000"),
    Metaedge("CpD", "Compound", "palliates", "Disease", "CC0 1.0", "PharmacotherapyDB"),
    Metaedge("CrC", "Compound", "resembles", "Compound", "CC0 1.0", "DrugBank structures"),
    Metaedge("CtD", "Compound", "treats", "Disease", "CC0 1.0", "PharmacotherapyDB"),
    Metaedge("CuG", "Compound", "upregulates", "Gene", "CC BY 4.0", "LINCS L1000"),
    Metaedge(
        "DaG",
        "Disease",
        "associates",
        "Gene",
        "mixed: CC BY 4.0, ODbL 1.0, none stated",
        "DISEASES, DisGeNET, DOAF, GWAS Catalog",
    ),
    Metaedge("DdG", "Disease", "downregulates", "Gene", "CC0 1.0", "STARGEO"),
    Metaedge("DlA", "Disease", "localizes", "Anatomy", "CC0 1.0", "MEDLINE co-occurrence"),
    Metaedge("DpS", "Disease", "presents", "Symptom", "CC0 1.0", "MEDLINE co-occurrence"),
    Metaedge("DrD", "Disease", "resembles", "Disease", "CC0 1.0", "MEDLINE co-occurrence"),
    Metaedge("DuG", "Disease", "upregulates", "Gene", "CC0 1.0", "STARGEO"),
    Metaedge("GcG", "Gene", "covaries", "Gene", "none stated", "Evolutionary rate covariation"),
    Metaedge("GiG", "Gene", "interacts", "Gene", "none stated", "Human Interactome Database, Incomplete Interactome"),
    Metaedge("GpBP", "Gene", "participates", _BP, "CC BY 4.0", "Gene Ontology"),
    Metaedge("GpCC", "Gene", "participates", _CC, "CC BY 4.0", "Gene Ontology"),
    Metaedge("GpMF", "Gene", "participates", _MF, "CC BY 4.0", "Gene Ontology"),
    Metaedge(
        "GpPW", "Gene", "participates", "Pathway", "CC BY 4.0, CC BY 3.0, public domain", "Reactome, WikiPathways, PID"
    ),
    Metaedge("Gr>G", "Gene", "regulates", "Gene", "CC BY 4.0", "LINCS L1000"),
    Metaedge("PCiC", "Pharmacologic Class", "includes", "Compound", "CC BY 4.0", "DrugCentral"),
)


def find_hetionet(folder: Path) -> tuple[Path, Path] | None:
    """The node and the edge file in this folder, if both are there."""
    found = []
    for names in (NODE_FILES, EDGE_FILES):
        paths = (folder / (name + end) for name in names for end in ("", ".gz", ".zst"))
        path = next((p for p in paths if p.is_file()), None)
        if path is None:
            return None
        found.append(path)
    return found[0], found[1]


def read_hetionet(node_file: Path, edge_file: Path) -> KnowledgeGraph:
    """The graph of a node and an edge file."""
    builder = GraphBuilder(read_node_table(node_file).rename({"kind": "type"}), METAEDGES, node_file)
    table, first_line = read_triples(edge_file)
    triples = builder.triples(table, edge_file, first_line)
    return builder.graph(np.asarray(triples), "hetionet", TREATS)


def read_node_table(path: Path) -> pl.DataFrame:
    """`id name kind` of each node; further columns, such as `smiles`, may be empty and are left out."""
    table = read_table(path, ("id", "name", "kind"), optional=("smiles",)).select("id", "name", "kind")
    if table.row(0) != ("id", "name", "kind"):
        raise BadInputError(path, f"has the columns {' '.join(table.row(0))} where id name kind are expected", 1)
    return table.slice(1)
