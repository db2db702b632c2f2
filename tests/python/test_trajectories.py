# SPDX-License-Identifier: Apache-2.0
"""Training under Python equals training in C++, bit for bit."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import normdescent
import torch

from nets import Net, values

STEPS = 6  # as in trajectories.cpp


class Trajectories(unittest.TestCase):
    def test_every_optimizer_equals_cpp_bit_for_bit(self) -> None:
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.environ["NORMDESCENT_TRAJECTORIES"], folder], check=True)
            for name, make in normdescent.classes.items():
                for dtype in (torch.float32, torch.float64, torch.bfloat16):
                    with self.subTest(optimizer=name, dtype=dtype):
                        net = Net().to(dtype)
                        start = values(net).clone()
                        optimizer = make(net)
                        rates = torch.optim.lr_scheduler.LambdaLR(
                            optimizer, lambda t: 1.0 / (1.0 + 0.3 * t)
                        )
                        for step in range(STEPS):
                            optimizer.zero_grad()
                            net.loss(step).backward()
                            optimizer.step()
                            rates.step()
                        raw = bytearray(
                            Path(folder, f"{name}.{str(dtype).split('.')[1]}").read_bytes()
                        )
                        theirs = torch.frombuffer(raw, dtype=dtype)
                        self.assertTrue(torch.equal(values(net), theirs))
                        self.assertFalse(torch.equal(values(net), start))
