"""What every public function does with its keywords, whatever they mean."""

import logging

import numpy as np
import pytest

from bottleneck.api.keywords import proposing


@proposing
def count(*, limit: int = 0, share: float = 0.0, images: object = None, progress: bool = False):
    logging.getLogger("bottleneck.engines").warning("a batch was halved")
    return limit, share, images


def test_a_number_of_numpy_is_the_same_number_of_python():
    limit, share, _ = count(limit=np.int64(3), share=np.float32(0.5))
    assert (type(limit), limit, type(share), share) == (int, 3, float, 0.5)


def test_an_array_is_left_as_it_is():
    images = np.zeros((2, 3, 3), np.uint8)
    assert count(images=images)[2] is images


def test_a_wrong_keyword_is_a_type_error_with_the_near_one():
    with pytest.raises(TypeError, match="Did you mean 'limit'"):
        count(limits=3)


def test_what_our_modules_warn_of_is_shown_with_progress_alone(capsys):
    count()
    assert "halved" not in capsys.readouterr().err
    count(progress=True)
    assert "warning: a batch was halved" in capsys.readouterr().err
    count()
    assert "halved" not in capsys.readouterr().err
