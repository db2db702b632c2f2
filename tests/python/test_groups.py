# SPDX-License-Identifier: Apache-2.0
"""Parameters as they come: groups, names, roles, ties; and what is refused."""

import unittest

import normdescent
import torch

from nets import Net, train, values


def set_gradients(net: torch.nn.Module, value: float) -> None:
    for p in net.parameters():
        p.grad = torch.full_like(p, value)


class Groups(unittest.TestCase):
    def test_groups_have_their_own_options(self) -> None:
        net = Net()
        weights = [p for p in net.parameters() if p.dim() > 1]
        biases = [p for p in net.parameters() if p.dim() == 1]
        optimizer = normdescent.SGD(
            [{"params": weights, "decoupled_decay": 1.0}, {"params": biases, "lr": 0.5}], lr=0.25
        )
        set_gradients(net, 0.0)
        optimizer.step()
        self.assertTrue(torch.equal(net.hidden.weight, 0.75 * Net().hidden.weight))
        self.assertTrue(torch.equal(net.hidden.bias, Net().hidden.bias))
        set_gradients(net, 1.0)
        optimizer.step()
        self.assertTrue(torch.equal(net.hidden.bias, Net().hidden.bias - 0.5))

    def test_groups_may_be_added_later_and_saved(self) -> None:
        net, twin = Net(), Net()
        optimizers = []
        for each in (net, twin):
            optimizer = normdescent.Lion(each.hidden, lr=0.01)
            optimizer.add_param_group(
                {"params": each.head.named_parameters(), "lr": 0.1, "roles": ["head", "vector"]}
            )
            optimizers.append(optimizer)
        self.assertEqual(
            [row.role for row in optimizers[0].plan()], ["matrix", "vector", "head", "vector"]
        )
        train(net, optimizers[0], 0, 2)
        train(twin, optimizers[1], 0, 2)
        self.assertEqual(optimizers[0].param_groups[1]["lr"], 0.1)
        optimizers[1].load_state_dict(optimizers[0].state_dict())
        train(net, optimizers[0], 2, 4)
        train(twin, optimizers[1], 2, 4)
        self.assertTrue(torch.equal(values(net), values(twin)))

    def test_options_may_change_between_steps_and_keep_the_state(self) -> None:
        weight = torch.nn.Parameter(torch.zeros(3))
        optimizer = normdescent.Signum([weight], lr=0.125, beta=0.5)
        weight.grad = torch.ones(3)
        optimizer.step()
        optimizer.param_groups[0]["beta"] = 0.25
        optimizer.param_groups[0]["decoupled_decay"] = 4.0
        # m = 0.5 after the first step; -0.15 wins against a fresh m, not against 0.25 * 0.5.
        weight.grad = torch.full((3,), -0.15)
        optimizer.step()
        self.assertTrue(torch.equal(weight, torch.full((3,), -0.125 * 0.5 - 0.125)))

    def test_changed_options_are_checked_too(self) -> None:
        net = Net()
        optimizer = normdescent.SGD(net)
        set_gradients(net, 1.0)
        optimizer.param_groups[0]["beta"] = 2.0
        with self.assertRaisesRegex(ValueError, r"beta = 2, must be in \[0, 1\)"):
            optimizer.step()
        optimizer.param_groups[0]["beta"] = 0.9
        with self.assertRaisesRegex(ValueError, "momentum is missing"):
            optimizer.step()
        self.assertTrue(torch.equal(values(net), values(Net())))

    def test_roles_come_from_the_module_and_may_be_overridden(self) -> None:
        net = Net()
        by_module = {row.name: row.role for row in normdescent.Muon(net).plan()}
        expected = {
            "table.weight": "embedding",
            "hidden.weight": "matrix",
            "hidden.bias": "vector",
            "head.weight": "head",
            "head.bias": "vector",
        }
        self.assertEqual(by_module, expected)
        roles = {"head.weight": "matrix"}
        plan = {
            row.name: row for row in normdescent.Muon(net.named_parameters(), roles=roles).plan()
        }
        self.assertEqual(plan["head.weight"].role, "matrix")
        self.assertIn("msign", plan["head.weight"].direction)

    def test_tied_tensor_counts_once(self) -> None:
        net = Net()
        net.output = torch.nn.Linear(5, 7, bias=False)
        net.output.weight = net.table.weight
        optimizer = normdescent.SGD([net.table.weight, net.output.weight], lr=1.0)
        net.table.weight.grad = torch.ones(7, 5)
        optimizer.step()
        self.assertTrue(torch.equal(net.table.weight, Net().table.weight - 1.0))
        self.assertEqual(normdescent.SGD(net).plan()[0].role, "embedding")
        with self.assertRaisesRegex(ValueError, "more than one parameter group"):
            optimizer.add_param_group({"params": [net.output.weight]})

    def test_modules_may_be_groups(self) -> None:
        net = Net()
        optimizer = normdescent.Signum([{"params": net.table}, {"params": net.hidden, "lr": 0.5}])
        # Both modules call a parameter "weight", which must not be one name for two.
        self.assertEqual(
            [row.name for row in optimizer.plan()], ["weight", "group_1.weight", "bias"]
        )

    def test_strided_parameters_and_gradients_work(self) -> None:
        plain = torch.nn.Parameter(torch.arange(12.0).view(3, 4))
        strided = torch.nn.Parameter(torch.arange(12.0).view(3, 4).t().contiguous().t())
        self.assertFalse(strided.is_contiguous())
        for weight in (plain, strided):
            optimizer = normdescent.Muon([weight], lr=0.1)
            weight.grad = torch.sin(torch.arange(12.0)).view(4, 3).t()
            optimizer.step()
        self.assertTrue(torch.equal(plain, strided))


class Refusals(unittest.TestCase):
    def test_wrong_values_say_field_value_and_domain(self) -> None:
        net = Net()
        for options, text in [
            ({"lr": -1}, r"sgd: lr = -1, must be in \[0, inf\)"),
            ({"lr": float("nan")}, "lr = nan, must be in"),
            ({"beta": 1.0}, r"beta = 1, must be in \[0, 1\)"),
            ({"beta": "much"}, r"beta = much, must be in \[0, 1\)"),
            ({"nesterov": "maybe"}, "nesterov = maybe, must be one of true, false"),
        ]:
            with self.assertRaisesRegex(ValueError, text):
                normdescent.SGD(net, **options)
        with self.assertRaisesRegex(ValueError, "method = qr, must be one of"):
            normdescent.Muon(net, method="qr")

    def test_unknown_options_are_refused_with_the_nearest_name(self) -> None:
        net = Net()
        with self.assertRaisesRegex(TypeError, "SGD: no option betta; did you mean beta?"):
            normdescent.SGD(net, betta=0.9)
        with self.assertRaisesRegex(TypeError, "weight_decay; did you mean decoupled_decay?"):
            normdescent.SGD(net, weight_decay=0.1)
        with self.assertRaisesRegex(ValueError, "weight_decay; did you mean decoupled_decay?"):
            normdescent.SGD([{"params": list(net.parameters()), "weight_decay": 0.1}])
        with self.assertRaisesRegex(ValueError, "no optimizer adm, must be one of"):
            normdescent.make("adm", net)

    def test_tensors_that_do_not_fit_are_named(self) -> None:
        with self.assertRaisesRegex(ValueError, "bias"):
            normdescent.Muon(Net(), roles={"hidden.bias": "matrix"})
        with self.assertRaisesRegex(
            ValueError, "'hidden.bias': role = bias, must be one of matrix"
        ):
            normdescent.Muon(Net(), roles={"hidden.bias": "bias"})
        with self.assertRaisesRegex(
            ValueError, "roles: no parameter haed.weight; did you mean head.weight?"
        ):
            normdescent.Muon(Net(), roles={"haed.weight": "head"})
        with self.assertRaisesRegex(ValueError, "'w': value is .*Complex"):
            normdescent.SGD([("w", torch.nn.Parameter(torch.ones(2, dtype=torch.complex64)))])
        with self.assertRaisesRegex(TypeError, "params: int, must be a tensor"):
            normdescent.SGD([3])
        with self.assertRaisesRegex(TypeError, "params is one tensor"):
            normdescent.SGD(torch.ones(2))
        net = Net()
        optimizer = normdescent.SGD(net)
        net.table.weight.grad = torch.ones(7, 5).to_sparse()
        with self.assertRaisesRegex(ValueError, "'table.weight': gradient is sparse"):
            optimizer.step()

    def test_a_refused_group_is_not_added(self) -> None:
        net = Net()
        optimizer = normdescent.Muon(net.hidden)
        with self.assertRaises(ValueError):
            optimizer.add_param_group({"params": list(net.head.parameters()), "lr": -1.0})
        self.assertEqual(len(optimizer.param_groups), 1)
        optimizer.add_param_group({"params": list(net.head.parameters())})
        train(net, optimizer, 0, 1)

    def test_states_of_others_are_refused_and_change_nothing(self) -> None:
        net = Net()
        optimizer = normdescent.Signum(net, lr=0.1)
        train(net, optimizer, 0, 2)
        good = optimizer.state_dict()
        other = torch.optim.SGD(net.parameters(), lr=0.1).state_dict()
        lion = normdescent.Lion(net).state_dict()
        without = optimizer.state_dict()
        del without["state"][1]["momentum"]
        reshaped = optimizer.state_dict()
        reshaped["state"][1]["momentum"] = torch.ones(3)
        negative = optimizer.state_dict()
        negative["param_groups"][0]["lr"] = -1.0
        for state, text in [
            (other, "was not saved by normdescent.Signum"),
            (lion, "optimizer = lion, must be signum"),
            (without, "hidden.weight/momentum is missing"),
            (reshaped, "hidden.weight/momentum"),
            (negative, "lr = -1, must be in"),
            ({"state": {}, "param_groups": []}, r"groups of \[\] parameters, must be of \[5\]"),
        ]:
            with self.assertRaisesRegex(ValueError, text):
                optimizer.load_state_dict(state)
            now = optimizer.state_dict()
            self.assertEqual(now["param_groups"], good["param_groups"])
            for i, buffers in good["state"].items():
                self.assertTrue(torch.equal(now["state"][i]["momentum"], buffers["momentum"]))
