"""Files of the outside world to a `KnowledgeGraph`, and back."""

from typing import TYPE_CHECKING

from kgdrug.lazy import lazily

if TYPE_CHECKING:
    from kgdrug.sources.annotations import read_annotations
    from kgdrug.sources.bad_lines import BadLine, Reading, write_bad_lines
    from kgdrug.sources.build import Built, build_graph
    from kgdrug.sources.downloads import DATASETS, Dataset, cache_folder, data_folder, get_dataset, places
    from kgdrug.sources.export import differences, write_graph
    from kgdrug.sources.forms import FORMS, Form
    from kgdrug.sources.listed import annotated_dates, read_dates, read_groups
    from kgdrug.sources.load import (
        SAMPLE,
        find_dataset,
        find_part,
        load_graph,
        load_parts,
        locate,
        read_part,
        shipped,
    )
    from kgdrug.sources.merge import MergeReport, merge_graphs, read_mapping
    from kgdrug.sources.objects import from_dgl, from_networkx, from_pandas, from_pyg, from_pykeen
    from kgdrug.sources.pairs import PairTable, read_pairs

__all__ = [
    "DATASETS",
    "FORMS",
    "SAMPLE",
    "BadLine",
    "Built",
    "Dataset",
    "Form",
    "MergeReport",
    "PairTable",
    "Reading",
    "annotated_dates",
    "build_graph",
    "cache_folder",
    "data_folder",
    "differences",
    "find_dataset",
    "find_part",
    "from_dgl",
    "from_networkx",
    "from_pandas",
    "from_pyg",
    "from_pykeen",
    "get_dataset",
    "load_graph",
    "load_parts",
    "locate",
    "merge_graphs",
    "places",
    "read_annotations",
    "read_dates",
    "read_groups",
    "read_mapping",
    "read_pairs",
    "read_part",
    "shipped",
    "write_bad_lines",
    "write_graph",
]

__getattr__ = lazily(
    __name__,
    {
        "kgdrug.sources.annotations": ("read_annotations",),
        "kgdrug.sources.build": ("Built", "build_graph"),
        "kgdrug.sources.downloads": ("DATASETS", "Dataset", "cache_folder", "data_folder", "get_dataset", "places"),
        "kgdrug.sources.export": ("differences", "write_graph"),
        "kgdrug.sources.forms": ("FORMS", "Form"),
        "kgdrug.sources.listed": ("annotated_dates", "read_dates", "read_groups"),
        "kgdrug.sources.load": (
            "SAMPLE",
            "find_dataset",
            "find_part",
            "load_graph",
            "load_parts",
            "locate",
            "read_part",
            "shipped",
        ),
        "kgdrug.sources.merge": ("MergeReport", "merge_graphs", "read_mapping"),
        "kgdrug.sources.objects": ("from_dgl", "from_networkx", "from_pandas", "from_pyg", "from_pykeen"),
        "kgdrug.sources.pairs": ("PairTable", "read_pairs"),
        "kgdrug.sources.bad_lines": ("BadLine", "Reading", "write_bad_lines"),
    },
)
