# SPDX-License-Identifier: Apache-2.0
"""The functions of the package, its stub, and how it finds its library."""

import inspect
import os
import subprocess
import sys
import unittest

import normdescent
import torch
from normdescent import stubs


class Functions(unittest.TestCase):
    def test_msign_is_the_polar_factor_of_every_matrix_of_a_batch(self) -> None:
        g = torch.sin(torch.arange(2 * 3 * 4, dtype=torch.float64) ** 2).view(2, 3, 4)
        u, _, vh = torch.linalg.svd(g, full_matrices=False)
        # Two SVDs of well-conditioned matrices of order one: some tens of roundings.
        self.assertLess(
            (normdescent.msign(g, method="svd") - u @ vh).abs().max().item(), 100 * 2.3e-16
        )
        self.assertLess((normdescent.msign(g, steps=3) - u @ vh).abs().max().item(), 0.01)
        self.assertEqual(normdescent.msign(g.bfloat16()).dtype, torch.bfloat16)
        self.assertTrue(torch.equal(normdescent.msign(torch.zeros(2, 2)), torch.zeros(2, 2)))

    def test_dual_unit_attains_the_dual_norm(self) -> None:
        g = torch.cos(torch.arange(12, dtype=torch.float64) ** 2).view(3, 4)
        for geometry in ("euclidean", "sign", "spectral", "row-wise"):
            d = normdescent.dual_unit(g, geometry)
            self.assertAlmostEqual(normdescent.step_norm(d, geometry), 1.0, delta=1e-13)
            self.assertAlmostEqual(
                (g * d).sum().item(), normdescent.dual_norm(g, geometry), delta=1e-12
            )

    def test_bad_arguments_are_value_errors(self) -> None:
        with self.assertRaisesRegex(ValueError, "method = qr, must be one of"):
            normdescent.msign(torch.ones(2, 2), method="qr")
        with self.assertRaisesRegex(ValueError, "steps"):
            normdescent.msign(torch.ones(2, 2), steps=-1)
        with self.assertRaisesRegex(ValueError, "geometry = round, must be one of euclidean"):
            normdescent.dual_norm(torch.ones(2, 2), "round")
        with self.assertRaisesRegex(ValueError, "g is CPULongType"):
            normdescent.msign(torch.ones(2, 2, dtype=torch.int64))


class Package(unittest.TestCase):
    def test_stub_is_that_of_the_catalog(self) -> None:
        committed = stubs.PATH.read_text(encoding="utf-8")
        self.assertEqual(
            committed, stubs.text(), "run: PYTHONPATH=python python3 -m normdescent.stubs"
        )

    def test_signatures_have_every_option_with_its_default(self) -> None:
        for make in normdescent.classes.values():
            parameters = inspect.signature(make).parameters
            for option in make.entry.options:
                self.assertEqual(parameters[option.name].default, option.default)
                self.assertIn(option.name, make.__doc__)

    def test_a_missing_library_says_where_it_was_sought(self) -> None:
        environment = {**os.environ, "NORMDESCENT_TORCH_OPERATORS": "/nowhere/operators.so"}
        done = subprocess.run(
            [sys.executable, "-c", "import normdescent"],
            env=environment,
            capture_output=True,
            text=True,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ImportError: normdescent: ", done.stderr)
        self.assertIn("/nowhere/operators.so", done.stderr)
