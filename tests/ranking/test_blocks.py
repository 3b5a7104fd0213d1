"""Questions that are answered together, against each by itself over Python lists."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError
from kgdrug.graph import Annotation
from kgdrug.ranking import Filters, Question, answer_columns, answers, described, question, top
from kgdrug.ranking.described import Columns
from kgdrug.trained import ServedModel, TrainedModel

Maker = Callable[..., TrainedModel]
Told = list[tuple[int, str, float, float, float | None]]
METAEDGES = {"CtD": ("Compound", "treats", "Disease"), "DrD": ("Disease", "resembles", "Disease")}
COMPOUNDS, DISEASES = [f"Compound::C{i}" for i in range(9)], [f"Disease::D{i}" for i in range(4)]
IDS = COMPOUNDS + DISEASES
VALUES = np.array([-np.inf, -1, 0, 0.5, 2], np.float32)  # few, so that many are equal


def plain(scores: np.ndarray, asked: int, candidates: range, eligible: set[str], known: set[int], page: slice) -> Told:
    """Rank, id, score, percentile and agreement of the answers to one question; scores: `(members, n)`, as whole."""
    whole, *members = [{c: float(row[c]) for c in candidates} for row in scores]

    def ranked(own: dict[int, float]) -> list[int]:
        counting = [c for c in own if IDS[c] in eligible and c not in known and (c != asked)]
        return sorted(counting, key=lambda c: (-own[c], c))

    def percentile(c: int) -> float:
        below, equal = (sum(test(x) for x in whole.values()) for test in (whole[c].__gt__, whole[c].__eq__))
        return 50 * (2 * below + equal - 1) / max(1, len(whole) - 1)

    def agreement(c: int, rank: int) -> float | None:
        if len(members) < 2 or len(ranked(whole)) <= described.ALIKE:
            return None
        return sum(ranked(own).index(c) + 1 <= max(described.ALIKE, rank) for own in members) / len(members)

    answers = list(enumerate(ranked(whole), 1))[page]
    return [(rank, IDS[c], whole[c], percentile(c), agreement(c, rank)) for rank, c in answers]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_each_of_many_questions_is_answered_as_it_is_alone(make: Maker, data: st.DataObject) -> None:
    pairs = st.tuples(st.sampled_from(COMPOUNDS), st.just("CtD"), st.sampled_from(DISEASES))
    facts = data.draw(st.dictionaries(pairs, st.sampled_from(("train", "test")), min_size=1, max_size=12))
    like = data.draw(st.sets(st.tuples(st.sampled_from(DISEASES), st.just("DrD"), st.sampled_from(DISEASES))))
    like = {(h, r, t) for h, r, t in like if h != t}
    settled = data.draw(st.sets(st.tuples(st.integers(0, 8), st.integers(9, 12)), max_size=3))
    model = make(
        {"Compound": COMPOUNDS, "Disease": DISEASES}, METAEDGES, facts | dict.fromkeys(like, "train"), ("CtD",)
    )
    notes = tuple(Annotation(c, d, "approved", "X") for c, d in sorted(settled))
    graph = replace(model.graph, annotations=notes)
    count = data.draw(st.integers(1, 3))
    served = replace(model, split=replace(model.split, graph=graph), members=model.members * count).served

    random = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    table = VALUES[random.integers(data.draw(st.integers(0, 3)), 5, (count, 13, 13))]
    broken = data.draw(st.one_of(st.none(), st.integers(9, 12)))
    if broken is not None:
        table[0, broken, data.draw(st.integers(0, 12))] = math.nan

    def best_of(self: ServedModel, entities: np.ndarray, relations: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        span = self.graph.answers(relations[0])
        each = np.ascontiguousarray(table[:, entities, span.start : span.stop])
        return self.vote(each), each

    alike = data.draw(st.booleans())
    candidates = range(9, 13) if alike else range(9)
    names = data.draw(st.lists(st.sampled_from([IDS[c] for c in candidates]), max_size=4, unique=True))
    filters = data.draw(st.sampled_from([Filters(), Filters(exclude=tuple(names)), Filters(only=tuple(names) or None)]))
    eligible = {IDS[c] for c in candidates if IDS[c] not in filters.exclude and (IDS[c] in names or not filters.only)}
    novel, offset, most = data.draw(st.booleans()), data.draw(st.integers(0, 4)), data.draw(st.integers(1, 12))

    def known(disease: int) -> set[int]:
        if not novel:
            return set()
        d = IDS[disease]
        if alike:
            return {i for i, other in enumerate(IDS) if {(d, "DrD", other), (other, "DrD", d)} & like}
        return {c for c in candidates if (IDS[c], "CtD", d) in facts or (c, disease) in settled}

    def asked(disease: int) -> Question:
        return question(graph, head=IDS[disease], relation="DrD") if alike else question(graph, disease=IDS[disease])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServedModel, "usual", lambda self, relations: np.zeros(len(candidates), np.float32))
        patch.setattr(ServedModel, "best_of", best_of)
        patch.setattr(described, "SORTED", data.draw(st.sampled_from([0, 20_000])))
        patch.setattr(described, "FEW", data.draw(st.sampled_from([0, 2, 8])))
        patch.setattr(described, "ALIKE", data.draw(st.sampled_from([1, 3, 20])))
        patch.setattr(top, "WIDTH", data.draw(st.integers(1, 4)))
        patch.setattr(top, "CACHED", data.draw(st.sampled_from([1, 20, 250_000])))
        patch.setattr(answers, "TOGETHER", data.draw(st.sampled_from([1, 2, 3, 500])))

        def told(*diseases: int) -> list[Columns]:
            return list(answer_columns(served, map(asked, diseases), most, novel, filters, offset=offset))

        fine = []
        for disease in range(9, 13):
            if np.isnan(table[:, disease, candidates]).any():
                with pytest.raises(KgdrugError, match="not numbers"):
                    told(disease)
                with pytest.raises(KgdrugError, match="not numbers"):
                    told(9, 10, 11, 12)
            else:
                fine.append(disease)
        expected = []
        for disease in fine:
            each = table[:, disease]
            voted = np.full(13, np.nan, np.float32)
            voted[candidates.start : candidates.stop] = best_of(served, np.array([disease]), asked(disease).relations)[
                0
            ]
            page = slice(offset, offset + most)
            expected.append(plain(np.stack([voted, *each]), disease, candidates, eligible, known(disease), page))
        found = told(*fine)
        fields = ("rank", "id", "score", "percentile", "agreement")
        assert [list(zip(*(one[name] for name in fields), strict=True)) for one in found] == expected
        assert found == [told(disease)[0] for disease in fine]
