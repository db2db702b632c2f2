# SPDX-License-Identifier: Apache-2.0
"""The shell: results on standard output, one line for what is wrong, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import normdescent as nd
import pytest
from normdescent.cli import main

SCRIPT = """
import torch
import normdescent as nd

def loss(model, batch):
    return (model(batch[0]) - batch[1]).square().mean()

def make_problem():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(48, 6, generator=g)
    data = torch.utils.data.TensorDataset(x, x[:, :2])
    return nd.Problem(lambda: torch.nn.Linear(6, 2), loss, data, data, steps=60, batch_size=8, optimizers=["sgd", "adamw"])

def broken():
    return 3

def raising():
    raise KeyError("in the script")
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: Any) -> str:
    path = tmp_path / "my_script.py"
    path.write_text(SCRIPT)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    monkeypatch.delitem(__import__("sys").modules, "my_script", raising=False)
    return str(path)


def test_compare_prints_the_answer_and_writes_it(script: str, tmp_path: Path, capfd: Any) -> None:
    out = tmp_path / "out"
    assert main(["compare", f"{script}:make_problem", "--budget", "1.0", "--threads", "1", "--out", str(out)]) == 0
    text, _ = capfd.readouterr()
    report = nd.Comparison.load(out)
    assert str(report) in text
    assert report.to_dict()["budget"] == "1 run"
    assert main(["compare", f"{script}:make_problem", "--budget", "2", "--resume", str(out), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["cost"]["runs"] > report.cost.runs


def test_one_document_and_nothing_else(script: str, capfd: Any) -> None:
    for command in (
        ["compare", "--budget", "0.5", "--optimizers", "adamw,muon", "--objective", "steps", "--seed", "3"],
        ["probe"],
        ["suggest"],
    ):
        assert main([command[0], f"{script}:make_problem", *command[1:], "--json"]) == 0
        document = json.loads(capfd.readouterr().out)
        if command[0] == "compare":
            assert set(document["candidates"]) == {"adamw", "muon"}
            assert (document["problem"]["seed"], document["objective"]) == (3, "steps")
        if command[0] == "suggest":
            assert document["cost"]["runs"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py:make_problem"], "there is no file nowhere.py"),
        (["{script}"], "expected SCRIPT.py:FUNCTION"),
        (["{script}:make_problme"], "has no make_problme"),
        (["{script}:broken"], "gave a int; expected a normdescent.Problem"),
        (["{script}:make_problem", "--budget", "soon"], "budget = 'soon'"),
        (["{script}:make_problem", "--objective", "speed"], "objective = 'speed'"),
        (["{script}:make_problem", "--optimizers", "adamw,moun"], "no optimizer 'moun'; did you mean muon"),
        (["{script}:make_problem", "--threads", "0"], "threads = 0"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(script: str, capfd: Any, arguments: list[str], message: str) -> None:
    assert main(["compare", *(a.replace("{script}", script) for a in arguments)]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_an_exception_of_the_script_is_shown_whole(script: str) -> None:
    with pytest.raises(KeyError, match="in the script"):
        main(["compare", f"{script}:raising"])
