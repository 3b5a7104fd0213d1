"""What every peer does for a question, with numpy alone: look up, score, take the best, add names and known facts.

The folder is made by `serving.py make`: `entity.npy` `(n, d)`, `relation.npy` `(w,)` of "is treated by", and
`about.json`. Nothing of kgdrug is imported: each server runs this in an environment of its own.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Answers = dict[str, list[dict[str, Any]]]


class Content:
    """The tables, the names and the known facts of one model."""

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        start, stop = about["candidates"]
        self.entity, self.relation = np.load(folder / "entity.npy"), np.load(folder / "relation.npy")
        self.candidates = self.entity[start:stop]
        self.ids, self.names, self.type = about["ids"], about["names"], about["type"]
        self.diseases: dict[str, int] = about["diseases"]
        self.known = {d: {int(row): facts for row, facts in of.items()} for d, of in about["known"].items()}

    def answer(self, questions: Sequence[dict[str, Any]]) -> list[Answers]:
        """Answers to questions `{"disease": ID, "top": 20}`, best first, ties in the order of the table."""
        heads = self.entity[[self.diseases[question["disease"]] for question in questions]]
        scores = self._moved(heads) @ self.candidates.T
        return [{"answers": self._best(row, asked)} for row, asked in zip(scores, questions, strict=True)]

    def _moved(self, heads: np.ndarray) -> np.ndarray:
        """Heads `(b, d)` moved by the relation: a product of complex numbers, kept as their halves."""
        (a_re, a_im), (b_re, b_im) = np.split(heads, 2, 1), np.split(self.relation, 2)
        return np.concatenate([a_re * b_re - a_im * b_im, a_re * b_im + a_im * b_re], 1)

    def _best(self, scores: np.ndarray, asked: dict[str, Any]) -> list[dict[str, Any]]:
        k = len(scores)
        top = min(asked["top"], k)
        reach = np.flatnonzero(scores >= np.partition(scores, k - top)[k - top])
        best = reach[np.argsort(-scores[reach], kind="stable")[:top]]
        known = self.known.get(asked["disease"], {})
        return [
            {
                "rank": i + 1,
                "id": self.ids[row],
                "name": self.names[row],
                "type": self.type,
                "score": score,
                "percentile": 100 * (k - 1 - i) / (k - 1),
                "known": known.get(row, []),
            }
            for i, (row, score) in enumerate(zip(best.tolist(), scores[best].tolist(), strict=True))
        ]
