# SPDX-License-Identifier: Apache-2.0
"""What the package promises before anything is computed: names, lazy imports, one truth with the core, the command."""

from __future__ import annotations

import inspect
import json
import pathlib
import pickle
import subprocess
import sys

import normdescent as nd
import numpy as np
import pytest
from normdescent import _core, _errors
from normdescent._options import ABSENT, ENTRIES, PAIRS, Translation

ROOT = pathlib.Path(__file__).resolve().parents[3]


def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit code {done.returncode}: {done.stderr}"
    return done


def test_import_brings_no_torch() -> None:
    script = """
import sys
import normdescent as nd
assert "torch" not in sys.modules, "import"
nd.bounds("signsgd", delta=1, smoothness=1, noise=10, epsilon=0.1)
nd.lab.experiments(), nd.catalog()
import numpy
nd.msign(numpy.eye(3))
assert "torch" not in sys.modules, "bounds, lab or msign"
assert "AdamW" in dir(nd)
nd.AdamW
assert "torch" in sys.modules
assert not {"transformers", "lightning", "dask", "matplotlib", "pandas", "rich"} & set(sys.modules)
"""
    run("-c", script)


def test_without_torch() -> None:
    """bounds, lab and NumPy arrays work where torch cannot be imported; what needs it says so."""
    script = """
import sys
sys.modules["torch"] = None
import normdescent as nd, numpy
assert nd.lab.run("toy-deterministic", scale=0.01, threads=1).checks
assert numpy.allclose(nd.msign(numpy.diag([3.0, -2.0]), "svd"), numpy.diag([1.0, -1.0]))
try:
    nd.AdamW
except ImportError as error:
    assert "torch" in str(error)
else:
    raise SystemExit("no ImportError")
"""
    run("-c", script)


def test_every_public_name_is_there() -> None:
    assert len(nd.__all__) == len(set(nd.__all__))
    assert set(nd.__all__) == {*nd._HOMES, "MissingPackageError", "ProblemError", "RoutingWarning", "__version__"}
    for name in nd.__all__:
        assert getattr(nd, name) is not None
        assert name in dir(nd)
    with pytest.raises(AttributeError, match="no_such_name"):
        nd.no_such_name  # noqa: B018


def test_one_truth_with_the_catalog() -> None:
    kinds = [row["name"] for row in nd.catalog()]
    assert kinds == sorted(kinds, key=list(kinds).index) and set(kinds) == set(ENTRIES)
    for kind, entry in ENTRIES.items():
        cls = getattr(nd, entry.class_name)
        assert cls.kind == kind and cls.__doc__
        parameters = inspect.signature(cls.__init__).parameters
        translation = Translation(kind)
        wanted = {key for key, _ in translation.single} | {key for key, _ in translation.pairs} | {"lr"}
        assert wanted <= set(parameters), f"{entry.class_name} has no {wanted - set(parameters)}"
        for row in next(r for r in nd.catalog() if r["name"] == kind)["options"]:
            assert entry.python_name(row["name"]) or row["name"] in ABSENT or row["name"] in entry.dropped
    assert all(len(names) == 2 for names in PAIRS.values())


@pytest.mark.skipif(not (ROOT / "tools" / "python_api").exists(), reason="not in a checkout")
def test_classes_are_written_from_the_catalog() -> None:
    run(str(ROOT / "tools" / "python_api"), "--check")


def test_core_takes_no_copies() -> None:
    """An array of another type, or with gaps, is refused by the compiled module, never copied and then forgotten."""
    good = np.eye(3, dtype=np.float32)
    for bad in (good.astype(np.int64), good.astype(np.float16), np.zeros((6, 6), np.float32)[::2, ::2], good.T[:, ::-1]):
        with pytest.raises(TypeError):
            _core.msign(bad, np.empty_like(good), "halley", 0)
        with pytest.raises(TypeError):
            _core.msign(good, bad, "halley", 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_msign_and_norms_by_hand(dtype: type) -> None:
    g = np.diag([3.0, -4.0]).astype(dtype)
    assert np.allclose(nd.msign(g, "svd"), np.diag([1.0, -1.0]))
    assert np.allclose(nd.msign(np.stack([g, 2 * g]), "svd"), np.stack([np.diag([1.0, -1.0])] * 2))
    assert np.allclose(nd.msign(np.array([3.0, 4.0], dtype), "svd"), [0.6, 0.8])
    assert nd.dual_norm(g, "euclidean") == pytest.approx(5.0)
    assert nd.dual_norm(g, "sign") == pytest.approx(7.0)
    assert nd.dual_norm(g, "spectral") == pytest.approx(7.0)
    assert nd.dual_norm(g, "row-wise") == pytest.approx(7.0)
    assert nd.step_norm(g, "sign") == pytest.approx(4.0)
    assert nd.step_norm(g, "spectral") == pytest.approx(4.0)
    for geometry in ("euclidean", "sign", "spectral", "row-wise"):
        d = nd.dual_unit(g, geometry)
        assert float((d * g).sum()) == pytest.approx(nd.dual_norm(g, geometry), rel=0.05)
        assert not nd.dual_unit(0 * g, geometry).any()
    with pytest.raises(ValueError, match="spectral"):
        nd.dual_norm(g, "spektral")
    with pytest.raises(ValueError, match="halley"):
        nd.msign(g, "haley")
    with pytest.raises(TypeError):
        nd.msign(np.array([["a"]]))


def test_bounds() -> None:
    found = nd.bounds("signsgd", delta=1, smoothness=1, noise=10, epsilon=0.1)
    assert found.upper["steps"] == pytest.approx(800) and found["lower"]["samples"] < found["upper"]["samples"]
    assert found.to_dict()["assumptions"] and "1.28e+08" in repr(found)
    for wrong, word in ((dict(epsilon=-1.0), "epsilon"), (dict(tail=3.0), "tail")):
        with pytest.raises(ValueError, match=word):
            nd.bounds("signsgd", **{**dict(delta=1, smoothness=1, noise=1, epsilon=0.1), **wrong})
    with pytest.raises(ValueError, match="did you mean signsgd"):
        nd.bounds("signsdg", delta=1, smoothness=1, noise=1, epsilon=0.1)


def test_lab_depends_on_the_seed_only() -> None:
    first = nd.lab.run("toy-sparse-noise", scale=0.02, seed=3, threads=1)
    again = nd.lab.run("toy-sparse-noise", scale=0.02, seed=3, threads=2)
    assert first.rows == again.rows and first.experiment == "toy-sparse-noise"
    with pytest.raises(ValueError, match="toy-sparse-noise"):
        nd.lab.run("toy-sparse-noize")


def test_command_line() -> None:
    bounds = ("bounds", "--method", "signsgd", "--delta", "1", "--smoothness", "1", "--noise", "10", "--epsilon", "0.1")
    document = json.loads(run("-m", "normdescent", *bounds, "--json").stdout)
    assert set(document) >= {"method", "upper", "lower", "assumptions"}
    assert "enough" in run("-m", "normdescent", *bounds).stdout
    names = [row["name"] for row in json.loads(run("-m", "normdescent", "optimizers", "--json").stdout)["optimizers"]]
    assert names == [row["name"] for row in nd.catalog()]
    assert "toy-deterministic" in run("-m", "normdescent", "lab", "list").stdout
    result = run("-m", "normdescent", "lab", "run", "toy-deterministic", "--scale", "0.05", "--json")
    assert set(json.loads(result.stdout)) >= {"experiment", "parameters", "rows", "checks", "charts"}
    for words in ((), ("no-such",), ("bounds",), ("optimizers", "adamv"), ("lab", "run", "nothing")):
        wrong = run("-m", "normdescent", *words, code=2)
        assert wrong.stdout == "" and len(wrong.stderr.strip().splitlines()) == 1, wrong.stderr


def test_errors_survive_a_process_pool() -> None:
    for error in (_errors.ProblemError("loss: 3 values, must be one"), _errors.MissingPackageError("rich", "a bar", "progress")):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error) and str(copy) == str(error)
