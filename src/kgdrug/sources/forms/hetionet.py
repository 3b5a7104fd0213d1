"""Hetionet v1.0 (Himmelstein et al. 2017, doi 10.7554/eLife.26726): its node table and its edge list.

Read are the official `hetionet-v1.0-nodes.tsv` (`id name kind`) with `hetionet-v1.0-edges.sif.gz`
(`source metaedge target`), `nodes.tsv` with `hetionet-rebuilt.tsv` (`head metaedge tail`), and `nodes.tsv` with
`edges.sif`, compressed or not; `nodes.tsv` may have `smiles`. Written are the last two.
"""

from dataclasses import replace
from pathlib import Path

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder, check_types
from kgdrug.sources.forms.triples import read_lines
from kgdrug.sources.packed import packed
from kgdrug.sources.reading import read_table
from kgdrug.sources.writing import entity_table, fact_table, write_table

NODE_FILES = ("hetionet-v1.0-nodes.tsv", "nodes.tsv")
EDGE_FILES = ("hetionet-v1.0-edges.sif", "hetionet-rebuilt.tsv", "edges.sif")
TREATS = ("CtD",)

_BP, _CC, _MF = "Biological Process", "Cellular Component", "Molecular Function"
_MIXED = "mixed: CC BY-NC 4.0, CC BY-SA 3.0, CC BY 4.0, CC BY 3.0, none stated"
_METAEDGES = (
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


METAEDGES = {e.abbreviation: replace(e, version="v1.0") for e in _METAEDGES}
KINDS = tuple(sorted({kind for e in _METAEDGES for kind in (e.head_type, e.tail_type)}))


def find(folder: Path) -> tuple[Path, Path] | None:
    """The node and the edge file in this folder, if both are there."""
    nodes, edges = packed(folder, NODE_FILES), packed(folder, EDGE_FILES)
    return None if nodes is None or edges is None else (nodes, edges)


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    files = find(path)
    if files is None:
        raise BadInputError(path, "has no files of Hetionet's nodes and edges")
    node_file, edge_file = files
    nodes = read_table(node_file, reading, ("id", "name", "kind"), ("smiles",), header=True)
    nodes = check_types(nodes.rename({"kind": "type"}), KINDS, node_file, reading)
    builder = GraphBuilder(nodes, node_file, reading)
    # licences are those of the published files; another graph of this form says its own, or none
    published = edge_file.name.startswith("hetionet-")
    bare = {name: replace(e, licence="", source="", version="") for name, e in METAEDGES.items()}
    builder.add(read_lines(edge_file, reading), edge_file, METAEDGES if published else bare)
    return builder.graph("hetionet", TREATS)


def write(graph: KnowledgeGraph, path: Path) -> None:
    for e in graph.metaedges:
        known = METAEDGES.get(e.abbreviation)
        if known is None or (e.head_type, e.relation, e.tail_type) != (
            known.head_type,
            known.relation,
            known.tail_type,
        ):
            raise UsageError(
                f"the form hetionet has room for Hetionet's own metaedges only; {e} is none; try kgx or parquet"
            )
    nodes = entity_table(graph).rename({"type": "kind"}).select("id", "name", "kind", "smiles")
    write_table(nodes if graph.smiles else nodes.drop("smiles"), path / "nodes.tsv", header=True)
    edges = fact_table(graph).rename({"head": "source", "tail": "target"})
    write_table(edges, path / "edges.sif", header=True)
