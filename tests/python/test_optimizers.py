# SPDX-License-Identifier: Apache-2.0
"""Every optimizer of the catalog behaves as those of torch.optim do."""

import copy
import io
import pickle
import unittest

import normdescent
import torch

from nets import Net, train, values


class EveryOptimizer(unittest.TestCase):
    def each(self):
        for name, make in normdescent.classes.items():
            with self.subTest(optimizer=name):
                yield make

    def test_is_a_torch_optimizer_with_an_attribute_of_the_package(self) -> None:
        for make in self.each():
            self.assertTrue(issubclass(make, torch.optim.Optimizer))
            self.assertIs(getattr(normdescent, make.__name__), make)
            self.assertIn(make.__name__, normdescent.__all__)

    def test_lowers_the_loss(self) -> None:
        for make in self.each():
            net = Net()
            optimizer = make(net, lr=1e-3)
            before = net.loss(0).item()
            for _ in range(20):
                optimizer.zero_grad()
                net.loss(0).backward()
                optimizer.step()
            self.assertLess(net.loss(0).item(), before)

    def test_continues_bit_for_bit_from_a_saved_state(self) -> None:
        for make in self.each():
            for dtype in (torch.float32, torch.bfloat16):
                whole = Net().to(dtype)
                optimizer = make(whole)
                train(whole, optimizer, 0, 3)
                file = io.BytesIO()
                torch.save({"net": whole.state_dict(), "optimizer": optimizer.state_dict()}, file)
                file.seek(0)
                saved = torch.load(file)
                resumed_net = Net().to(dtype)
                resumed_net.load_state_dict(saved["net"])
                resumed = make(resumed_net, lr=0.123)  # the state has the learning rate
                resumed.load_state_dict(saved["optimizer"])
                train(whole, optimizer, 3, 6)
                train(resumed_net, resumed, 3, 6)
                self.assertTrue(torch.equal(values(whole), values(resumed_net)))

    def test_copies_and_pickles_go_on_alike(self) -> None:
        for make in self.each():
            net = Net()
            optimizer = make(net)
            train(net, optimizer, 0, 3)
            pairs = [copy.deepcopy((net, optimizer)), pickle.loads(pickle.dumps((net, optimizer)))]
            train(net, optimizer, 3, 6)
            for other_net, other in pairs:
                self.assertIsInstance(other, make)
                self.assertFalse(torch.equal(values(net), values(other_net)))
                train(other_net, other, 3, 6)
                self.assertTrue(torch.equal(values(net), values(other_net)))

    def test_follows_schedulers(self) -> None:
        for make in self.each():
            scheduled, by_hand = Net(), Net()
            first, second = make(scheduled, lr=0.01), make(by_hand, lr=0.01)
            schedule = torch.optim.lr_scheduler.StepLR(first, step_size=2, gamma=0.5)
            for step in range(4):
                train(scheduled, first, step, step + 1)
                schedule.step()
                second.param_groups[0]["lr"] = 0.01 if step < 2 else 0.005
                train(by_hand, second, step, step + 1)
            self.assertEqual(first.param_groups[0]["lr"], 0.0025)
            self.assertTrue(torch.equal(values(scheduled), values(by_hand)))

    def test_a_rate_of_zero_stands_still(self) -> None:
        for make in self.each():
            net = Net()
            train(net, make(net, lr=0.0), 0, 2)
            self.assertTrue(torch.equal(values(net), values(Net())))

    def test_plans_name_every_parameter_once(self) -> None:
        for make in self.each():
            net = Net()
            optimizer = make(net, lr=0.5)
            plan = optimizer.plan()
            self.assertEqual(
                sorted(row.name for row in plan), sorted(name for name, _ in net.named_parameters())
            )
            self.assertIn(0.5, [row.learning_rate for row in plan])
            self.assertEqual(len(optimizer.explain().splitlines()), 1 + len(plan))

    def test_counters_tell_what_was_done(self) -> None:
        for make in self.each():
            net = Net()
            optimizer = make(net, lr=1e-3)
            train(net, optimizer, 0, 2)
            optimizer.measure_next_step()
            train(net, optimizer, 2, 3)
            matrices = {row.name for row in optimizer.plan() if "msign" in row.direction}
            for row in optimizer.counters():
                self.assertEqual(row.steps, 3)
                self.assertGreater(row.update_rms, 0.0)
                if row.name in matrices:
                    self.assertGreater(row.orthogonalizations, 0)
                else:
                    self.assertEqual(row.orthogonalizations, 0)

    def test_state_of_a_fresh_optimizer_loads_too(self) -> None:
        for make in self.each():
            net, other = Net(), Net()
            optimizer = make(net)
            optimizer.load_state_dict(make(other).state_dict())
            train(net, optimizer, 0, 2)
            train(other, make(other), 0, 2)
            self.assertTrue(torch.equal(values(net), values(other)))


class Steps(unittest.TestCase):
    def test_closure_is_evaluated_with_gradient_and_its_loss_returned(self) -> None:
        net = Net()
        optimizer = normdescent.SGD(net, lr=0.1)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = net.loss(0)
            loss.backward()
            return loss

        with torch.no_grad():
            first = optimizer.step(closure)
            second = optimizer.step(closure)
        self.assertLess(second.item(), first.item())

    def test_closure_gives_gradients_at_several_points(self) -> None:
        net = Net()
        optimizer = normdescent.SGD(net, lr=0.1, beta=0.5, correction="variance-reduction")
        calls = []

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = net.loss(0)
            loss.backward()
            calls.append(loss.item())
            return loss

        first = optimizer.step(closure)
        second = optimizer.step(closure)
        self.assertEqual(len(calls), 3)  # the second step asks for the previous point too
        self.assertEqual(calls[1], first.item())
        self.assertEqual(calls[2], second.item())
        with self.assertRaisesRegex(ValueError, "must be called with compute_gradients"):
            optimizer.step()
        before = values(net).clone()
        with self.assertRaises(ZeroDivisionError):
            optimizer.step(lambda: 1 / 0)
        self.assertTrue(torch.equal(values(net), before))

    def test_sgd_and_adamw_follow_torch(self) -> None:
        # Values are below 2: ten steps of a few operations, each off by at most 2^-24 of that.
        tolerance = 10 * 4 * 1.2e-7
        pairs = [
            (
                lambda n: normdescent.SGD(n, lr=0.1, beta=0.9),
                lambda n: torch.optim.SGD(n.parameters(), 0.1, 0.9),
            ),
            (
                lambda n: normdescent.AdamW(n, lr=0.01),
                lambda n: torch.optim.AdamW(n.parameters(), 0.01),
            ),
        ]
        for ours, theirs in pairs:
            net, reference = Net(), Net()
            train(net, ours(net), 0, 10)
            train(reference, theirs(reference), 0, 10)
            self.assertLess((values(net) - values(reference)).abs().max().item(), tolerance)

    def test_nonfinite_gradient_changes_nothing_and_is_named(self) -> None:
        net = Net()
        optimizer = normdescent.AdamW(net)
        net.loss(0).backward()
        net.hidden.bias.grad[2] = float("nan")
        before = copy.deepcopy(optimizer.state_dict())
        optimizer.step()
        self.assertEqual(optimizer.skipped_parameter, "hidden.bias")
        self.assertTrue(torch.equal(values(net), values(Net())))
        after = optimizer.state_dict()
        self.assertEqual(after["param_groups"], before["param_groups"])
        for i, buffers in before["state"].items():
            for buffer, tensor in buffers.items():
                self.assertTrue(torch.equal(after["state"][i][buffer], tensor))
        net.hidden.bias.grad[2] = 0.0
        optimizer.step()
        self.assertIsNone(optimizer.skipped_parameter)
        self.assertFalse(torch.equal(values(net), values(Net())))

    def test_tensors_without_gradient_stay(self) -> None:
        net = Net()
        net.hidden.requires_grad_(False)
        optimizer = normdescent.SignSGD(net, lr=0.5)
        net.loss(0).backward()
        optimizer.step()
        self.assertTrue(torch.equal(net.hidden.weight, Net().hidden.weight))
        self.assertFalse(torch.equal(net.head.weight, Net().head.weight))
