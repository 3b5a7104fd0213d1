"""Questions, their ranked answers, and what stands behind them."""

from typing import TYPE_CHECKING

from kgdrug.lazy import lazily

if TYPE_CHECKING:
    from kgdrug.ranking.addresses import links, pair_links
    from kgdrug.ranking.alike import Similar, similar
    from kgdrug.ranking.answers import answer, answer_all, answer_columns, predict
    from kgdrug.ranking.around import between, write_entities, write_neighbourhood
    from kgdrug.ranking.asked import read_questions
    from kgdrug.ranking.described import Answer, Columns, KnownFact, Noted
    from kgdrug.ranking.entities import Neighbour, about_entity, draw, neighbours
    from kgdrug.ranking.explaining import Explanation, explain, explanation_record
    from kgdrug.ranking.export import about_model, as_record, flat_rows, write_all_answers, write_answers
    from kgdrug.ranking.filters import Filters
    from kgdrug.ranking.hops import Found, Hit, Hop, Prediction, Support, look_up
    from kgdrug.ranking.inferring import Inferred, infer
    from kgdrug.ranking.matrix import write_matrix
    from kgdrug.ranking.metagraph import MetaGraph, MetaStatement, meta_graph
    from kgdrug.ranking.questions import Question, question
    from kgdrug.ranking.scoring import answer_of, score, score_file
    from kgdrug.ranking.statements import Concept, Provenance, Statement
    from kgdrug.ranking.vectors import member_vectors, write_vectors

__all__ = [
    "Answer",
    "Columns",
    "Concept",
    "Explanation",
    "Filters",
    "Found",
    "Hit",
    "Hop",
    "Inferred",
    "KnownFact",
    "MetaGraph",
    "MetaStatement",
    "Neighbour",
    "Noted",
    "Prediction",
    "Provenance",
    "Question",
    "Similar",
    "Statement",
    "Support",
    "about_entity",
    "about_model",
    "answer",
    "answer_all",
    "answer_columns",
    "answer_of",
    "as_record",
    "between",
    "draw",
    "explain",
    "explanation_record",
    "flat_rows",
    "infer",
    "links",
    "look_up",
    "member_vectors",
    "meta_graph",
    "neighbours",
    "pair_links",
    "predict",
    "question",
    "read_questions",
    "score",
    "score_file",
    "similar",
    "write_all_answers",
    "write_answers",
    "write_entities",
    "write_matrix",
    "write_neighbourhood",
    "write_vectors",
]

__getattr__ = lazily(
    __name__,
    {
        "kgdrug.ranking.addresses": ("links", "pair_links"),
        "kgdrug.ranking.alike": ("Similar", "similar"),
        "kgdrug.ranking.answers": ("answer", "answer_all", "answer_columns", "predict"),
        "kgdrug.ranking.around": ("between", "write_entities", "write_neighbourhood"),
        "kgdrug.ranking.asked": ("read_questions",),
        "kgdrug.ranking.described": ("Answer", "Columns", "KnownFact", "Noted"),
        "kgdrug.ranking.entities": ("Neighbour", "about_entity", "draw", "neighbours"),
        "kgdrug.ranking.explaining": ("Explanation", "explain", "explanation_record"),
        "kgdrug.ranking.export": ("about_model", "as_record", "flat_rows", "write_all_answers", "write_answers"),
        "kgdrug.ranking.filters": ("Filters",),
        "kgdrug.ranking.hops": ("Found", "Hit", "Hop", "Prediction", "Support", "look_up"),
        "kgdrug.ranking.inferring": ("Inferred", "infer"),
        "kgdrug.ranking.matrix": ("write_matrix",),
        "kgdrug.ranking.metagraph": ("MetaGraph", "MetaStatement", "meta_graph"),
        "kgdrug.ranking.questions": ("Question", "question"),
        "kgdrug.ranking.scoring": ("answer_of", "score", "score_file"),
        "kgdrug.ranking.statements": ("Concept", "Provenance", "Statement"),
        "kgdrug.ranking.vectors": ("member_vectors", "write_vectors"),
    },
)
