import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.reports.plots import at_least, short_number


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.integers(1, 5000), max_size=400), most=st.integers(2, 150))
def test_each_point_of_the_degree_curve_is_a_true_count(values, most):
    degrees, entities = at_least(np.array(values, np.int64), most)
    assert len(degrees) <= most
    assert [sum(v >= d for v in values) for d in degrees.tolist()] == entities.tolist()
    distinct = sorted(set(values))
    if len(distinct) <= most:
        assert degrees.tolist() == distinct
    else:
        assert set(degrees.tolist()) <= set(distinct)
        assert (degrees[0], degrees[-1]) == (distinct[0], distinct[-1])


@pytest.mark.parametrize(
    ("value", "short"), [(1, "1"), (1000, "1,000"), (10_000, "10k"), (100_000, "100k"), (1e6, "1M"), (1e7, "10M")]
)
def test_ticks_are_short(value, short):
    assert short_number(value) == short
