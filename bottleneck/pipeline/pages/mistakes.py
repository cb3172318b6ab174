"""The most confident mistakes of a head, and what their images look like.

Pictures are for people and come last: an image that changed meanwhile or does not read has a
reason in the place of a picture, and the run stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import sample_digest
from bottleneck.core.sample import find, show_key
from bottleneck.data.thumbnail import thumbnail
from bottleneck.data.undecodable import UndecodableError
from bottleneck.pictures.page import Mistake

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.pipeline.extraction.look import Look

SHOWN = 12


def most_confident(
    probabilities: NDArray[np.float32], truth: NDArray[np.int32], digests: NDArray[np.uint8]
) -> list[int]:
    """Return the positions of at most SHOWN wrong answers, the most probable first.

    One of each image: copies of it are the same mistake. Equal ones stand in their order.
    """
    answers = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answers != truth)
    order = wrong[np.argsort(-probabilities[wrong, answers[wrong]], kind="stable")]
    first: dict[bytes, int] = {}
    for at in order:
        first.setdefault(digests[at].tobytes(), int(at))
        if len(first) == SHOWN:
            break
    return list(first.values())


def mistakes_of(
    probabilities: NDArray[np.float32], samples: Samples, at: NDArray[np.int64], now: Look | None
) -> list[Mistake]:
    """Return the most confident mistakes, with pictures where the source is at hand.

    Parameters
    ----------
    probabilities : (n, classes)
    at : (n,) positions of the judged ones among `samples`
    now : the source as it was looked at; None where it was not there
    """
    truth = samples.labels[at]
    chosen = most_confident(probabilities, truth, samples.digests[at])
    keys = samples.keys[at[chosen]]
    places = np.full(len(chosen), -1) if now is None else find(now.listing.keys, keys)
    found = []
    for row, key, place in zip(chosen, keys, places, strict=True):
        answer = int(probabilities[row].argmax())
        seen = _seen(now, int(place), samples.digests[at[row]].tobytes())
        found.append(
            Mistake(
                key=show_key(bytes(key)),
                truth=samples.classes[truth[row]],
                answer=samples.classes[answer],
                probability=float(probabilities[row, answer]),
                **seen,
            )
        )
    return found


def _seen(now: Look | None, place: int, digest: bytes) -> dict[str, Any]:
    """Return the picture of the sample that had this digest, or the reason why there is none."""
    if now is None:
        return {}
    if place < 0:
        return {"reason": "gone"}
    try:
        read = now.source.read(place)
        if sample_digest(read.content) != digest:
            return {"reason": "changed since"}
        return {"picture": thumbnail(read.content)}
    except OSError as error:
        return {"reason": f"cannot be read: {error.strerror or error}"}
    except UndecodableError as error:
        return {"reason": error.reason}
    except MemoryError:
        return {"reason": "too large for the memory that is left"}
