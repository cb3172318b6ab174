"""The accelerator of the same import name: pandas and xarray do not mind us."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PANDAS2 = Path(sys.prefix) / "pandas2"  # where the Makefile puts it: inside the environment
needs_pandas2 = pytest.mark.skipif(not PANDAS2.is_dir(), reason="make test installs pandas 2")
WORLDS = [
    pytest.param(None, id="pandas3"),
    pytest.param(PANDAS2, id="pandas2", marks=needs_pandas2),
]

# Without us: a finder that says there is no module of our name.
HIDDEN = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'bottleneck':
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hide())
"""
FIGURES = """
import json
import numpy as np
import pandas as pd
rng = np.random.default_rng(0)
frame = pd.DataFrame(rng.normal(size=(50, 3)))
frame.iloc[3, 1] = np.nan
names = ["std", "var", "min", "max", "median", "mean", "sum", "rank"]
out = {n: getattr(frame, n)().to_numpy().tolist() for n in names}
out["rolling"] = frame.rolling(5).mean().to_numpy().tolist()
out["version"] = pd.__version__
print(json.dumps(out, default=str))
"""
XARRAY = """
import json
import numpy as np
import xarray as xr
x = xr.DataArray(np.random.default_rng(0).normal(size=(20, 3)), dims=("a", "b"))
out = {n: getattr(x, n)("a").values.tolist() for n in ["std", "var", "min", "max", "median"]}
out["rolling"] = x.rolling(a=4).mean().values.tolist()
print(json.dumps(out))
"""


def run(code, world=None):
    paths = [str(world)] if world else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(ROOT)])}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(code, world=None):
    done = run(code, world)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("order", ["import bottleneck\n", "import pandas\nimport bottleneck\n"])
def test_pandas_gives_the_same_figures_with_and_without_us(world, order):
    without = answer(HIDDEN + FIGURES, world)
    assert without["version"].startswith("2" if world else "3")
    assert str(answer(order + FIGURES, world)) == str(without)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("order", ["import bottleneck\n", "import xarray\nimport bottleneck\n"])
def test_xarray_gives_the_same_figures_with_and_without_us(world, order):
    assert str(answer(order + XARRAY, world)) == str(answer(HIDDEN + XARRAY, world))


@pytest.mark.slow
@pytest.mark.parametrize("call", ["ffill('a')", "rank('a')"])
def test_what_needs_the_accelerator_fails_without_us_too_and_with_us_says_why(call):
    code = f"import numpy as np, xarray as xr\nxr.DataArray(np.ones(3), dims='a').{call}"
    assert run(HIDDEN + code).returncode != 0
    done = run(code)
    assert done.returncode != 0
    reason = done.stderr.splitlines()[-1]
    assert reason.startswith("AttributeError: bottleneck-cache has no ")
    assert "cannot share an environment" in reason
    assert "pip install numbagg" in reason


def test_a_missing_name_says_whose_it_may_be():
    import bottleneck

    with pytest.raises(AttributeError, match="numbagg"):
        _ = bottleneck.nansum
    assert not hasattr(bottleneck, "nansum")
    assert {"open_store", "extract_features", "train_head"} <= set(dir(bottleneck))
    public = {name: getattr(bottleneck, name) for name in bottleneck.__all__}
    assert public.pop("errors").RecipeError is bottleneck.errors.RecipeError
    assert all(map(callable, public.values()))


def test_the_version_stays_below_the_floor_of_pandas():
    import bottleneck

    assert [int(n) for n in bottleneck.__version__.split(".")] < [1, 3, 6]


def test_importing_us_imports_nothing_heavy():
    code = (
        "import sys, bottleneck\n"
        "heavy = {'numpy', 'h5py', 'zarr', 'keras', 'tensorflow', 'joblib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    assert run(code).returncode == 0
