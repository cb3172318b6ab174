"""What is public: explicit keywords with types, documented, with types that type checkers take."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bottleneck
from bottleneck.api.learning import HEAD_OPTIONS
from bottleneck.core.reporter import SILENT, Bars
from bottleneck.pipeline.extraction.options import READING, ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions
from bottleneck.pipeline.network.options import NetworkOptions

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(
    name for name in bottleneck.__all__ if inspect.isfunction(getattr(bottleneck, name))
)
METHODS = [
    getattr(bottleneck.FeatureStore, name)
    for name in sorted(vars(bottleneck.FeatureStore))
    if not name.startswith("_")
]
PUBLIC = [*(getattr(bottleneck, name) for name in FUNCTIONS), *METHODS]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["", "bottleneck.train_head('a', epochs='ten')"])
def test_typical_calls_pass_strict_type_checks_and_a_wrong_one_does_not(tmp_path, wrong):
    text = (ROOT / "tests" / "api" / "typical_calls.py").read_text()
    (tmp_path / "calls.py").write_text(f"{text}\n{wrong}\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}",
         f"--config-file={ROOT / 'pyproject.toml'}", str(tmp_path / "calls.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == bool(wrong), done.stdout
    assert ('"epochs"' in done.stdout) == bool(wrong)


@pytest.mark.parametrize("name", bottleneck.__all__)
def test_a_public_name_is_documented_and_found_by_type_checkers_where_it_is(name):
    found = getattr(bottleneck, name)
    assert inspect.getdoc(found)
    guard = inspect.getsource(bottleneck).split("if TYPE_CHECKING:")[1].split("__all__")[0]
    assert re.search(rf"\b{name}\b", guard)
    assert found is getattr(bottleneck, name)
    assert name in dir(bottleneck)


@pytest.mark.parametrize(
    "function", PUBLIC, ids=lambda f: getattr(f, "__qualname__", None) or f.fget.__qualname__
)
def test_a_public_function_spells_each_keyword_with_its_type(function):
    function = getattr(function, "fget", function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert len(inspect.getdoc(function)) > 15
    for parameter in [*signature.parameters.values()]:
        assert parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
        assert parameter.name == "self" or parameter.annotation is not parameter.empty, parameter


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_names_each_keyword(name):
    function = getattr(bottleneck, name)
    text = inspect.getdoc(function)
    assert "Raises" in text
    named = re.findall(r"\w+", text)
    further = "all further keywords" in text  # those of another function, which are checked there
    for keyword in inspect.signature(function).parameters:
        assert keyword in named or further, keyword


def test_every_option_of_the_commands_is_a_keyword():
    extract = {*inspect.signature(bottleneck.extract_features).parameters}
    for options in (ExtractOptions, NetworkOptions):
        # Of several cuts, `layer` and `pooling` are lists.
        named = {*options.__dataclass_fields__} - {
            "network",
            "reading",
            "layers",
            "poolings",
            "crew",
        }
        assert named <= extract
    assert {"workers", "cluster", "executor"} <= extract  # which make the crew
    assert {*READING} <= extract
    rank = {*inspect.signature(bottleneck.compare_backbones).parameters}
    alone = {"cache", "cache_each", "layer", "backbone", "dry_run", "list_keys"}
    assert extract - alone <= rank
    train = {*inspect.signature(bottleneck.train_head).parameters}
    assert {*TrainOptions.__dataclass_fields__} - {"head_options"} <= train
    from bottleneck.heads.catalog import HEADS

    ours = [HEADS[name] for name in ("linear", "dense", "conv", "tail")]
    assert {option.name for head in ours for option in head.options} == {*HEAD_OPTIONS} <= train


def test_a_wrong_keyword_is_a_type_error_that_proposes_the_near_one():
    for call, wrong, near in (
        (bottleneck.extract_features, "poolling", "pooling"),
        (bottleneck.train_head, "learning_rat", "learning_rate"),
        (bottleneck.predict_images, "batchsize", "batch_size"),
        (bottleneck.open_store, "att", "at"),
        (bottleneck.compare_runs, "pictures", "picture"),
    ):
        with pytest.raises(TypeError, match=f"{wrong!r}. Did you mean {near!r}\\?"):
            call(**{wrong: 1})
    with pytest.raises(TypeError, match=r"keyword argument 'zzz'$"):
        bottleneck.open_store(zzz=1)


@pytest.mark.parametrize(
    ("call", "use_case"),
    [
        (lambda **more: bottleneck.extract_features("a", cache="b", **more), "extraction.extract"),
        (lambda **more: bottleneck.train_head("b", **more), "learning.train"),
        (lambda **more: bottleneck.predict_images("a", run="b", **more), "learning.predictions"),
        (lambda **more: bottleneck.compare_backbones("a", "b", **more), "comparing.rank"),
    ],
)
def test_bars_are_shown_when_asked_for_and_nothing_otherwise(monkeypatch, call, use_case):
    told = []
    monkeypatch.setattr(
        f"bottleneck.api.{use_case}", lambda _, reporter: told.append(reporter) or {}
    )
    call()
    call(progress=True)
    assert told[0] is SILENT
    assert isinstance(told[1], Bars)


def test_the_errors_are_a_public_module():
    from bottleneck import errors
    from bottleneck.core import errors as core
    from bottleneck.errors import RecipeError

    assert bottleneck.errors is errors
    assert RecipeError is core.RecipeError
    family = {name for name, found in vars(core).items() if inspect.isclass(found)}
    family -= {"ClassVar", "Terminated", "HungUp"}
    assert set(errors.__all__) == family
    assert all(issubclass(getattr(errors, name), errors.BottleneckError) for name in family)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("pooling", "mean"), ("rows", "float64"), ("resample", "cubic"), ("preprocessing", "x"),
        ("limit", 0), ("threads", -1), ("batch_size", 1.5), ("views", 0), ("size", (1, 2, 3)),
        ("labels", ["a"]), ("limit", True),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_wrong_usage_before_anything_is_looked_at(word, value):
    with pytest.raises(bottleneck.errors.UsageError) as caught:
        bottleneck.extract_features("/nowhere", cache="/nowhere/too", **{word: value})
    assert word in f"{caught.value}"
