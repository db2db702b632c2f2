# SPDX-License-Identifier: Apache-2.0
"""Candidates, and where runs are looked at; free of torch, so that reading recorded races needs none."""

# where a full run is validated, as shares of its steps
POINTS = (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.26, 0.33, 0.41, 0.5, 0.6, 0.69, 0.77, 0.84, 0.9, 0.95, 1.0)
CANDIDATES = ("sgd-momentum", "adamw", "signsgd", "lion", "muon")
