# SPDX-License-Identifier: Apache-2.0
"""TrainingMonitor in a loop with gradient accumulation."""

import unittest

import normdescent
import torch


class TrainingMonitor(unittest.TestCase):
    def test_recovers_known_noise_within_its_error(self) -> None:
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.zeros(3000))
        monitor = normdescent.TrainingMonitor([("w", weight)], coordinates=1500)
        scale = torch.ones(3000)
        scale[::4] = 9.0
        for _ in range(16):
            for _ in range(4):
                # The gradient of <1 + scale z, w> is 1 + scale z.
                ((1.0 + scale * torch.randn(3000)) @ weight / 4).backward()
                monitor.observe_micro_batch(weight=1 / 4)
            weight.grad = None
            monitor.end_step()
        report = monitor.report()
        for key, truth in (("noise_l1", 9000.0), ("noise_density", 9 / 21)):
            value, error = report[key]["value"], report[key]["se"]
            self.assertLess(abs(value - truth), 3.5 * error)
            self.assertLess(error, 0.06 * truth)
        self.assertEqual(report["per_parameter"][0]["name"], "w")

    def test_measures_spectral_noise_of_matrices_in_turn(self) -> None:
        torch.manual_seed(2)
        model = torch.nn.Sequential(torch.nn.Embedding(5, 4), torch.nn.Linear(64, 16))
        linear = model[1]
        monitor = normdescent.TrainingMonitor(model, matrix_every=1)
        for _ in range(4):
            linear.weight.grad = 3.0 * torch.randn(16, 64)
            monitor.observe_micro_batch(accumulated=False)
        monitor.end_step()
        spectral = monitor.report()["spectral_noise"]
        self.assertEqual((spectral["matrices_measured"], spectral["matrices"]), (1, 1))
        # Noise of scale 3 in all directions: 3 sqrt(64) each of 16.
        self.assertAlmostEqual(spectral["nuclear"]["value"] / (3 * 8 * 16), 1.0, delta=0.1)
        with self.assertRaises(ValueError):
            normdescent.TrainingMonitor(model, matrix_every=-1)

    def test_sees_what_a_step_meets(self) -> None:
        weight = torch.nn.Parameter(torch.arange(1.0, 101.0))
        optimizer = torch.optim.SGD([weight], lr=0.25)
        monitor = normdescent.TrainingMonitor([("w", weight)])

        def backward() -> float:
            optimizer.zero_grad()
            loss = weight.square().sum()  # curvature 2
            loss.backward()
            return float(loss)

        with self.assertRaises(ValueError):
            monitor.observe_after_step(1.0)
        start = backward()
        monitor.observe_before_step(start)
        optimizer.step()
        end = backward()
        monitor.observe_after_step(end)
        effect = monitor.report()["step_effect"]
        self.assertAlmostEqual(effect["gain"]["value"], start - end)
        self.assertAlmostEqual(effect["curvature_l2"]["value"], 2.0, places=5)
        self.assertAlmostEqual(effect["best_multiple"]["value"], 2.0, places=5)  # 1 / (0.25 * 2)
        self.assertIsNone(effect["gain"]["se"])

    def test_says_why_nothing_is_measured(self) -> None:
        monitor = normdescent.TrainingMonitor(torch.nn.Linear(2, 2))
        report = monitor.report()
        self.assertIsNone(report["noise_density"]["value"])
        self.assertIn("two micro-batches", report["because"])
        with self.assertRaises(ValueError):
            monitor.observe_micro_batch(weight=0.0)
        with self.assertRaises(ValueError):
            normdescent.TrainingMonitor(torch.nn.Linear(2, 2), window=1)


if __name__ == "__main__":
    unittest.main()
