"""Who decides on candidates, and how right the result is."""

from segmend.core.review.evaluation import Scores, evaluate
from segmend.core.review.loop import ReviewReport, review
from segmend.core.review.perfect import PerfectReviewer
from segmend.core.review.reviewer import Reviewer

__all__ = ["PerfectReviewer", "ReviewReport", "Reviewer", "Scores", "evaluate", "review"]
