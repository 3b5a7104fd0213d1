"""The public names of `kgdrug`."""

from collections import Counter
from importlib import import_module

import kgdrug
from kgdrug import _ROOMS


def test_a_public_name_is_in_one_room_which_has_it():
    assert [name for name, count in Counter(n for names in _ROOMS.values() for n in names).items() if count > 1] == []
    for room, names in _ROOMS.items():
        assert [name for name in names if not hasattr(import_module(room), name)] == []
    assert sorted(kgdrug.__all__) == sorted(name for names in _ROOMS.values() for name in names)
