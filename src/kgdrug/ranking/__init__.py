"""Questions and their ranked answers."""

from kgdrug.ranking.answers import Answer, KnownFact, Question, answer, predict, question
from kgdrug.ranking.export import flat_rows, write_answers
from kgdrug.ranking.links import links, pair_links

__all__ = [
    "Answer",
    "KnownFact",
    "Question",
    "answer",
    "flat_rows",
    "links",
    "pair_links",
    "predict",
    "question",
    "write_answers",
]
