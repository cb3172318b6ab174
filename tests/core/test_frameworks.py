import os
import sys

import numpy as np
import pytest

from bottleneck.core.frameworks import generators_kept, native_chatter_held

CHATTER = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795658243.422645   24284 port.cc:153] oneDNN custom operations are on.
E0000 00:00:1795657835.195903   15835 util.cc:131] oneDNN supports DT_HALF only on AVX-512.
2024-05-06 10:11:12.131415: W tensorflow/core/x.cc:1] something
To enable the following instructions: AVX2 FMA, rebuild TensorFlow
"""


def test_chatter_of_native_libraries_is_held_back_and_everything_else_is_written(capfd):
    with native_chatter_held():
        os.write(2, CHATTER.encode() + b"a line of another thread\nF0000 00:00:1.2 fatal\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == (
        "a line of another thread\nF0000 00:00:1.2 fatal\nafterwards\n"
    )


def test_an_error_while_chatter_is_held_is_raised_and_what_was_printed_is_written(capfd):
    with pytest.raises(KeyError), native_chatter_held():
        print("before the error", file=sys.stderr)
        raise KeyError
    assert capfd.readouterr().err == "before the error\n"


def test_generators_of_python_and_numpy_go_on_as_if_nothing_was_drawn():
    np.random.seed(3)
    expected = np.random.random(2)
    np.random.seed(3)
    np.random.random()
    with generators_kept():
        np.random.seed(9)
        np.random.random(5)
    assert np.random.random() == expected[1]
