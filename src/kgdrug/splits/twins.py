"""Entities of one type that are one thing under two ids: by their structure, or by their name."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from kgdrug.graph import KnowledgeGraph
from kgdrug.sources.molecules import inchikeys

SAME_KEY, SAME_SKELETON, SAME_NAME = "one InChIKey", "one InChIKey skeleton", "one name"


@dataclass(frozen=True)
class Twins:
    """Two entities, the first index lower, and what they have in common."""

    one: int
    other: int
    why: str


def find_twins(graph: KnowledgeGraph, types: Iterable[str]) -> list[Twins]:
    """Pairs of entities of these types that seem to be one thing, ascending; the strongest reason alone.

    A skeleton in common may be that of stereoisomers. An entity whose name is its id has no name to compare.
    """
    found: dict[tuple[int, int], str] = {}
    for t in graph.entity_types:
        if t.name not in types:
            continue
        drawn = [i for i in t.range if i in graph.smiles]
        keys = dict(zip(drawn, inchikeys(graph.smiles[i] for i in drawn), strict=True)) if drawn else {}
        ids, names = graph.entities.ids, graph.entities.names
        for why, label in (
            (SAME_KEY, keys),
            (SAME_SKELETON, {i: key[:14] for i, key in keys.items() if key}),
            (SAME_NAME, {i: plain_name(names[i]) for i in t.range if names[i] != ids[i]}),
        ):
            alike = defaultdict(list)
            for i, text in label.items():
                if text:
                    alike[text].append(i)
            for group in alike.values():
                for place, one in enumerate(group):
                    for other in group[place + 1 :]:
                        found.setdefault((one, other), why)
    return [Twins(one, other, why) for (one, other), why in sorted(found.items())]


def plain_name(name: str) -> str:
    """A name without what spellings differ in: case, accents, spaces and punctuation.

    What stands between two digits stays, as a comma (2,4 is not 24), and so does a sign that is by itself, as in (+).
    """
    text = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    kept = []
    for i, c in enumerate(text):
        before, after = text[i - 1] if i else " ", text[i + 1] if i + 1 < len(text) else " "
        if c.isalnum():
            kept.append(c)
        elif before.isdigit() and after.isdigit():
            kept.append(",")
        elif c in "+-±" and not before.isalnum() and not after.isalnum():
            kept.append(c)
    return "".join(kept)
