"""Dealing a source out to jobs: which files, or stretches of files, each of them reads.

Everything here is decided from the sizes of files, and the footers or first bytes of a few, so that it can be
decided before a run, again and again, with the same result.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trex.corpora.reader import FileReader, Reader
from trex.corpora.stretches import Stretch

# A file is cut only into stretches of this size or more, which take about as long to count as a job takes to start.
LEAST_BYTES = 16 << 20
# Places of a corpus that is too large to be read: this many, if they then have between 1 and 64 MB.
PLACES = 256
PLACE_BYTES = 1 << 20, 64 << 20
FEWEST_PLACES = 16
_LOOKED_AT = 8  # files by which the text in a byte of a file is estimated
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: its multiples are spread evenly


def _whole(files: Iterable[Path]) -> list[Stretch]:
    return [Stretch(path, 0, path.stat().st_size) for path in files]


def _dealt(reader: FileReader, stretches: Sequence[Stretch], parts: int) -> list[list[Stretch]]:
    """Stretches in at most so many parts of nearly equal bytes, none of them empty."""
    if parts > 1:
        stretches = _cut(reader, stretches, parts)
    sizes = np.array([s.end - s.first for s in stretches], dtype=np.int64)
    ends = np.cumsum(sizes)
    # A stretch belongs to the part in which its middle lies.
    part = np.minimum((2 * ends - sizes) * parts // max(2 * int(ends[-1]), 1), parts - 1)
    dealt: list[list[Stretch]] = [[] for _ in range(parts)]
    for stretch, number in zip(stretches, part.tolist(), strict=True):
        dealt[number].append(stretch)
    return [some for some in dealt if some]


def _cut(reader: FileReader, stretches: Sequence[Stretch], parts: int) -> list[Stretch]:
    """Cut files where a part begins, if they can be cut and neither side is small."""
    total = _n_bytes(stretches)
    begins = [total * part // parts for part in range(1, parts)]
    cut, before = [], 0
    for s in stretches:
        after = before + s.end - s.first
        inside = begins[bisect_right(begins, before) : bisect_left(begins, after)]
        borders = [s.first]
        for place in (s.first + begin - before for begin in inside):
            if min(place - borders[-1], s.end - place) >= LEAST_BYTES and reader.can_cut(s.path):
                borders.append(place)
        borders.append(s.end)
        cut += [Stretch(s.path, *ends) for ends in pairwise(borders)]
        before = after
    return cut


def places_of(reader: FileReader, n_bytes: int, seed: int, files: Sequence[Stretch]) -> list[Stretch] | None:
    """Places all over these files of a source that hold about so many bytes of text; None if that is nearly all of it.

    A place is a stretch of a file that can be cut, or a whole file. Of every file the same share of places is taken,
    evenly spaced: place i if frac(u + i * golden ratio) is small, where u is a hash of the seed and of the file's name
    (without folders) and size. So kinds that lie side by side in a file have their shares, and neither the folder nor
    the order of the files matters.
    """
    sizes = np.array([s.end for s in files])
    looked_at = [files[i].path for i in np.unique(np.linspace(0, len(files) - 1, _LOOKED_AT).astype(int))]
    text, on_disk, indivisible = map(sum, zip(*map(reader.text_in, looked_at), strict=True))
    wanted = n_bytes * on_disk / max(text, 1)
    if wanted >= sizes.sum():
        return None
    size = min(max(wanted / PLACES, PLACE_BYTES[0]), PLACE_BYTES[1])
    size = max(size, indivisible / len(looked_at), sizes.sum() / 100_000)
    cuttable = [s.end >= 2 * size and reader.can_cut(s.path, look=False) for s in files]
    n_places = np.where(cuttable, np.round(sizes / size), 1).astype(np.int64)
    file = np.repeat(np.arange(len(files)), n_places)
    number = np.arange(len(file)) - np.repeat(np.cumsum(n_places) - n_places, n_places)
    first, end = (sizes[file] * i // n_places[file] for i in (number, number + 1))
    keys = np.array([_key(seed, s) for s in files])[file] + number.astype(np.uint64) * _GOLDEN  # modulo 2**64
    order = np.argsort(keys, kind="stable")  # equal names of equal size keep the order of their folders
    n = max(int(np.searchsorted(np.cumsum((end - first)[order]), wanted)) + 1, FEWEST_PLACES)
    if n >= len(order):
        return None
    chosen = np.sort(order[:n])
    places = zip(file[chosen].tolist(), first[chosen].tolist(), end[chosen].tolist(), strict=True)
    return [Stretch(files[i].path, *ends) for i, *ends in places]


def _key(seed: int, file: Stretch) -> np.uint64:
    """Of the first place of a file, uniform."""
    name = f"{seed}/{file.path.name}/{file.end}"
    return np.uint64(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little"))


def job_sources(
    reader: Reader, source: Mapping[str, Any], parts: int, seed: int, draw_from: float | None
) -> list[dict[str, Any]]:
    """See `trex.corpora.deal`."""
    max_bytes = source.get("max_bytes")
    if not reader.by_file:
        return [{**source, "shuffle": seed} if max_bytes and reader.streamed else dict(source)]
    chosen, files = None, _whole(reader.files())
    # of rows that are selected nobody knows how many there are
    if max_bytes and draw_from is not None and not reader.where:
        chosen = places_of(reader, int(draw_from * max_bytes), seed, files)
    size = {s.path: s.end for s in files}
    sources = []
    for stretches in _dealt(reader, chosen or files, parts):
        joined = _joined(stretches)
        own = {**source, reader.kind: [str(s.path) for s in joined]}
        spans = [None if s.end - s.first == size[s.path] else [s.first, s.end] for s in joined]
        if any(spans):
            own["spans"] = spans
        if chosen:
            own["read_share"] = _n_bytes(chosen) / _n_bytes(files)
        sources.append(own)
    return sources


def _n_bytes(stretches: Iterable[Stretch]) -> int:
    return sum(s.end - s.first for s in stretches)


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches that meet as one."""
    joined: list[Stretch] = []
    for s in stretches:
        if joined and joined[-1].path == s.path and joined[-1].end == s.first:
            joined[-1] = Stretch(s.path, joined[-1].first, s.end)
        else:
            joined.append(s)
    return joined
