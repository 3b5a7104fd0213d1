"""What `describe` counted, in short sentences that a terminal and a page can both show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_FEW = 5  # examples in a sentence


def overview(about: Mapping[str, Any], unreadable: int) -> dict[str, list[str]]:
    """Sentences by subject; unreadable: how many structures RDKit cannot read."""
    return {
        "hubs": [_hubs(about)],
        "components": [components(about)],
        "duplicates": duplicates(about),
        "structures": [structures(about, unreadable)],
        "treatments": treatments(about),
        "annotations": [annotations(about)],
        "licences": [licences(about)],
        "made": [made(about["made"])],
    }


def components(about: Mapping[str, Any]) -> str:
    count, sizes = about["components"]["count"], about["components"]["sizes"]
    if count == 0:
        return "none: the graph has no entities"
    words = f"{count:,}; the largest has {sizes[0]:,} of {_count(about['entities'], 'entity', 'entities')}"
    following = [f"{size:,}" for size in sizes[1 : 1 + _FEW] if size > 1]
    if following:
        words += f", the next {', '.join(following)}"
    return words + f"; {about['isolated']:,} isolated"


def duplicates(about: Mapping[str, Any]) -> list[str]:
    found = about["duplicates"]
    dropped = "not counted" if found["dropped"] is None else f"{found['dropped']:,} dropped"
    lines = [f"{dropped} when the graph was read; {_count(about['self_loops'], 'triple')} of an entity with itself"]
    names = found["names"]
    if names["count"]:
        examples = [f"{row['name']} ({row['entities']} {row['type']})" for row in names["examples"]]
        lines.append(f"{_count(names['count'], 'name')} borne by several entities of a type: {_list(examples, _FEW)}")
    both = {metaedge: pairs for metaedge, pairs in found["both_ways"].items() if pairs}
    if both:
        lines.append("pairs both ways round: " + _list(f"{metaedge} {pairs:,}" for metaedge, pairs in both.items()))
    several = found["several_metaedges"]
    if several["pairs"]:
        together = [f"{' + '.join(row['metaedges'])} {row['pairs']:,}" for row in several["combinations"]]
        lines.append(f"{_count(several['pairs'], 'pair')} under several metaedges: {_list(together, _FEW)}")
    return lines


def structures(about: Mapping[str, Any], unreadable: int) -> str:
    by_type = {name: row for name, row in about["types"].items() if row["with_smiles"]}
    if not by_type:
        return "none known"
    known = _list(f"{row['with_smiles']:,} of {row['entities']:,} {name}" for name, row in by_type.items())
    return f"{known}; RDKit {f'cannot read {unreadable:,}' if unreadable else 'reads all'}"


def treatments(about: Mapping[str, Any]) -> list[str]:
    pairs = about["treatment_pairs"]
    if not about["treats"]:
        return ["none: no metaedge of the graph means treatment"]
    lines = [f"{about['treatments']:,} triples of {_list(about['treats'])}, {_count(pairs['pairs'], 'pair')}"]
    for side, one in (("diseases", "disease"), ("compounds", "compound")):
        row = pairs[side]
        if row["with_any"]:
            spread = row["treatments"]
            most = _list((f"{of['name']} {of['treatments']:,}" for of in row["most"]), 3)
            lines.append(
                f"{row['with_any']:,} of {row['entities']:,} {side} have any, {row['with_one']:,} exactly one; "
                f"per {one} median {spread['median']:g}, most {spread['max']:,} ({most})"
            )
    return lines


def annotations(about: Mapping[str, Any]) -> str:
    return _list(f"{count:,} {status}" for status, count in about["annotations"].items()) or "none"


def licences(about: Mapping[str, Any]) -> str:
    rows = [
        f"{licence or 'not stated'}: {triples:,} ({triples / max(about['triples'], 1):.1%})"
        for licence, triples in about["licences"].items()
    ]
    return "; ".join(rows) or "none: the graph has no metaedges"


def made(note: Mapping[str, Any]) -> str:
    """How a graph was made, in words: `sources hetionet; form hetionet; duplicates 0`."""
    return "; ".join(f"{key.replace('_', ' ')} {plain(value)}" for key, value in note.items()) or "not noted"


def plain(value: Any) -> str:
    """A value of JSON in words."""
    if isinstance(value, Mapping):
        return _list(f"{key} {plain(one)}" for key, one in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(map(plain, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _hubs(about: Mapping[str, Any]) -> str:
    rows = [f"{row['name']} ({row['type']}) {row['degree']:,} ({row['share']:.1%})" for row in about["hubs"]]
    return _list(rows, _FEW) or "none"


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _list(words: Iterable[str], most: int | None = None) -> str:
    every = list(words)
    return ", ".join(every[:most]) + (", …" if most is not None and len(every) > most else "")
