#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Weights that llm.c's own train_gpt2.py writes, read by ours: every tensor compared bit for bit, by name.

    bench/peers/llmc_weights.py BUILD_FOLDER LLM_C_FOLDER

Every number is random, so that two tensors in each other's place show. Older PyTorch than llm.c wants is helped out with
the two names that it lacks.
"""
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import types

import numpy as np
import torch

TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")  # Hugging Face's Conv1D


def import_llmc(folder):
    for name in ("torch._inductor", "torch._inductor.config"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["torch._inductor"].config = sys.modules["torch._inductor.config"]
    normal = torch.nn.init.normal_
    torch.nn.init.normal_ = lambda tensor, mean=0.0, std=1.0, generator=None: normal(tensor, mean, std)
    spec = importlib.util.spec_from_file_location("llmc", folder / "train_gpt2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_model(llmc):
    torch.manual_seed(1)
    # write_model insists on GPT-2's vocabulary.
    model = llmc.GPT(llmc.GPTConfig(block_size=64, vocab_size=50257, n_layer=3, n_head=4, n_embd=64))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def read_safetensors(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[8 + length :][slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in header.items()
    }


def different(model, dtype, read):
    """Names of tensors that are not what the model holds."""
    names = []
    for name, parameter in model.named_parameters():
        expected = parameter.detach().to(dtype).float().numpy()
        if name.endswith(TRANSPOSED):
            expected = expected.T
        if not np.array_equal(read.get(name), expected):
            names.append(name)
    return names


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]) / "bin" / "normdescent"
    llmc = import_llmc(pathlib.Path(sys.argv[2]))
    model = random_model(llmc)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for dtype in (torch.float32, torch.bfloat16):
            name = str(dtype).removeprefix("torch.")
            file, out = pathlib.Path(scratch) / f"{name}.bin", pathlib.Path(scratch) / name
            llmc.write_model(model, file, name)
            subprocess.run([program, "export", "--weights", file, "--out", out], check=True, stdout=subprocess.DEVNULL)
            read = read_safetensors(out / "model.safetensors")
            wrong = different(model, dtype, read)
            print(f"{name}: {len(read)} tensors, {len(wrong)} of them wrong", *wrong)
            failed |= bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
