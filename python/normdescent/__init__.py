# SPDX-License-Identifier: Apache-2.0
"""Which optimizer will win on your model, by how much, at which learning rate, and what does it cost to know?

    import normdescent as nd
    report = nd.compare(make_model, loss, train, validation, steps=5000, batch_size=64, budget="0.25 run")
    optimizer = report.optimizer(model)

    optimizer = nd.Muon(model, lr=2e-3)     # any optimizer of the catalog, as a torch.optim.Optimizer
    print(optimizer.explain())

Names are imported when they are first used: `import normdescent` imports no torch, and bounds and lab never do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _openmp
from ._errors import MissingPackageError, ProblemError, RoutingWarning
from ._lazy import lazy_names
from ._version import __version__

_openmp.load()

from . import _core as _core  # noqa: E402  (needs the OpenMP that was loaded)

if _core.__version__ != __version__:
    raise ImportError(
        f"normdescent {__version__} found the compiled module of {_core.__version__} ({_core.__file__}): "
        f"two installations are mixed; uninstall normdescent and install it again"
    )

# Public name -> the module that has it.
_HOMES = {
    **dict.fromkeys(
        ("SGD", "NormalizedSGD", "RowNormalizedSGD", "SignSGD", "Signum", "Lion", "Muon", "Muonlight", "AdamW", "Adagrad"),
        "optimizers",
    ),
    **dict.fromkeys(("AdaGradNorm", "MARSLion", "MARSAdamW", "Scion", "ScionConstrained"), "optimizers"),
    **dict.fromkeys(("LionMuon", "ASGO", "Shampoo"), "optimizers"),
    **dict.fromkeys(("CatalogOptimizer", "make"), "_optimizer"),
    **dict.fromkeys(("msign", "step_norm", "dual_norm", "dual_unit"), "_linalg"),
    **dict.fromkeys(("compare", "suggest"), "_compare"),
    **dict.fromkeys(("Probe", "probe"), "_probe"),
    "Comparison": "_comparison",
    "Problem": "_problem",
    "warmup_cosine": "_schedule",
    "catalog": "_core",
    "show_versions": "_version",
    "bounds": "bounds",
    "lab": "lab",
    "optimizers": "optimizers",
    "testing": "testing",
}

if TYPE_CHECKING:
    from . import lab, optimizers, testing
    from ._compare import compare, suggest
    from ._comparison import Comparison
    from ._core import catalog
    from ._linalg import dual_norm, dual_unit, msign, step_norm
    from ._optimizer import CatalogOptimizer, make
    from ._probe import Probe, probe
    from ._problem import Problem
    from ._schedule import warmup_cosine
    from ._version import show_versions
    from .bounds import bounds
    from .optimizers import (
        ASGO,
        SGD,
        Adagrad,
        AdaGradNorm,
        AdamW,
        Lion,
        LionMuon,
        MARSAdamW,
        MARSLion,
        Muon,
        Muonlight,
        NormalizedSGD,
        RowNormalizedSGD,
        Scion,
        ScionConstrained,
        Shampoo,
        SignSGD,
        Signum,
    )

__getattr__, __dir__ = lazy_names(__name__, _HOMES)

# As _HOMES, for type checkers and readers; a test compares the two.
__all__ = [
    "ASGO",
    "SGD",
    "AdaGradNorm",
    "Adagrad",
    "AdamW",
    "CatalogOptimizer",
    "Comparison",
    "Lion",
    "LionMuon",
    "MARSAdamW",
    "MARSLion",
    "MissingPackageError",
    "Muon",
    "Muonlight",
    "NormalizedSGD",
    "Probe",
    "Problem",
    "ProblemError",
    "RoutingWarning",
    "RowNormalizedSGD",
    "Scion",
    "ScionConstrained",
    "Shampoo",
    "SignSGD",
    "Signum",
    "__version__",
    "bounds",
    "catalog",
    "compare",
    "dual_norm",
    "dual_unit",
    "lab",
    "make",
    "msign",
    "optimizers",
    "probe",
    "show_versions",
    "step_norm",
    "suggest",
    "testing",
    "warmup_cosine",
]
