#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The constants of include/normdescent/linalg/resolvent.hpp, and Zolotarev's deviations to compare with. Needs NumPy; some
seconds.

    python3 bench/linalg/resolvent_constants.py

Minimizes max |p(s) - 1| over [1e-3, 1]: Nelder and Mead over c_1, c_2, d from a rough start, and for each of them the best alpha,
beta_1, beta_2 by Lawson's reweighted least squares.
"""
import numpy as np

LOW = 1e-3
S = np.exp(np.linspace(np.log(LOW), 0.0, 3000))
START = [8.0, 3.4, -0.993]  # log c_1, log c_2, d: the best of random starts


def linear_fit(parameters, rounds):
    """The deviation with the best linear constants, and these."""
    c1, c2, d = np.exp(parameters[0]), np.exp(parameters[1]), parameters[2]
    w1 = 1.0 / (1.0 + c1 * S**2)
    z = 1.0 + c2 * S**2 + d * w1
    if np.any(z <= 1e-4):
        return np.inf, None
    basis = S[:, None] * np.stack([np.ones_like(S), w1, 1.0 / z], axis=1)
    weights, best = np.ones_like(S), (np.inf, None)
    for _ in range(rounds):
        root = np.sqrt(weights)
        constants = np.linalg.lstsq(basis * root[:, None], root, rcond=None)[0]
        deviations = np.abs(basis @ constants - 1.0)
        if deviations.max() < best[0]:
            best = deviations.max(), constants
        weights *= deviations + 1e-9
        weights /= weights.sum()
    return best


def nelder_mead(f, start, size, rounds):
    points = [np.array(start)] + [np.array(start) + size * e for e in np.eye(len(start))]
    values = [f(p) for p in points]
    for _ in range(rounds):
        order = np.argsort(values)
        points, values = [points[i] for i in order], [values[i] for i in order]
        center = np.mean(points[:-1], axis=0)
        for stretch in (1.0, -0.5):
            trial = center + stretch * (center - points[-1])
            value = f(trial)
            if value < values[-1]:
                points[-1], values[-1] = trial, value
                break
        else:
            points = [points[0] + 0.5 * (p - points[0]) for p in points]
            values = [f(p) for p in points]
    return points[int(np.argmin(values))]


def zolotarev(poles):
    """The deviation of the best function with that many poles: sn^2 / cn^2 of the complementary modulus by Landen's descent."""
    a, b = 1.0, LOW
    for _ in range(20):
        a, b = (a + b) / 2.0, np.sqrt(a * b)
    quarter_period = np.pi / (2.0 * a)

    def squared_tangent(u):
        moduli, means, mean, complement = [], [], 1.0, LOW**2
        for _ in range(12):
            means.append(mean)
            complement = np.sqrt(complement)
            moduli.append(complement)
            last = 0.5 * (mean + complement)
            complement *= mean
            mean = last
        angle = last * u
        cotangent, dn = np.cos(angle) / np.sin(angle), 1.0
        c = last * cotangent
        ratio = cotangent
        for modulus, m in zip(reversed(moduli), reversed(means)):
            ratio *= c
            c *= dn
            dn = (modulus + ratio) / (m + ratio)
            ratio = c / m
        return 1.0 / c**2

    zeros = [LOW**2 * squared_tangent(i * quarter_period / (2 * poles + 1)) for i in range(1, 2 * poles + 1)]
    y = S * np.prod([(S**2 + zeros[2 * j + 1]) / (S**2 + zeros[2 * j]) for j in range(poles)], axis=0)
    return (y.max() - y.min()) / (y.max() + y.min())


def main():
    parameters = START
    for size in (0.05, 0.0125, 0.003, 0.0008):
        parameters = nelder_mead(lambda p: linear_fit(p, 60)[0], parameters, size, 60)
    deviation, (alpha, beta1, beta2) = linear_fit(parameters, 2000)
    print(f"c1 {np.exp(parameters[0]):.8g}  c2 {np.exp(parameters[1]):.8g}  d {parameters[2]:.8g}  alpha {alpha:.8g}  "
          f"beta1 {beta1:.8g}  beta2 {beta2:.8g}: deviates by {deviation:.5f}")
    for poles in (1, 2, 3, 4):
        print(f"Zolotarev, {poles} poles: deviates by {zolotarev(poles):.5f}")


if __name__ == "__main__":
    main()
