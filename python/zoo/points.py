# SPDX-License-Identifier: Apache-2.0
"""Where runs are looked at; free of torch, so that reading recorded races needs none."""

# where a full run is validated, as shares of its steps
POINTS = (0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
