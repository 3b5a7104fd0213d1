"""Tables of evaluations: a model beside the baselines, each number with the interval that it could be off by."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kgdrug.cli.screen import as_text, new_table, out, print_numbers


def print_report(report: Mapping[str, Any], name: str) -> None:
    """Ranks of the held-out answers; where treatments were held out, pairs and popularity."""
    columns = "test", "MRR [95 %]", "Hits@1", "Hits@3", "Hits@10", "mean rank", "AMRI"
    rows: list[list[str]] = []
    keys = ("hits_at_1", "hits_at_3", "hits_at_10", "mean_rank", "amri")

    def add(label: str, values: Mapping[str, Any]) -> None:
        numbers = (as_text(values[key], 1 if key == "mean_rank" else 3) for key in keys)
        rows.append([label, interval(values, "mrr", 3), *numbers])

    def add_all(title: str, own: Mapping[str, Any], others: Mapping[str, Any]) -> None:
        rows.append([title])
        add(name, own)
        for baseline, values in others.items():
            add(f"baseline {_label(baseline)}", values)

    for side, words in (("both", "both sides"), ("head", "head asked"), ("tail", "tail asked")):
        others = report["baselines"] if side == "both" else report["baselines_by_side"][side]
        add_all(f"{words}, {as_text(report[side]['queries'])} queries", report[side], others)
    if report["by_disease"]:
        title = f"mean over {report['by_disease']['groups']:,} diseases"
        add_all(title, report["by_disease"], report["baselines_by_disease"])
    print_numbers(columns, rows, spare=("Hits@3", "mean rank"))
    for title, part in (("MRR by metaedge", "by_metaedge"), ("MRR by degree", "by_degree")):
        if len(report[part]) > 1:
            _print_beside(report[part], report[f"baselines_{part}"], title)
    which = "the entities of the answer's type" if report["candidates"] == "typed" else "all entities"
    out.print(f"filtered realistic ranks among {which}\nintervals: bootstrap over test triples")
    if report["by_disease"]:
        out.print("means over diseases: of queries that ask for compounds; their intervals: bootstrap over diseases")
    if report["pairs"]:
        print_pairs(report["pairs"], report["popularity"], name)


def print_pairs(pairs: Mapping[str, Any], popularity: Mapping[str, Any], name: str) -> None:
    """Pairs told apart from all that nobody knows of, and whether all diseases get the same."""
    counts = pairs["counts"]
    models = {name: pairs} | {f"baseline {_label(key)}": values for key, values in pairs["baselines"].items()}
    said = f"{counts['positives']:,} pairs of {counts['diseases']:,} diseases among {counts['negatives']:,} others"
    out.print(f"\n{said}")
    _print_columns(models, {"AUROC": "auroc", "AUPRC": "auprc", "AUROC, matched": "auroc_matched"}, "all pairs")
    columns = {"recall@1000": "recall_at_1000", "enriched 1 %": "enrichment_1pct", "enriched 5 %": "enrichment_5pct"}
    _print_columns(models, columns, "first of all pairs")
    columns = {"AUROC": "macro_auroc", "recall@10": "macro_recall_at_10", "enriched 1 %": "macro_enrichment_1pct"}
    _print_columns(models, columns, "mean over diseases")
    lists = {name: popularity} | {f"baseline {_label(key)}": v for key, v in popularity["baselines"].items()}
    names = "popularity", "Commonality@10", "Entropy@10", "score ~ degree", "score ~ treatments"
    keys = ("commonality_at_10", "entropy_at_10", "score_and_degree", "score_and_treatments")
    rows = [
        [label, *("-" if values[key] is None else f"{values[key]:.2f}" for key in keys)]
        for label, values in lists.items()
    ]
    print_numbers(names, rows, spare=("Entropy@10",))
    out.print("intervals: bootstrap over diseases; scores order pairs, and say nothing of how likely each is")


def interval(values: Mapping[str, Any], key: str, digits: int | None = None) -> str:
    """`0.536 [0.49, 0.58]`, the ends with a digit less; by default with three digits that tell.

    Where there is a standard deviation, `0.536 ± 0.021 [0.51, 0.56]`.
    """
    value, low, high = (values[name] for name in (key, f"{key}_low", f"{key}_high"))
    if value is None:
        return "-"
    digits = _digits(value) if digits is None else digits
    spread = f" ± {values[f'{key}_deviation']:.{digits}f}" if f"{key}_deviation" in values else ""
    ends = "" if low is None else f" [{low:.{max(0, digits - 1)}f}, {high:.{max(0, digits - 1)}f}]"
    return f"{value:.{digits}f}{spread}{ends}"


def _digits(value: float) -> int:
    return 3 if value == 0 else min(5, max(1, 2 - math.floor(math.log10(abs(value)))))


def _print_columns(models: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str], title: str) -> None:
    rows = [[label, *(interval(values, key) for key in columns.values())] for label, values in models.items()]
    print_numbers([title, *columns], rows)


def _print_beside(rows: Mapping[str, Any], others: Mapping[str, Any], title: str) -> None:
    """The MRR of the model in each row, with its interval, and that of each baseline."""
    names = list(next(iter(others.values())))
    cells = [
        [row, as_text(values["queries"]), interval(values, "mrr", 3),
         *(f"{others[row][name]['mrr']:.3f}" for name in names)]
        for row, values in rows.items()
    ]  # fmt: skip
    print_numbers([title, "queries", "this model [95 %]", *(_label(name).replace(" ", "\n") for name in names)], cells)


def print_listed(report: Mapping[str, Any], shown: int = 3) -> None:
    """What became of the pairs of a file, and of the universe."""
    listed, universe = report["listed"], report["universe"]
    out.print(f"{listed['pairs']:,} pairs listed, {listed['asked']:,} asked")
    words = {
        "unknown": "not in the graph",
        "outside_universe": "outside the universe",
        "excluded": "excluded",
        "seen_in_training": "treatments that the model was trained on or chosen by",
    }
    if listed["repeated"]:
        out.print(f"left out: {listed['repeated']:,} repeated")
    for key, why in words.items():
        if listed[key]:
            out.print(f"left out: {len(listed[key]):,} {why}: {_some(listed[key], shown)}")
    if listed["joined_otherwise"]:
        how = ", ".join(f"{count:,} by {metaedge}" for metaedge, count in listed["joined_otherwise"].items())
        out.print(f"asked, though training joins them otherwise: {how}")
    left = [f"{universe[key]:,} {key}" for key in ("known", "excluded") if universe[key]]
    without = f" without {' and '.join(left)}" if left else ""
    out.print(f"universe: {universe['pairs']:,} pairs{without}: {report['counts']['negatives']:,} negatives")
    if universe["unknown"]:
        out.print(f"left out of the universe: {universe['unknown']:,} pairs that are not in the graph")


_FOLDS_READ = {
    "folds": "the folds' training parts overlap, so that the intervals are somewhat too narrow",
    "splits": "training parts overlap, and test parts too, so that the intervals are too narrow; folds are better",
    "seeds": "over seeds of the training alone: for which triples were held out, see kgdrug evaluate",
}
_WHICH = {"folds": "fold", "splits": "seed of the split", "seeds": "seed"}


def print_folds(report: Mapping[str, Any]) -> None:
    """Each fold or repeat, then all together, beside the baselines."""
    each, repeats, other = report["models"], report["repeats"], report["split"]
    count = f"{len(each)} of {other['folds']} folds" if repeats == "folds" else f"{len(each)} {repeats}"
    settings = ", ".join(f"{key} {value}" for key, value in other.items() if key != "sha256")
    out.print(f"{count} of {report['kind']}; {settings}; graph {report['graph'][:12]}")
    pairs = [] if report["pairs"] is None else [("pairs", "auroc", "AUROC"), ("pairs", "auprc", "AUPRC")]
    columns = [("both", "mrr", "MRR"), ("both", "hits_at_10", "Hits@10"), *pairs]
    table = new_table("model", _WHICH[repeats], "test triples", *(title for *_, title in columns))
    for one in each:
        numbers = (as_text(one[part][key]) for part, key, _ in columns)
        table.add_row(one["model"], as_text(one["number"]), as_text(one["test"]), *numbers)
    out.print(table)
    models = {report["kind"]: report} | {f"baseline {_label(key)}": v for key, v in report["baselines"].items()}
    rows: list[list[str]] = []
    parts = {"both": "both sides", "head": "head asked", "tail": "tail asked", "by_disease": "mean over diseases"}
    for part, words in parts.items():
        if report[part] is not None:
            rows.append([words])
            for label, values in models.items():
                means = (as_text(values[part][key]) for key in ("hits_at_1", "hits_at_3"))
                ends = interval(values[part], "hits_at_10", 3)
                rows.append([label, interval(values[part], "mrr", 3), *means, ends])
    print_numbers([f"mean over {len(each)} {repeats}", "MRR", "Hits@1", "Hits@3", "Hits@10"], rows, spare=("Hits@3",))
    if pairs:
        of_pairs = {label: values["pairs"] for label, values in models.items()}
        _print_columns(of_pairs, {"AUROC": "auroc", "AUPRC": "auprc", "AUROC, matched": "auroc_matched"}, "all pairs")
    rows = [
        [_label(name), *(_signed(differences[part], key) for part, key, _ in columns)]
        for name, differences in report["differences"].items()
    ]
    print_numbers(["ahead of", *(title for *_, title in columns)], rows)
    out.print("± standard deviation; [Student's interval of 95 %]")
    out.print(_FOLDS_READ[repeats])


def _signed(values: Mapping[str, Any], key: str) -> str:
    """`+0.404 [+0.38, +0.43]`."""
    value, low, high = (values[name] for name in (key, f"{key}_low", f"{key}_high"))
    return "-" if value is None else f"{value:+.3f} [{low:+.2f}, {high:+.2f}]"


def print_comparison(report: Mapping[str, Any], a: str, b: str) -> None:
    """Two models on the same queries."""
    rows = []
    for side, words in (("both", "both sides"), ("head", "head asked"), ("tail", "tail asked")):
        values = report[side]
        p = "< 0.001" if values["p"] < 0.001 else f"{values['p']:.3f}"
        low, high = values["difference_low"], values["difference_high"]
        ends = "" if low is None else f" [{low:+.3f}, {high:+.3f}]"
        rows.append([
            words, f"{values['mrr_a']:.3f}", f"{values['mrr_b']:.3f}", f"{values['difference']:+.3f}{ends}", p,
            *(as_text(values[key]) for key in ("wins_a", "wins_b", "queries")),
        ])  # fmt: skip
    out.print(f"A  {a}\nB  {b}")
    print_numbers(("asked", "MRR A", "MRR B", "A - B [95 %]", "p", "better A", "better B", "queries"), rows)
    which = "the entities of the answer's type" if report["candidates"] == "typed" else "all entities"
    out.print(f"{report['common']:,} test triples, ranked among {which}; paired bootstrap and sign flips over triples")


def print_calibration(report: Mapping[str, Any], name: str) -> None:
    """Predicted beside observed, and what a probability is of."""
    table = new_table(name, "predicted", "observed [95 %]", "treatments", "pairs")
    for i, part in enumerate(report["bins"], 1):
        observed = f"{part['observed']:.4f} [{part['low']:.4f}, {part['high']:.4f}]"
        counts = (as_text(part[key]) for key in ("positives", "pairs"))
        table.add_row(f"bin {i}", f"{part['predicted']:.4f}", observed, *counts)
    out.print(table)
    fitted, judged = report["fitted_on"], report["judged_on"]
    out.print(f"{report['kind']} curve, learnt from {fitted['positives']:,} valid treatments and judged on ", end="")
    out.print(f"{judged['positives']:,} of test, each among {report['negatives_each']:,} pairs that nobody knows of")
    out.print(f"expected calibration error {report['ece']:.4f}; Brier score {report['brier']:.5f}, ", end="")
    out.print(f"of the share alone {report['brier_of_share']:.5f}")
    out.print(
        f"a probability is that the graph holds a pair, among pairs of which {report['share']:.2%} are treatments;"
    )
    out.print("among more unknown pairs it is smaller, and it is none that a compound works")


def _some(names: Sequence[str], shown: int) -> str:
    more = f" and {len(names) - shown:,} more (--json names all)" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _label(baseline: str) -> str:
    return baseline.replace("_", " ")
