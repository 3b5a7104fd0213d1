"""Questions and their ranked answers."""

from kgdrug.ranking.answers import Answer, KnownFact, Question, answer, predict, question
from kgdrug.ranking.export import flat_rows, write_answers

__all__ = ["Answer", "KnownFact", "Question", "answer", "flat_rows", "predict", "question", "write_answers"]
