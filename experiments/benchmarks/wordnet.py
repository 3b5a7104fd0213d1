"""WordNet 3.0 as a folder of train, valid and test: a graph that no setting was tuned on, to try `auto` with.

python experiments/benchmarks/wordnet.py /usr/share/wordnet wordnet     # the files of Debian's package wordnet-base
kgdrug train experiments/auto.toml --set graph.splits=wordnet

Synsets are the entities, eleven kinds of links between them the relations, as in WN18RR (Dettmers et al. 2018):
33,221 synsets that have few links each. The parts are other than WN18RR's, so are the figures: a symmetric relation
stands there in both directions, one of which may be in train and the other in test.
"""

import random
import sys
from collections import Counter
from pathlib import Path

LINKS = {
    "@": "hypernym",
    "@i": "instance_hypernym",
    "+": "derivationally_related_form",
    "%m": "member_meronym",
    "%p": "has_part",
    ";c": "synset_domain_topic_of",
    "-r": "member_of_domain_region",
    "-u": "member_of_domain_usage",
    "^": "also_see",
    "$": "verb_group",
    "&": "similar_to",
}
PARTS_OF_SPEECH = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
LEAST = 4  # links of a synset that is kept
HELD_OUT = 3100  # triples of valid, and of test


def links(folder: Path) -> set[tuple[str, str, str]]:
    """Head synset, relation and tail synset of every link in WordNet's data files (format: its manual, wndb(5))."""
    found = set()
    for name, part in PARTS_OF_SPEECH.items():
        for line in (folder / f"data.{name}").read_text(encoding="ascii").splitlines():
            if line.startswith(" "):  # the licence
                continue
            words = line.partition("|")[0].split()
            count = 4 + 2 * int(words[3], 16)  # words of the synset, then how many links, then four fields of each
            for i in range(count + 1, count + 1 + 4 * int(words[count]), 4):
                symbol, offset, of = words[i : i + 3]
                if symbol in LINKS:
                    found.add((part + words[0], LINKS[symbol], of.replace("s", "a") + offset))
    return found


def degrees(triples: list[tuple[str, str, str]]) -> Counter[str]:
    """How many triples each entity stands in."""
    return Counter(end for head, _, tail in triples for end in (head, tail))


def main(folder: Path, out: Path) -> None:
    triples = sorted(links(folder))
    degree = degrees(triples)
    triples = [triple for triple in triples if min(degree[triple[0]], degree[triple[2]]) >= LEAST]
    random.Random(0).shuffle(triples)
    degree, train, held = degrees(triples), [], []
    for triple in triples:  # each entity keeps a triple in train
        if len(held) < 2 * HELD_OUT and min(degree[triple[0]], degree[triple[2]]) > 1:
            held.append(triple)
            degree.subtract((triple[0], triple[2]))
        else:
            train.append(triple)
    out.mkdir(parents=True)
    for name, part in (("train", train), ("valid", held[:HELD_OUT]), ("test", held[HELD_OUT:])):
        (out / f"{name}.txt").write_text("".join("\t".join(triple) + "\n" for triple in part), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
