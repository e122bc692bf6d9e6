"""What may be wrong with a segmentation, found, judged, ordered, stored."""

from segmend.core.candidates.candidate import Candidate, CandidateKind
from segmend.core.candidates.detection import DetectionSettings, detect_candidates
from segmend.core.candidates.queue import ORDERS, CandidateQueue, Order
from segmend.core.candidates.rescoring import PairScorer
from segmend.core.candidates.store import load_candidates, save_candidates

__all__ = [
    "Candidate",
    "CandidateKind",
    "CandidateQueue",
    "DetectionSettings",
    "ORDERS",
    "Order",
    "PairScorer",
    "detect_candidates",
    "load_candidates",
    "save_candidates",
]
