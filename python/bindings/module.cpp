// SPDX-License-Identifier: Apache-2.0
// normdescent._core: the compiled half of the package.
#include "bindings.hpp"
#include "normdescent/base/version.hpp"

NB_MODULE(_core, m) {
  namespace nd = normdescent::python;
  m.attr("__version__") = normdescent::kVersion;
#ifdef NDEBUG
  nanobind::set_leak_warnings(false);  // torch and pytest keep modules alive past the interpreter: false alarms
#endif
  nd::bind_tensors(m);
  nd::bind_linalg(m);
  nd::bind_optimizers(m);
  nd::bind_planner(m);
  nd::bind_probe(m);
  nd::bind_research(m);
}
