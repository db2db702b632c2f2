// SPDX-License-Identifier: Apache-2.0
// One function for each file beside this one; module.cpp calls them all.
#pragma once

#include <nanobind/nanobind.h>

namespace normdescent::python {

void bind_linalg(nanobind::module_& m);
void bind_optimizers(nanobind::module_& m);
void bind_planner(nanobind::module_& m);
void bind_probe(nanobind::module_& m);
void bind_research(nanobind::module_& m);
void bind_tensors(nanobind::module_& m);

}  // namespace normdescent::python
