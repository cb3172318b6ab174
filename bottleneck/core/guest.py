"""A library is a guest in its caller's process: what it sets there it gives back.

Keras, TensorFlow and Python's warnings keep their settings for the whole process. Rows are only
right in float32, with channels last and plain IEEE arithmetic, so we set that; the caller's own
settings are noted first and given back when the outermost call of ours ends, also when it fails.

Given back: Keras' floatx, epsilon, image data format, dtype policy, global seed and the counters
of its automatic names; TensorFlow's TensorFloat-32 switch, the switch for deterministic
operations and the level of its logger; the filters of `warnings`; `sys.path`.

Not given back, because Python or TensorFlow cannot: modules stay imported, and devices stay
started, with the memory growth that they were started with. While a call of ours runs, other
threads of the caller see our settings of the process (not our dtype policy, which is a thread's).
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Undo = Callable[[], None]


class _Visit:
    """How many calls of ours are open, and how to give back what they changed."""

    def __init__(self) -> None:
        self.depth = 0
        self.undo: list[Undo] = []
        self.has_settings = False  # the frameworks' settings are noted

    def leave(self) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.has_settings = False
            with ExitStack() as undoing:  # one that fails does not keep the others from it
                while self.undo:
                    undoing.callback(self.undo.pop(0))


class _ThreadVisit(_Visit, threading.local):
    """The same for what each thread has of its own."""


_lock = threading.RLock()
_process = _Visit()
_thread = _ThreadVisit()


@contextmanager
def as_guest() -> Iterator[None]:
    """Give back at the end what our use of the frameworks changes; a decorator as well.

    Calls may be nested, and may run in several threads at once: the last to end gives back.
    """
    with _lock:
        if _process.depth == 0:
            _process.undo += [_keep_warning_filters(), _keep_path()]
        _process.depth += 1
    _thread.depth += 1
    try:
        yield
    finally:
        try:
            _thread.leave()
        finally:
            with _lock:
                _process.leave()


def keep_settings(keras: Any) -> None:
    """Note the settings of Keras and TensorFlow once in a call, before ours are made."""
    with _lock:
        if _thread.depth and not _thread.has_settings:
            _thread.undo.append(_keep_keras_state())
            _thread.has_settings = True
        if _process.depth and not _process.has_settings:
            _process.undo.append(_keep_keras_settings(keras))
            if keras.backend.backend() == "tensorflow":
                _process.undo.append(_keep_tensorflow_settings())
            _process.has_settings = True


def restart_names() -> None:
    """Let Keras' automatic names start at the first again, unless they are the caller's."""
    if _thread.has_settings:
        import_module("keras.src.utils.naming").reset_uids()


@contextmanager
def environment_kept() -> Iterator[None]:
    """Give the environment variables back: TensorFlow and others set some while imported."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({k: v for k, v in before.items() if os.environ.get(k) != v})


@contextmanager
def module_hidden(name: str) -> Iterator[None]:
    """Make `import name` fail meanwhile, unless it was imported before."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # how Python spells: cannot be imported
    try:
        yield
    finally:
        if sys.modules.get(name, "") is None:
            del sys.modules[name]


def _keep_warning_filters() -> Undo:
    kept = warnings.catch_warnings()
    kept.__enter__()
    return lambda: kept.__exit__(None, None, None)


def _keep_path() -> Undo:
    before = list(sys.path)

    def give_back() -> None:
        if sys.path != before:
            sys.path[:] = before

    return give_back


def _keep_keras_settings(keras: Any) -> Undo:
    config = keras.config
    floatx, epsilon = config.floatx(), config.epsilon()
    data_format = config.image_data_format()

    def give_back() -> None:
        config.set_floatx(floatx)
        config.set_epsilon(epsilon)
        config.set_image_data_format(data_format)

    return give_back


def _keep_keras_state() -> Undo:
    """Begin with an empty state of Keras in this thread: its policy, seeds, names and scopes.

    With an empty one, automatic names of layers are those of a fresh process, whatever the caller
    built before. No public function of Keras takes or gives this state as a whole.
    """
    module = import_module("keras.src.backend.common.global_state")
    state = module.GLOBAL_STATE_TRACKER
    kept = dict(vars(state))
    vars(state).clear()
    vars(state).update({key: kept[key] for key in ("nnx_enabled",) if key in kept})

    def give_back() -> None:
        vars(state).clear()
        vars(state).update(kept)

    return give_back


def _keep_tensorflow_settings() -> Undo:
    tf = import_module("tensorflow")
    # Switching determinism off again has no public name.
    config = import_module("tensorflow.python.framework.config")
    floats = tf.config.experimental.tensor_float_32_execution_enabled()
    deterministic = config.is_op_determinism_enabled()
    logger = tf.get_logger()
    level = logger.level

    def give_back() -> None:
        tf.config.experimental.enable_tensor_float_32_execution(floats)
        if not deterministic:
            config.disable_op_determinism()
        logger.setLevel(level)

    return give_back
