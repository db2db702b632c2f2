// SPDX-License-Identifier: Apache-2.0
// One of the names that c10d's header of Gloo asks for; see ../context.h.
#pragma once
