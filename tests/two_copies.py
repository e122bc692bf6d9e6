"""Two copies of one small project, and people who edit them without knowing of each other."""

import shutil
from dataclasses import dataclass

import numpy as np
from edits_world import World, make_world

from segmend.core.copies.adoption import adopt
from segmend.core.edits.model import Detach, Erase, Lock, MarkFinished, Merge, Paint, Verdict
from segmend.core.errors import EditRefused, InputError
from segmend.core.journal.lines import ForeignJournal, ProjectIdentity
from segmend.core.timeline.timeline import Timeline

IDENTITY = ProjectIdentity(1, "base")


@dataclass
class Copy(World):
    """A world with an author."""

    author: str = "ada"

    def __post_init__(self):
        super().__post_init__()
        self.timeline = Timeline(self.base, self.journal, self.base_voxels, 1, self.author)

    def copied(self, folder, author):
        """Another folder with the same journal."""
        folder.mkdir()
        for file in self.folder.glob("journal.sqlite*"):
            shutil.copy(file, folder)
        return Copy(self.base, self.labels, self.affinities, folder, None, author)

    def foreign(self):
        rows = tuple(self.journal.operations())
        return ForeignJournal(str(self.folder), IDENTITY, rows, self.journal.damaged)

    def adopt(self, other):
        foreign = other if isinstance(other, ForeignJournal) else other.foreign()
        adoption = adopt(self.journal, foreign, IDENTITY, self.base, self.base_voxels, self.author)
        self.timeline.catch_up()
        return adoption

    def partition(self):
        """Segments of all voxels, named by their first voxel."""
        segments = self.segmentation.segment_of[self.finest()].reshape(-1)
        _, first, inverse = np.unique(segments, return_index=True, return_inverse=True)
        return np.where(segments == 0, -1, first[inverse])


def begin(folder, per_segment=3, seed=3):
    """The first copy."""
    folder.mkdir(exist_ok=True)
    world = make_world(folder, seed=seed, per_segment=per_segment)
    world.close()
    return Copy(world.base, world.labels, world.affinities, folder, None, "ada")


def edit_at_random(world, rng, count, within=None):
    """Make edits of all kinds; `within`: supervoxels of the base in whose segments the person works."""
    made = 0
    while made < count:
        try:
            _act(world, rng, within)
            made += 1
        except (EditRefused, InputError):
            continue


def _act(world, rng, within):
    s = world.segmentation
    alive = np.flatnonzero(s.segment_of)
    if within is not None:
        alive = alive[np.isin(alive, [part for sv in within for part in s.lineage(int(sv))])]
    a, b, c = rng.choice(alive, 3).tolist()
    kind = rng.choice(list(_ACTS), p=[w / sum(_WEIGHTS) for w in _WEIGHTS])
    _ACTS[kind](world, rng, a, b, c)


def _merge(world, rng, a, b, c):
    world.commit(Merge((world.spot(a), world.spot(b))))


def _split(world, rng, a, b, c):
    members = world.segmentation.members(int(world.segmentation.segment_of[a]))
    world.commit(world.split(a, int(rng.choice(members))))


def _detach(world, rng, a, b, c):
    world.commit(Detach((world.spot(a),)))


def _divide(world, rng, a, b, c):
    world.commit(world.divide(a))


def _stroke(world, a):
    z, y, x = world.segmentation.points(np.array([a]))[0].tolist()
    return world.stroke((z, y, x), (z + 1, y + 1, x + 1))


def _paint(world, rng, a, b, c):
    stroke = _stroke(world, a)
    world.commit(Paint(stroke, world.spot(b), world.spot(a).place_nm))


def _erase(world, rng, a, b, c):
    world.commit(Erase(_stroke(world, a), None, world.spot(a).place_nm))


def _mark(world, rng, a, b, c):
    world.commit(MarkFinished(world.spot(a), True))


def _lock(world, rng, a, b, c):
    world.commit(
        Lock(world.spot(a), int(world.segmentation.segment_of[a]) not in world.segmentation.locked)
    )


def _verdict(world, rng, a, b, c):
    verdict = str(rng.choice(["reject", "unsure"]))
    edit = Verdict(f"candidate {a}", verdict, world.spot(a).place_nm)
    world.timeline.commit(edit, candidate=edit.candidate, verdict=verdict)


def _undo(world, rng, a, b, c):
    world.timeline.undo()


def _redo(world, rng, a, b, c):
    world.timeline.redo()


def _switch(world, rng, a, b, c):
    history = world.timeline.history
    on = [o.number for o in history.done]
    off = [o.number for o in (*history.off, *history.undone)]
    if off and rng.random() < 0.5:
        world.timeline.switch(on=[int(rng.choice(off))])
    elif on:
        world.timeline.switch(off=[int(rng.choice(on))])


_ACTS = {
    "merge": _merge,
    "split": _split,
    "detach": _detach,
    "divide": _divide,
    "paint": _paint,
    "erase": _erase,
    "mark": _mark,
    "lock": _lock,
    "verdict": _verdict,
    "undo": _undo,
    "redo": _redo,
    "switch": _switch,
}
_WEIGHTS = (6, 4, 2, 2, 2, 1, 1, 1, 1, 2, 1, 1)
