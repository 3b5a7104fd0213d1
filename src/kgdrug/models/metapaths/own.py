"""What a pair's own edges do to its features, taken out in closed form.

A treatment that is learned from must not be seen in the features that it is learned from, and one that is asked about
is not in the graph. So every feature of a pair is defined on the graph without the edges that join the pair itself,
of whatever metaedge. A path of two steps or more never runs along them: it would come to its own end too early. But
they count in the degrees of the pair's two ends, and there alone, as no other entity on the path is one of the pair.
"""

import numpy as np

from kgdrug.graph.metapath import Metapath, Step
from kgdrug.models.metapaths.paths import Float, Steps


def take_out_own_edges(paths: Float, metapath: Metapath, steps: Steps) -> None:
    """Make the DWPC `(s, t)` of two steps or more, in place, that of each pair on the graph without its own edges.

    The weight of each path has the degree of the pair's first entity along the first step to the power of `-damping`,
    and likewise that of its second along the last; one less is a factor.
    """
    source, target = (steps.ends(metapath.steps[i])[i].name for i in (0, -1))
    for step, far, heads in ((metapath.steps[0], target, True), (metapath.steps[-1], source, False)):
        if steps.ends(step)[heads].name == far:
            own = steps.plain(step).tocoo()
            degree = steps.degrees(step)[not heads][own.row if heads else own.col]
            # an only edge's end is on no path but those along it, of which there are none here
            paths[own.row, own.col] *= (degree / np.maximum(degree - 1, 1)) ** steps.damping


def pair_degrees(step: Step, steps: Steps, other: str, heads: bool) -> Float:
    """Degrees along a step without the pair's own edges, for each pair `(s, t)`.

    heads: of the pair's first entity, from which the step leads; otherwise of its second, to which it leads; other: the
    type of the entity at the other end of the pair. The array may be a view that cannot be written.
    """
    degree = steps.degrees(step)[not heads]
    if steps.ends(step)[heads].name == other:
        own: Float = steps.plain(step).toarray()
        return (degree[:, None] if heads else degree) - own
    size = len(steps.type(other))
    if heads:
        return np.broadcast_to(degree[:, None], (len(degree), size))
    return np.broadcast_to(degree, (size, len(degree)))
