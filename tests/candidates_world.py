"""Small graphs with a known answer, for tests of candidates and reviews."""

import numpy as np

from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.candidates.candidate import Candidate, candidate_id
from segmend.core.edits.model import Merge, Split, Spot
from segmend.core.segmentation.graph_files import GraphArrays


def chain_graph(affinities, sizes=None, threshold=0.5, areas=None):
    """Supervoxels 1..n in a row along x, ten voxels apart; one edge between neighbours."""
    n = len(affinities) + 1
    sizes = sizes or [1000] * n
    edges = np.array([[i, i + 1] for i in range(1, n)], np.uint32).reshape(-1, 2)
    affinity = np.array(affinities, np.float32)
    area = np.array(areas or [100] * len(affinities), np.uint32)
    tree = agglomerate(edges, affinity, area, n)
    segment_of = cut_tree(tree, n, threshold)
    point = np.array([[0, 0, 0], *([0, 0, 10 * i] for i in range(n))], np.int32)
    return GraphArrays(
        edges=edges,
        affinity=affinity,
        area=area,
        strong=affinity,
        centroid=np.array([[0, 0, 10 * i + 5] for i in range(n - 1)], np.float32).reshape(-1, 3),
        size=np.array([0, *sizes], np.uint32),
        point=point,
        box=np.concatenate([point, point + 1], axis=1),
        merge_edges=tree.edges,
        merge_scores=tree.scores,
        segment_of=segment_of,
        export_ids=np.arange(int(segment_of.max()) + 1, dtype=np.uint64),
        source_ids=np.arange(n + 1, dtype=np.uint64),
    )


def spot(supervoxel):
    return Spot(supervoxel, (0.0, 0.0, 10.0 * (supervoxel - 1)))


def merge_candidate(a, b, *, probability=0.5, gain=0.1, **evidence):
    edit = Merge((spot(a), spot(b)))
    return Candidate(candidate_id(edit), "merge", edit.place_nm, edit, evidence, probability, gain)


def split_candidate(first, second, *, probability=0.5, gain=0.1, **evidence):
    edit = Split((tuple(map(spot, first)), tuple(map(spot, second))))
    return Candidate(candidate_id(edit), "split", edit.place_nm, edit, evidence, probability, gain)
