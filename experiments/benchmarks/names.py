"""How long a look-up among 100,000 generated names takes: one keystroke of a beginning, a word, an id, or a typo.

    python experiments/benchmarks/names.py [--names 100000] [--texts 500] [--seed 0]

Prints median, 95th percentile and worst of single look-ups, in milliseconds of one core (processor time, so that other
work on the machine counts little); how long what they need takes when first needed, and its memory; and how often a
mistyped name was among the first three answers.
"""

import argparse
import os
import platform
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable

from kgdrug.graph import Vocabulary

SYLLABLES = [
    first + rest
    for first in ("b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "th", "st", "tr", "ph", "v", "z")
    for rest in ("a", "e", "i", "o", "u", "ine", "ol", "ra", "er", "an")
]


def generated(count: int, chance: random.Random) -> Vocabulary:
    """Names such as Hetionet has: symbols of genes, drugs of one word, and phrases whose words repeat."""
    words = list(dict.fromkeys("".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(count // 5)))
    often = [1 / rank for rank in range(1, len(words) + 1)]
    ids, names, synonyms = [], [], {}
    for i in range(count):
        kind = chance.random()
        if kind < 0.45:
            ids.append(f"Gene::{i}")
            names.append(
                "".join(chance.choices("ABCDEFGHIKLMNPRSTXZ", k=chance.randint(2, 5))) + str(chance.randint(1, 20))
            )
        elif kind < 0.6:
            ids.append(f"Compound::DB{i:05}")
            names.append("".join(chance.choices(SYLLABLES, k=chance.randint(3, 5))).capitalize())
            synonyms[i] = ["".join(chance.choices(SYLLABLES, k=chance.randint(3, 5)))]
        else:
            ids.append(f"Disease::DOID:{i}" if kind < 0.7 else f"Biological Process::GO:{i:07}")
            names.append(" ".join(chance.choices(words, often, k=chance.randint(2, 7))))
    return Vocabulary(ids, names, synonyms=synonyms)


def mistyped(name: str, chance: random.Random) -> str:
    """The name with two letters swapped, one missing, or one doubled."""
    k = chance.randrange(len(name) - 1)
    return chance.choice(
        [name[:k] + name[k + 1] + name[k] + name[k + 2 :], name[:k] + name[k + 1 :], name[:k] + name[k] + name[k:]]
    )


def timed(look_up: Callable[[str], object], texts: Iterable[str]) -> list[float]:
    """Milliseconds of each look-up."""
    taken = []
    for text in texts:
        started = time.process_time()
        look_up(text)
        taken.append(1000 * (time.process_time() - started))
    return sorted(taken)


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=500, help="look-ups of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    vocabulary = generated(given.names, chance)
    chosen = [i for i in chance.sample(range(given.names), given.names) if len(vocabulary.names[i]) > 5]
    names = [vocabulary.names[i] for i in chosen[: given.texts]]
    phrases = [vocabulary.names[i] for i in chosen if " " in vocabulary.names[i]][: given.texts]
    bare = [vocabulary.ids[i].split("::")[1] for i in chosen[: given.texts]]
    typos = [mistyped(name, chance) for name in names]
    kinds = {
        "beginning": [name[: chance.randint(1, len(name))] for name in names],
        "word": [name.split(" ", 1)[1][: chance.randint(2, 8)] for name in phrases],
        "id": [entity[: chance.randint(2, len(entity))] for entity in bare],
        "typo": typos,
        "typo, unfinished": [mistyped(name[: chance.randint(4, len(name))], chance) for name in names],
    }
    print(f"{given.names:,} names and {sum(map(len, vocabulary.synonyms.values())):,} synonyms; {processor()}")
    fresh = Vocabulary(vocabulary.ids, vocabulary.names, synonyms=vocabulary.synonyms)
    tracemalloc.start()
    fresh.search(names[0][:3])
    fresh.search(typos[0])
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    first = timed(vocabulary.search, [names[0][:2]])[0], timed(vocabulary.search, ["no such name"])[0]
    print(f"first look-up {first[0]:.0f} ms, first typo {first[1]:.0f} ms more")
    print(f"memory {kept / 1e6:.0f} MB, at most {peak / 1e6:.0f} MB while it is made")
    print(f"{'':18}{'median':>8}{'95 %':>8}{'worst':>8}  ms")
    for kind, texts in kinds.items():
        taken = timed(vocabulary.search, texts)
        row = statistics.median(taken), taken[int(0.95 * len(taken))], taken[-1]
        print(f"{kind:18}" + "".join(f"{value:8.2f}" for value in row))
    found = sum(vocabulary.names[i] in [vocabulary.names[k] for k in vocabulary.search(text, 3)]
                for i, text in zip(chosen, typos, strict=False))  # fmt: skip
    print(f"{found / len(typos):.1%} of the mistyped names are among the first three")


if __name__ == "__main__":
    main()
