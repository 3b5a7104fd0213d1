"""Entities of one type that are one thing under several ids: by their structure, or by their name."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from kgdrug.graph import KnowledgeGraph
from kgdrug.sources.molecules import inchikeys

SAME_KEY, SAME_NAME, SAME_SKELETON = "one InChIKey", "one name", "one InChIKey skeleton"
CROWD = (
    10  # more entities than this under one label are no twins: the label, such as "hypothetical protein", names none
)

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-") | {",": " "})
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\W_](?=\d)")
_SPELLING = re.compile(r"[^\w,+\-±]|_|[+\-±](?=[^\W_])")


@dataclass(frozen=True)
class Alike:
    """Entities of one type, ascending, that have something in common: why, and the name or key itself."""

    why: str
    label: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Twins:
    """Two entities, the first index lower, and what they have in common."""

    one: int
    other: int
    why: str


def find_alike(
    graph: KnowledgeGraph, types: Collection[str], whys: Collection[str] = (SAME_KEY, SAME_NAME, SAME_SKELETON)
) -> list[Alike]:
    """Entities of these types that have one of these things in common, the strongest reason first.

    A skeleton in common may be that of stereoisomers. An entity whose name is its id has no name to compare.
    """
    found = []
    for t in graph.entity_types:
        if t.name not in types:
            continue
        drawn = [i for i in t.range if i in graph.smiles] if {SAME_KEY, SAME_SKELETON} & set(whys) else []
        keys = dict(zip(drawn, inchikeys(graph.smiles[i] for i in drawn), strict=True)) if drawn else {}
        ids, names = graph.entities.ids, graph.entities.names
        labels: dict[str, Mapping[int, str | None]] = {
            SAME_KEY: keys,
            SAME_NAME: {i: plain_name(names[i]) for i in t.range if names[i] != ids[i]} if SAME_NAME in whys else {},
            SAME_SKELETON: {i: key[:14] for i, key in keys.items() if key},
        }
        for why in (why for why in labels if why in whys):
            alike = defaultdict(list)
            for i, text in labels[why].items():
                if text:
                    alike[text].append(i)
            found += [Alike(why, label, tuple(members)) for label, members in alike.items() if len(members) > 1]
    return found


def twins_among(alike: Iterable[Alike]) -> list[Twins]:
    """Pairs of entities that seem to be one thing, ascending, each with the first reason; none of a crowd."""
    found: dict[tuple[int, int], str] = {}
    for group in alike:
        if len(group.members) > CROWD:
            continue
        for place, one in enumerate(group.members):
            for other in group.members[place + 1 :]:
                found.setdefault((one, other), group.why)
    return [Twins(one, other, why) for (one, other), why in sorted(found.items())]


def not_comparable(graph: KnowledgeGraph, types: Collection[str]) -> list[str]:
    """What twins of these types could not be looked for by: `names`, `structures`, where no entity has one."""
    entities = [i for t in graph.entity_types if t.name in types for i in t.range]
    named = any(graph.entities.names[i] != graph.entities.ids[i] for i in entities)
    return [
        what for what, there in (("names", named), ("structures", bool(graph.smiles.keys() & entities))) if not there
    ]


def plain_name(name: str) -> str:
    """A name without what spellings differ in: case, accents, spaces and punctuation.

    What stands between two digits stays, as a comma (2,4 is not 24), and so does a sign that no letter or digit
    follows: by itself as in (+), or at an end as in HER2+.
    """
    text = unicodedata.normalize("NFKD", name.casefold())
    if not text.isascii():
        text = "".join(c for c in text if not unicodedata.combining(c))
    return _SPELLING.sub("", _BETWEEN_DIGITS.sub(",", text.translate(_DASHES)))
