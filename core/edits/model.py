"""Edits as frozen values. An edit names supervoxels and a place for each, never only segments.

An edit says what a person wants. `resolve` (in `resolving`) turns it into a `Resolved` edit that holds every
choice the program made on the way (the sides of a cut, the voxels of a division, the ids of what is new), so that
replaying a journal never has to choose again.
"""

from __future__ import annotations

from dataclasses import dataclass

from segmend.core.edits.mask import VoxelMask
from segmend.core.errors import InputError
from segmend.core.geometry import ZyxNm
from segmend.core.segmentation.patches import Patch

VERDICTS = ("accept", "reject", "unsure")


@dataclass(frozen=True, slots=True)
class Spot:
    """A supervoxel and a place in it.

    Parameters
    ----------
    supervoxel : int
        Dense id, at least 1.
    place_nm : tuple of 3 float
        z, y, x.
    """

    supervoxel: int
    place_nm: ZyxNm

    def __post_init__(self) -> None:
        if self.supervoxel < 1:
            raise InputError(
                f"there is no segment at {_readable(self.place_nm)} nm: background cannot be edited; "
                "choose a place inside a segment"
            )


Spots = tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Join the segments of two or more spots into one; the largest keeps its id.

    Parameters
    ----------
    spots : tuple of Spot
    """

    spots: Spots

    def __post_init__(self) -> None:
        if len(self.spots) < 2:
            raise InputError("a merge needs at least two places: give --at Z Y X twice or more")

    @property
    def place_nm(self) -> ZyxNm:
        """The middle of the spots."""
        return _middle(self.spots)


@dataclass(frozen=True, slots=True)
class Split:
    """Cut one segment between seeds on two or more sides; the largest piece keeps its id.

    The cut is the cheapest one; supervoxels that belong to two sides are divided. Every side becomes one segment
    and every part of the segment belongs to a side afterwards.

    Parameters
    ----------
    sides : tuple of tuples of Spot
        Seeds of each side.
    """

    sides: tuple[Spots, ...]

    def __post_init__(self) -> None:
        if len(self.sides) < 2 or not all(self.sides):
            raise InputError(
                "a split needs seeds on two sides or more: give --side Z Y X twice or more"
            )

    @property
    def spots(self) -> Spots:
        """All seeds."""
        return tuple(spot for side in self.sides for spot in side)

    @property
    def place_nm(self) -> ZyxNm:
        """The middle between the sides."""
        return _middle(tuple(side[0] for side in self.sides))


@dataclass(frozen=True, slots=True)
class Cleave:
    """Take a segment apart into many, each grown from its seeds; what no seed reaches stays behind.

    Solved anew with each seed, so it works on whole supervoxels and divides only those with seeds of several groups.
    The remainder, else the largest group, keeps the id.

    Parameters
    ----------
    groups : tuple of tuples of Spot
        Seeds of each part; two groups or more.
    """

    groups: tuple[Spots, ...]

    def __post_init__(self) -> None:
        if len(self.groups) < 2 or not all(self.groups):
            raise InputError(
                "a cleave needs seeds of two groups or more: give --group Z Y X twice or more"
            )

    @property
    def spots(self) -> Spots:
        """All seeds."""
        return tuple(spot for group in self.groups for spot in group)

    @property
    def place_nm(self) -> ZyxNm:
        """The middle of the first seeds."""
        return _middle(tuple(group[0] for group in self.groups))


@dataclass(frozen=True, slots=True)
class Detach:
    """Take the supervoxels of some spots of one segment out of it, together, into a segment of their own.

    Parameters
    ----------
    spots : tuple of Spot
    """

    spots: Spots

    def __post_init__(self) -> None:
        if not self.spots:
            raise InputError("detaching needs at least one place: give --at Z Y X")

    @property
    def place_nm(self) -> ZyxNm:
        """The middle of the spots."""
        return _middle(self.spots)


@dataclass(frozen=True, slots=True)
class Paint:
    """Give voxels to a segment, whatever they belonged to.

    Parameters
    ----------
    mask : VoxelMask
        Voxels of the finest level.
    target : Spot, optional
        A place in the segment that gets them; a new segment if not given.
    place_nm : tuple of 3 float
        Middle of the stroke, for the log.
    """

    mask: VoxelMask
    target: Spot | None
    place_nm: ZyxNm

    @property
    def spots(self) -> Spots:
        """The target's spot, if there is one."""
        return () if self.target is None else (self.target,)


@dataclass(frozen=True, slots=True)
class Erase:
    """Give voxels to the background.

    Parameters
    ----------
    mask : VoxelMask
        Voxels of the finest level.
    only : Spot, optional
        Take them from this segment alone; from every segment if not given.
    place_nm : tuple of 3 float
        Middle of the stroke, for the log.
    """

    mask: VoxelMask
    only: Spot | None
    place_nm: ZyxNm

    @property
    def spots(self) -> Spots:
        """The spot of the only segment, if one is named."""
        return () if self.only is None else (self.only,)


@dataclass(frozen=True, slots=True)
class SplitSupervoxel:
    """Divide one supervoxel at voxel level between seeds; its parts stay in their segment.

    Parameters
    ----------
    sides : tuple of tuples of Spot
        Seeds of each part, all of one supervoxel.
    """

    sides: tuple[Spots, ...]

    def __post_init__(self) -> None:
        if len(self.sides) < 2 or not all(self.sides):
            raise InputError("dividing a supervoxel needs seeds on two sides or more")
        if len({spot.supervoxel for spot in self.spots}) > 1:
            raise InputError(
                "the seeds lie in several supervoxels: expected one; split the segment instead"
            )

    @property
    def spots(self) -> Spots:
        """All seeds."""
        return tuple(spot for side in self.sides for spot in side)

    @property
    def place_nm(self) -> ZyxNm:
        """The middle between the sides."""
        return _middle(tuple(side[0] for side in self.sides))


@dataclass(frozen=True, slots=True)
class MarkFinished:
    """Say that a segment is finished, or that it is not; any later change of it takes the mark away.

    Parameters
    ----------
    spot : Spot
    finished : bool
    """

    spot: Spot
    finished: bool = True

    @property
    def spots(self) -> Spots:
        """The one spot."""
        return (self.spot,)

    @property
    def place_nm(self) -> ZyxNm:
        """Of the spot."""
        return self.spot.place_nm


@dataclass(frozen=True, slots=True)
class Lock:
    """Protect a segment: edits that would change it are refused until it is unlocked.

    Parameters
    ----------
    spot : Spot
    locked : bool
    """

    spot: Spot
    locked: bool = True

    @property
    def spots(self) -> Spots:
        """The one spot."""
        return (self.spot,)

    @property
    def place_nm(self) -> ZyxNm:
        """Of the spot."""
        return self.spot.place_nm


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision on a candidate that changes no segment.

    Parameters
    ----------
    candidate : str
    verdict : str
        "reject" or "unsure"; an accepted candidate is the edit itself.
    place_nm : tuple of 3 float
    """

    candidate: str
    verdict: str
    place_nm: ZyxNm

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise InputError(
                f"verdict {self.verdict!r} is unknown: expected one of {', '.join(VERDICTS)}"
            )

    @property
    def spots(self) -> Spots:
        """None."""
        return ()


Edit = (
    Merge
    | Split
    | Cleave
    | Detach
    | Paint
    | Erase
    | SplitSupervoxel
    | MarkFinished
    | Lock
    | Verdict
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """An edit together with every choice that carrying it out needed.

    Parameters
    ----------
    edit : Edit
    sides : tuple of tuples of int
        Supervoxels that leave the segment, one tuple per new segment; children of the patches may be among them.
    new_segments : tuple of int
        Dense ids for these.
    patches : tuple of Patch
        Voxels that change their supervoxel; boxes of different patches do not share a parent.
    """

    edit: Edit
    sides: tuple[tuple[int, ...], ...] = ()
    new_segments: tuple[int, ...] = ()
    patches: tuple[Patch, ...] = ()

    @property
    def children(self) -> tuple[int, ...]:
        """Ids of supervoxels that the patches make."""
        return tuple(child for patch in self.patches for child in patch.children)


def _middle(spots: Spots) -> ZyxNm:
    z, y, x = (sum(axis) / len(spots) for axis in zip(*(s.place_nm for s in spots), strict=True))
    return z, y, x


def _readable(place_nm: ZyxNm) -> str:
    return " ".join(f"{value:g}" for value in place_nm)
