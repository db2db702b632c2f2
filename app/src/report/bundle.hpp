// SPDX-License-Identifier: Apache-2.0
// The files of web/ and the chart library as texts inside the program; generated at build time by
// cmake/EmbedText.cmake.
#pragma once

namespace normdescent::report::bundle {

extern const char* const kReportStyle;
extern const char* const kReportScript;
/// Empty where the chart library was not there at build time.
extern const char* const kChartStyle;
extern const char* const kChartScript;
extern const char* const kChartLicence;

}  // namespace normdescent::report::bundle
