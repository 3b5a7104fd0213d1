"""Tables of ids to a `KnowledgeGraph`: entities first, then facts file by file."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kgdrug.errors import BadInputError, did_you_mean
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.graph.graph import ABOUT
from kgdrug.graph.known import Int, distinct_sorted, triples_of
from kgdrug.graph.vocabulary import split_synonyms
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.reading import texts_of

TREATS = ("treats", "indication")  # names of the relation that means treatment, where a form does not say
_SIDES = ("head", "tail")
_CONTROL = r"[\t\n\r]+"
_CHUNK = 1 << 20
_BETWEEN = "\x1f"  # the unit separator, which no name has
_MOST_NAMED = 8  # sources and versions of a metaedge that are named one by one
UNSTATED = "none stated"  # the licence of facts that name none, beside others that do


@dataclass(frozen=True)
class _Part:
    """Facts of one table as indices: heads `(t,)`, codes of kinds `(t,)`, tails `(t,)`."""

    heads: NDArray[np.uint32]
    codes: NDArray[np.int32]
    tails: NDArray[np.uint32]


class GraphBuilder:
    """Entities first, then facts table by table; each problem is reported with its file and line.

    A metaedge is there when a fact is: those without one are left out.
    """

    def __init__(self, nodes: pl.DataFrame, file: Path, reading: Reading) -> None:
        """nodes: columns `id name type`, and `smiles`, `synonyms` and `line` where they are known.

        An empty name is the id; synonyms stand in one text, as `join_synonyms` writes them.
        """
        self._reading, self._file = reading, file
        nodes = distinct_nodes(nodes, file, reading)
        if nodes.is_empty():
            raise BadInputError(file, "holds only bad lines" if reading.bad_lines else "holds no entities")
        nodes = _plain_text(nodes, file, reading).sort("type", "id")
        counts = nodes.group_by("type", maintain_order=True).len()
        stops = np.cumsum(counts["len"].to_numpy()).tolist()
        self.entity_types = tuple(
            EntityType(name, stop - count, stop) for (name, count), stop in zip(counts.iter_rows(), stops, strict=True)
        )
        names = nodes.select(pl.when(pl.col("name") == "").then("id").otherwise("name").alias("name"))["name"]
        synonyms, smiles = (nodes[c] if c in nodes.columns else () for c in ("synonyms", "smiles"))
        others = {i: split_synonyms(text) for i, text in enumerate(synonyms) if text}
        self.entities = Vocabulary(nodes["id"], names, synonyms=others)
        self.smiles = {i: text for i, text in enumerate(smiles) if text}
        self._ids = pl.Enum(nodes["id"])
        self._type_of = np.repeat(np.arange(len(counts), dtype=np.int32), counts["len"].to_numpy())
        self._parts: list[_Part] = []
        self._kinds: dict[tuple[str, str, str, str], int] = {}  # abbreviation, head type, relation, tail type
        self._about: dict[int, list[dict[str, str]]] = {}

    def add(self, table: pl.DataFrame, file: Path, metaedges: Mapping[str, Metaedge] | None = None) -> None:
        """Add facts: columns `head relation tail line`, the ends given as ids.

        metaedges: those that `relation` can name. Without them a relation becomes one metaedge for each pair of
        types that it joins; the columns `abbreviation`, `licence`, `source` and `version`, where there are any, say
        more about it.
        """
        self._file = file
        words, short = pl.col("relation"), "abbreviation" in table.columns
        if short:
            words = pl.concat_str("abbreviation", pl.lit(_BETWEEN), "relation")
        texts = table.select(words).to_series()
        names = texts.unique(maintain_order=True).cast(pl.String)
        # each text is looked up once; from here on there are numbers, null where an end is unknown
        table = table.with_columns(
            *(_numbers(table[side], self._ids).alias(f"_{side}") for side in _SIDES),
            _numbers(texts, pl.Enum(names)).alias("_word"),
        )
        table = self._without_unknown_ends(table, file)
        if metaedges is not None:
            table = self._without_misfits(table, names, file, metaedges)
        heads, words_of, tails = (table[column].to_numpy() for column in ("_head", "_word", "_tail"))
        count = len(self.entity_types)
        # in place and no wider than needed: on millions of facts, touching fresh memory is what takes the time
        narrow = len(names) * count**2 < 2**31
        combined: NDArray[np.signedinteger[Any]] = words_of.astype(np.int32 if narrow else np.int64)
        for ends in (heads, tails):
            combined *= count
            combined += self._type_of[ends]
        most = int(combined.max(initial=0)) + 1
        chunks = (combined[start : start + _CHUNK] for start in range(0, len(combined), _CHUNK))
        found = np.flatnonzero(sum((np.bincount(chunk, minlength=most) for chunk in chunks), np.zeros(most, np.int64)))
        codes = np.zeros(int(found[-1]) + 1 if len(found) else 1, np.int32)
        for value in found.tolist():
            word, pair = divmod(value, count * count)
            head_type, tail_type = (self.entity_types[i].name for i in divmod(pair, count))
            abbreviation, _, relation = names[word].partition(_BETWEEN) if short else ("", "", names[word])
            given = metaedges[relation] if metaedges is not None else None
            if given is not None:
                abbreviation, relation = given.abbreviation, given.relation
            kind = (abbreviation or relation, head_type, relation, tail_type)
            codes[value] = self._kinds.setdefault(kind, len(self._kinds))
            if given is not None:
                about = {key: getattr(given, key) for key in ABOUT}
                self._about.setdefault(int(codes[value]), []).append(about)
        part = _Part(heads, codes[combined], tails)
        self._parts.append(part)
        columns = [name for name in ABOUT if name in table.columns]
        if columns and metaedges is None:
            said = table.select(columns).with_columns(code=pl.Series(part.codes)).unique().sort("code", *columns)
            for row in said.iter_rows(named=True):
                self._about.setdefault(row.pop("code"), []).append(row)

    def graph(self, name: str, treats: Sequence[str] | None = None) -> KnowledgeGraph:
        """The graph of all facts that were added; duplicates are dropped and counted.

        treats: abbreviations of the metaedges that mean treatment; by default those whose relation is one of TREATS.
        """
        named, n = self._metaedges(), len(self.entities)
        order, place = self._order(named)
        keys = [_keys(p, place, n) for p in self._parts]
        everything = keys[0] if len(keys) == 1 else np.concatenate([*keys, np.empty(0, np.int64)])
        everything.sort()
        triples = triples_of(distinct_sorted(everything), n)
        if not len(triples) and self._reading.bad_lines:
            raise BadInputError(self._file, "no fact is left: each stood on a bad line, or named what did")
        self._reading.duplicates += sum(map(len, keys)) - len(triples)
        metaedges = tuple(named[code] for code in order)
        if treats is None:
            treats = [e.abbreviation for e in metaedges if is_treatment(e)]
        there = tuple(sorted({e.abbreviation for e in metaedges} & set(treats)))
        return KnowledgeGraph(self.entities, self.entity_types, metaedges, triples, there, name, self.smiles)

    @property
    def parts(self) -> list[Int]:
        """The triples `(t, 3)` of each `add`, in the order of its table, numbered as in `graph`."""
        _, place = self._order(self._metaedges())
        return [np.stack([p.heads.astype(np.int64), place[p.codes], p.tails.astype(np.int64)], 1) for p in self._parts]

    def _order(self, named: Sequence[Metaedge]) -> tuple[list[int], Int]:
        """The codes in the order of the metaedges' abbreviations, and the place of each code in it."""
        order = sorted(range(len(named)), key=lambda code: named[code].abbreviation)
        return order, np.argsort(np.array(order, np.int64))

    def _metaedges(self) -> list[Metaedge]:
        """A metaedge for each code; an abbreviation that stands for several gets their types behind it.

        Where that is not enough to tell them apart, the relation stands between them.
        """
        names = [abbreviation for abbreviation, *_ in self._kinds]
        for longer in ("{0}:{1}-{3}", "{0}:{2}:{1}-{3}", "{0}:{2}:{1}:{3}"):
            bearers = Counter(names)
            names = [longer.format(*k) if bearers[n] > 1 else n for n, k in zip(names, self._kinds, strict=True)]
        result = []
        for name, ((_, head_type, relation, tail_type), code) in zip(names, self._kinds.items(), strict=True):
            about = _said(self._about.get(code, []))
            result.append(Metaedge(name, head_type, relation, tail_type, **about))
        return result

    def _without_unknown_ends(self, table: pl.DataFrame, file: Path) -> pl.DataFrame:
        def message(row: dict[str, Any]) -> str:
            entity = next(row[side] for side in _SIDES if row[f"_{side}"] is None)
            close = [] if self._reading.skip_bad_lines else self.entities.close_matches(entity, 1)
            hint = f"; did you mean {close[0]}?" if close else "; no node has this id"
            return f"unknown entity {entity!r}{hint}"

        unknown = (table["_head"].is_null() | table["_tail"].is_null()).to_numpy()
        return self._reading.drop(table, unknown, file, "unknown entity", message)

    def _without_misfits(
        self, table: pl.DataFrame, names: pl.Series, file: Path, metaedges: Mapping[str, Metaedge]
    ) -> pl.DataFrame:
        """Drop rows whose metaedge is unknown, or whose ends are not of its types."""
        known = ", ".join(itertools.islice(metaedges, 30))
        there = names.is_in(list(metaedges)).to_numpy()
        table = self._reading.drop(
            table,
            ~there[table["_word"].to_numpy()],
            file,
            "unknown metaedge",
            lambda row: f"unknown metaedge {row['relation']!r}; known are {known}",
        )
        place = {t.name: i for i, t in enumerate(self.entity_types)}
        for side, end in (("head", "head_type"), ("tail", "tail_type")):
            expected = [place.get(getattr(metaedges[n], end), -1) if n in metaedges else -1 for n in names]
            types = self._type_of[table[f"_{side}"].to_numpy()]

            def message(row: dict[str, Any], side: str = side) -> str:
                of_type = self.entity_types[self._type_of[self.entities.index(row[side])]].name
                return f"{row[side]!r} is a {of_type}, which does not fit the metaedge {metaedges[row['relation']]}"

            wrong = types != np.array(expected, np.int32)[table["_word"].to_numpy()]
            table = self._reading.drop(table, wrong, file, "misfit", message)
        return table


def _keys(part: _Part, place: Int, entities: int) -> Int:
    """What `triple_keys` would make of a part's triples; `(t,)`."""
    keys: Int = place[part.codes]
    for ends in (part.heads, part.tails):
        keys *= entities
        keys += ends
    return keys


def _numbers(texts: pl.Series, known: pl.Enum) -> pl.Series:
    """The place of each text among the known ones, uint32; null where it is none of them."""
    if not isinstance(texts.dtype, pl.Categorical):
        return texts.cast(known, strict=False).to_physical()
    distinct_texts = texts.unique()
    codes, places = distinct_texts.to_physical(), distinct_texts.cast(pl.String).cast(known, strict=False).to_physical()
    lookup = np.zeros(int(codes.max() or 0) + 1, np.uint32)  # type: ignore[arg-type]
    lookup[codes.to_numpy()] = places.fill_null(len(known.categories)).to_numpy()
    numbers = pl.Series(lookup[texts.to_physical().to_numpy()])
    return numbers.replace(len(known.categories), None) if places.null_count() else numbers


def nodes_of(tables: Iterable[pl.DataFrame], types: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
    """`id name type` of whatever stands at the ends of facts; types: from ids to the names of their types."""
    ids = pl.concat([texts_of(table[side]) for table in tables for side in _SIDES]).unique().alias("id")
    return pl.DataFrame({"id": ids, "name": pl.repeat("", len(ids), eager=True), "type": types(ids)})


def is_treatment(metaedge: Metaedge) -> bool:
    """Whether a metaedge says by its relation that its head treats its tail."""
    return metaedge.relation.casefold() in TREATS and metaedge.head_type != metaedge.tail_type


def join_words(words: Iterable[str], most: int | None = None) -> str:
    """The distinct words that are not empty, in order, as one text; of more than `most` only the count is said."""
    texts = list(dict.fromkeys(word for word in words if word))
    if len(texts) == 1:
        return texts[0]
    distinct = list(dict.fromkeys(word for text in texts for word in text.split("; ")))
    more = 0 if most is None else len(distinct) - most
    return "; ".join(distinct[:most]) + (f"; and {more} more" if more > 0 else "")


def _said(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Licence, source and version of a metaedge from what its lines say; no licence is left out of the text."""
    licences = [row.get("licence", "") for row in rows]
    stated = any(licences)
    return {
        "licence": join_words(licence or UNSTATED if stated else "" for licence in licences),
        "source": join_words((row.get("source", "") for row in rows), _MOST_NAMED),
        "version": join_words((row.get("version", "") for row in rows), _MOST_NAMED),
    }


def with_made(graph: KnowledgeGraph, source: str, form: str, reading: Reading) -> KnowledgeGraph:
    """The graph with a note of where it came from and what was left out."""
    made: dict[str, object] = {"sources": [source], "form": form, "duplicates": reading.duplicates}
    if reading.bad_lines:
        made["bad_lines"] = reading.kinds
    return replace(graph, made=made)


def without_control(table: pl.DataFrame, columns: Sequence[str], file: Path, reading: Reading) -> pl.DataFrame:
    """The rows whose ids and types, in these columns, hold no tab and no line end; each other is noted."""
    broken = table.select(pl.any_horizontal(pl.col(columns).str.contains(_CONTROL))).to_series().to_numpy()

    def message(row: dict[str, Any]) -> str:
        return f"an id or type holds a tab or a line end: {[row[c] for c in columns]}"

    return reading.drop(table, broken, file, "control character", message)


def _plain_text(nodes: pl.DataFrame, file: Path, reading: Reading) -> pl.DataFrame:
    """The nodes with tabs and line ends in names as spaces; an id or type that holds one is a bad line."""
    nodes = without_control(nodes, ("id", "type"), file, reading)
    texts = [c for c in ("name", "smiles", "synonyms") if c in nodes.columns]
    return nodes.with_columns(pl.col(texts).str.replace_all(_CONTROL, " "))


def distinct_nodes(nodes: pl.DataFrame, file: Path, reading: Reading) -> pl.DataFrame:
    """The nodes with each id once: a line that says the same again is counted, one that says otherwise is bad.

    Other synonyms are no other word: those of the first line are kept.
    """
    if nodes["id"].n_unique() == len(nodes):
        return nodes
    what = [c for c in nodes.columns if c not in ("file", "line", "record", "synonyms")]
    same = pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).first().over("id")) for c in what)
    said = (nodes.select(same).to_series() & ~nodes["id"].is_first_distinct()).to_numpy()
    reading.duplicates += int(said.sum())
    nodes = nodes.filter(~said)
    firsts = nodes.unique("id", keep="first", maintain_order=True)
    first_of = {row["id"]: row for row in firsts.filter(pl.col("id").is_in(_twice(nodes))).iter_rows(named=True)}

    def message(row: dict[str, Any]) -> str:
        first = first_of[row["id"]]
        where = next((f"in {w} {first[w]}" for w in ("line", "record") if first.get(w) is not None), "before")
        where += f" of {first['file']}" if first.get("file") != row.get("file") else ""
        if row["type"] != first["type"]:
            return f"the id {row['id']!r} is a {row['type']} here and a {first['type']} {where}"
        what = "name" if row["name"] != first["name"] else "structure"
        return f"the id {row['id']!r} stands {where} already, with another {what}"

    again = ~nodes["id"].is_first_distinct().to_numpy()
    return reading.drop(nodes, again, file, "id twice", message)


def _twice(nodes: pl.DataFrame) -> list[str]:
    return nodes.filter(pl.col("id").is_duplicated())["id"].unique().to_list()


def check_types(nodes: pl.DataFrame, known: Sequence[str], file: Path, reading: Reading) -> pl.DataFrame:
    """The nodes without those whose `type` is none of the known ones, each of which is noted."""
    wrong = ~nodes["type"].is_in(list(known)).to_numpy()
    return reading.drop(
        nodes,
        wrong,
        file,
        "unknown type",
        lambda row: (
            f"unknown entity type {row['type']!r}"
            + (did_you_mean(row["type"], known) or f"; known are {', '.join(known)}")
        ),
    )


def refuse_unknown_types(metaedges: Iterable[Metaedge], builder: GraphBuilder, file: Path) -> None:
    """BadInputError for a metaedge that names a type of which there is no entity."""
    known = [t.name for t in builder.entity_types]
    for e in metaedges:
        for name in (e.head_type, e.tail_type):
            if name not in known:
                raise BadInputError(
                    file, f"no entity is of type {name!r}, which the metaedge {e} needs{did_you_mean(name, known)}"
                )
