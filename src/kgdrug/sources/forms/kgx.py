"""KGX (biolink/kgx): a node file and an edge file, as tables or as JSON lines, in the words of the Biolink model.

Nodes have `id category` and mostly `name`, some `synonym`, edges `subject predicate object`; a list, of categories or
synonyms, is separated by `|` in tables. The type is the narrowest category, which stands first, or last in a list that
begins with `NamedThing`. A predicate that joins several pairs of categories becomes several metaedges. So that nothing
is lost on the way out and in again, kgdrug writes beside them the columns `kgdrug_id` and `kgdrug_type` of a node,
`metaedge`, `relation_name` and `treats` of an edge; KGX carries them along.
"""

import glob
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from kgdrug.biolink import category, curie, predicate, qualifiers
from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.vocabulary import join_synonyms, split_synonyms
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.lines import not_utf8
from kgdrug.sources.packed import ENDINGS, read_bytes
from kgdrug.sources.reading import first_fields, read_table
from kgdrug.sources.records import parse_json, table_of
from kgdrug.sources.writing import entity_table, fact_table, synonym_texts, write_table

_OURS = ("kgdrug_id", "kgdrug_type")
_ABOUT = ("name", "smiles", "synonym", *_OURS)
_KNOWN_AS = {
    "source": ("primary_knowledge_source", "knowledge_source", "provided_by"),
    "licence": ("licence", "license"),
    "version": ("version",),
}
_SAID = ("metaedge", "relation_name", "treats", *(name for names in _KNOWN_AS.values() for name in names))


def find(path: Path, ending: str) -> tuple[Path, Path] | None:
    """The node and edge file with this ending (`.tsv`, `.jsonl`) in a folder, or beside one of them."""
    folder = path if path.is_dir() else path.parent
    endings = tuple(ending + packed for packed in ENDINGS)
    for end in endings:
        if path.is_file() and not path.name.endswith((f"nodes{end}", f"edges{end}")):
            continue
        start = glob.escape(path.name[: -len(f"nodes{end}")]) if path.is_file() else "*"
        nodes, edges = (sorted(folder.glob(f"{start}{kind}{end}")) for kind in ("nodes", "edges"))
        if len(nodes) == len(edges) == 1:
            return nodes[0], edges[0]
    return None


def is_kgx(path: Path, ending: str) -> bool:
    """Whether a folder or file is of this form: others too name their tables so, but have no `subject`."""
    files = find(path, ending)
    return files is not None and (ending == ".jsonl" or "subject" in first_fields(files[1], "\t"))


def read_tsv(path: Path, reading: Reading) -> KnowledgeGraph:
    files = find(path, ".tsv")
    if files is None:
        raise BadInputError(path, "needs one file that ends with nodes.tsv, and one with edges.tsv")
    node_file, edge_file = files
    nodes = read_table(node_file, reading, ("id", "category"), _ABOUT, header=True)
    said = _predicate_column(first_fields(edge_file, "\t"))
    edges = read_table(edge_file, reading, ("subject", said, "object"), _SAID, header=True)
    return _graph(nodes, node_file, edges.rename({said: "predicate"}), edge_file, reading)


def read_jsonl(path: Path, reading: Reading) -> KnowledgeGraph:
    files = find(path, ".jsonl")
    if files is None:
        raise BadInputError(path, "needs one file that ends with nodes.jsonl, and one with edges.jsonl")
    node_file, edge_file = files
    nodes = _json_lines(node_file, reading, ("id", "category"), _ABOUT)
    edges = _json_lines(edge_file, reading, ("subject", "predicate", "object"), _SAID)
    return _graph(nodes, node_file, edges, edge_file, reading)


def write_tsv(graph: KnowledgeGraph, path: Path) -> None:
    nodes, edges = _tables(graph)
    write_table(nodes, path / "nodes.tsv", header=True)
    write_table(edges, path / "edges.tsv", header=True)


def write_jsonl(graph: KnowledgeGraph, path: Path) -> None:
    nodes, edges = _tables(graph)
    nodes = nodes.with_columns(pl.concat_list("category"))
    if "synonym" in nodes.columns:
        nodes = nodes.with_columns(
            pl.Series("synonym", list(map(split_synonyms, nodes["synonym"])), pl.List(pl.String))
        )
    nodes.write_ndjson(path / "nodes.jsonl")
    edges.write_ndjson(path / "edges.jsonl")


def _graph(
    nodes: pl.DataFrame, node_file: Path, edges: pl.DataFrame, edge_file: Path, reading: Reading
) -> KnowledgeGraph:
    kinds = pl.col("category").str.split("|").list
    narrow = pl.when(kinds.first() == "biolink:NamedThing").then(kinds.last()).otherwise(kinds.first())
    own_type = pl.when(pl.col("kgdrug_type") != "").then("kgdrug_type")
    nodes = nodes.with_columns(
        own_type.otherwise(narrow.str.strip_prefix("biolink:")).alias("type"),
        pl.when(pl.col("kgdrug_id") != "").then("kgdrug_id").otherwise("id").alias("own_id"),
    )
    ours = nodes.filter(pl.col("own_id") != pl.col("id"))
    renamed = dict(zip(ours["id"], ours["own_id"], strict=True))
    builder = GraphBuilder(
        nodes.select("name", "type", "smiles", "line", id="own_id", synonyms="synonym"), node_file, reading
    )
    plain = pl.col("predicate").str.strip_prefix("biolink:")
    relation = pl.when(pl.col("relation_name") != "").then("relation_name").otherwise(plain)
    facts = edges.select(
        pl.col("subject").replace(renamed).alias("head"),
        pl.col("metaedge").alias("abbreviation"),
        relation.alias("relation"),
        pl.col("object").replace(renamed).alias("tail"),
        *(_first_filled(names).alias(name) for name, names in _KNOWN_AS.items()),
        "line",
    )
    builder.add(facts, edge_file)
    treated = edges.filter(pl.col("treats") == "yes")["metaedge"].unique().to_list()
    says = edges["treats"].is_in(["yes", "no"]).any()  # else the names of relations say it
    return builder.graph(node_file.parent.name, treated if says else None)


def _first_filled(names: Sequence[str]) -> pl.Expr:
    return pl.coalesce(*(pl.when(pl.col(name) != "").then(name) for name in names), pl.lit(""))


def _predicate_column(first: Sequence[str]) -> str:
    return "edge_label" if "edge_label" in first and "predicate" not in first else "predicate"  # before KGX 1.0


def _json_lines(path: Path, reading: Reading, columns: Sequence[str], optional: Sequence[str]) -> pl.DataFrame:
    """The named fields of each object, a list as text with `|`; a line without a field of `columns` is bad."""
    rows = []
    content = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise BadInputError(path, "is empty")
    for line, raw in enumerate(content.removesuffix(b"\n").split(b"\n"), 1):
        text = raw.decode("utf-8", "replace")
        try:
            record = parse_json(raw.decode())
            if not isinstance(record, dict):
                raise TypeError("it should begin with a brace")
        except UnicodeDecodeError as error:
            reading.bad(path, line, "encoding", not_utf8(raw[error.start : error.start + 1]), text)
            continue
        except (ValueError, TypeError) as error:
            reading.bad(path, line, "JSON", f"is no JSON object ({error}): {text[:200]!r}", text)
            continue
        if "predicate" in columns and "predicate" not in record and "edge_label" in record:
            record["predicate"] = record["edge_label"]
        fields = [_flat(record.get(name), name) for name in (*columns, *optional)]
        missing = next((name for name, value in zip(columns, fields, strict=False) if not value), None)
        if missing:
            reading.bad(path, line, "columns", f"has no {missing}: {text[:200]!r}", text)
            continue
        rows.append((*fields, line))
    table = table_of(rows, (*columns, *optional, "line"), path, reading)
    if table.is_empty():
        raise BadInputError(path, reading.only_bad_lines(path))
    return table


def _flat(value: object, name: str) -> str:
    if isinstance(value, list):
        texts = [str(one) for one in value if one is not None]
        return join_synonyms(texts) if name == "synonym" else "|".join(texts)
    return "" if value is None else str(value)


def _tables(graph: KnowledgeGraph) -> tuple[pl.DataFrame, pl.DataFrame]:
    entities = entity_table(graph)
    curies = [curie(entity, t) for entity, t in entities.select("id", "type").iter_rows()]
    entities = entities.with_columns(curie=pl.Series(curies, dtype=pl.String))
    # two ids may be one CURIE, say a symptom and a disease of MeSH: both keep their own
    taken = entities.select(
        pl.col("curie").is_duplicated() | pl.col("curie").is_in(entities["id"].to_list())
    ).to_series()
    entities = entities.with_columns(pl.when(taken).then("id").otherwise("curie").alias("curie"))
    types = {t.name: category(t.name) for t in graph.entity_types}
    nodes = entities.select(
        pl.col("curie").alias("id"),
        pl.col("type").replace(types).alias("category"),
        "name",
        "smiles",
        kgdrug_id="id",
        kgdrug_type="type",
    )
    if graph.entities.synonyms:
        nodes = nodes.with_columns(synonym_texts(graph).alias("synonym"))
    known = dict(zip(entities["id"], entities["curie"], strict=True))
    facts = fact_table(graph, "relation", "source", "licence", "version")
    kinds = {e.abbreviation: (e.relation, e.head_type, e.tail_type) for e in graph.metaedges}
    predicates = {metaedge: predicate(*kind) for metaedge, kind in kinds.items()}
    qualified = {metaedge: qualifiers(*kind) for metaedge, kind in kinds.items()}
    edges = facts.select(
        pl.col("head").replace(known).alias("subject"),
        pl.col("metaedge").replace_strict(predicates, default="").alias("predicate"),
        pl.col("tail").replace(known).alias("object"),
        "metaedge",
        pl.col("relation").alias("relation_name"),
        pl.col("source").alias("primary_knowledge_source"),
        "licence",
        "version",
        *(
            pl.col("metaedge")
            .replace_strict({metaedge: said.get(name, "") for metaedge, said in qualified.items()}, default="")
            .alias(name.removeprefix("biolink:"))
            for name in sorted({name for said in qualified.values() for name in said})
        ),
        treats=pl.when(pl.col("metaedge").is_in(list(graph.treats))).then(pl.lit("yes")).otherwise(pl.lit("no")),
    )
    return nodes, edges
