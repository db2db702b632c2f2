// SPDX-License-Identifier: Apache-2.0
#include "normdescent/report/report.hpp"

#include "bundle.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

bool has_bundled_charts() { return *report::bundle::kChartScript != '\0'; }

std::filesystem::path write_report(const std::filesystem::path& run_folder) {
  const auto source = run_folder / "result.json";
  if (!std::filesystem::exists(source)) {
    throw UserError("no result.json in " + run_folder.string(),
                    "give the folder that `compare --out` wrote; there is none until something was measured");
  }
  auto target = run_folder / "report.html";
  const std::string result = read_text(source);
  std::string page;
  try {
    page = report_page(result);
  } catch (const UserError& error) {
    throw UserError(source.string() + ": " + error.what(), error.hint());
  }
  write_text_atomically(target, page);
  return target;
}

}  // namespace normdescent
