# SPDX-License-Identifier: Apache-2.0
"""The zoo is a tool of the repository, imported from python/."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
