"""Figures as SVG that stands inside an HTML page: the door to matplotlib.

Nothing of pyplot is used, so no figure outlives its page and no display is asked for. Text stays text, in the font of
the page, and the colours below become the page's own (`var(--ink)`), so that a dark page has a light ink.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

INK, FAINT, ACCENT, TREAT, SOFT, SOFT_TREAT = "#1f2933", "#8a96a3", "#1d6fa5", "#b8480c", "#cfe0ec", "#f3d9c6"
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    ACCENT: "var(--accent)",
    TREAT: "var(--treat)",
    SOFT: "var(--soft)",
    SOFT_TREAT: "var(--soft-treat)",
}
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kgdrug",  # the same figure has the same ids
    "font.family": "sans-serif",
    "font.size": 12,
    "text.parse_math": False,  # a name may hold a dollar sign
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
}


@contextmanager
def drawing() -> Iterator[None]:
    """The settings under which figures are made and written."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # the reader's fonts draw the text; matplotlib's own only measures it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(width: float, height: float, fitted: bool = True) -> Figure:
    """An empty figure of so many units, each a pixel where the page is 900 wide.

    fitted: whether axes leave room for their labels by themselves.
    """
    return Figure(figsize=(width / 72, height / 72), dpi=72, layout="constrained" if fitted else None)


def text_for_drawing(text: str, most: int) -> str:
    """The text in at most so many characters, cut in its middle, without those that XML cannot hold."""
    clean = re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return clean if len(clean) <= most else clean[: most // 2] + "…" + clean[len(clean) - (most - 1) // 2 :]


def to_svg(figure: Figure, name: str, says: str) -> str:
    """The `<svg>` element of a figure.

    name: comes before every id, which have to differ between the figures of a page; says: what the figure shows, for
    those who do not see it.
    """
    written = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(written.getvalue())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # inside HTML the namespace goes without saying
        for key in list(element.attrib):
            value = element.attrib.pop(key)
            key = key.rpartition("}")[2]
            element.set(key, _within_page(key, value, name))
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib.clear()
    root.attrib.update(
        {"class": name, "viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": text_for_drawing(says, 1000)}
    )
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _within_page(key: str, value: str, name: str) -> str:
    """An attribute of a figure as it stands in the page: ids with the figure's name, colours as variables."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    value = value.replace("url(#", f"url(#{name}-")
    if key == "style":
        for colour, variable in _VARIABLES.items():
            value = value.replace(colour, variable)
    return value
