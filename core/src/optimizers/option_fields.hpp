// SPDX-License-Identifier: Apache-2.0
// The one place where every option of every named optimizer is written: name, domain, meaning and where it lives. Typed
// constructors check with it, make_optimizer parses with it, the catalog prints it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "domain.hpp"
#include "normdescent/optimizers/catalog.hpp"

namespace normdescent::optimizers {

/// One option of an options struct.
template <class Options>
struct Field {
  std::string name;
  std::string domain;  ///< "in [0, 1)", "one of a, b": completes "must be ..."
  std::string meaning;
  std::function<std::string(const Options&)> text;        ///< the value as text
  std::function<bool(const Options&)> is_valid;           ///< the value is in the domain
  std::function<bool(Options&, std::string_view)> parse;  ///< false: text is not of the option's type
};

template <class Options>
using Fields = std::vector<Field<Options>>;

/// The options of each struct, in the order in which they are shown.
[[nodiscard]] const Fields<CommonOptions>& common_fields();
[[nodiscard]] const Fields<AverageOptions>& average_fields();
[[nodiscard]] const Fields<SgdOptions>& sgd_fields();
[[nodiscard]] const Fields<NormalizedSgdOptions>& normalized_sgd_fields();
[[nodiscard]] const Fields<RowNormalizedSgdOptions>& row_normalized_sgd_fields();
[[nodiscard]] const Fields<SignSgdOptions>& signsgd_fields();
[[nodiscard]] const Fields<SignumOptions>& signum_fields();
[[nodiscard]] const Fields<LionOptions>& lion_fields();
[[nodiscard]] const Fields<AdamWOptions>& adamw_fields();
[[nodiscard]] const Fields<AdaGradOptions>& adagrad_fields();
[[nodiscard]] const Fields<AdaGradNormOptions>& adagrad_norm_fields();
[[nodiscard]] const Fields<MarsLionOptions>& mars_lion_fields();
[[nodiscard]] const Fields<MarsAdamWOptions>& mars_adamw_fields();
[[nodiscard]] const Fields<MuonOptions>& muon_fields();
[[nodiscard]] const Fields<MuonOptions>& muonlight_fields();  ///< muon's without `nesterov` and `momentum_form`
[[nodiscard]] const Fields<ScionOptions>& scion_fields();
[[nodiscard]] const Fields<ScionOptions>& scion_constrained_fields();  ///< scion's without decays
[[nodiscard]] const Fields<LionMuonOptions>& lionmuon_fields();
[[nodiscard]] const Fields<AsgoOptions>& asgo_fields();
[[nodiscard]] const Fields<ShampooOptions>& shampoo_fields();

/// Throws std::invalid_argument "NAME: field = value, must be ..." listing every option outside its domain.
template <class Options>
void validate(const std::string& optimizer, const Options& options, const Fields<Options>& fields) {
  Problems problems(optimizer);
  for (const auto& field : fields) {
    if (!field.is_valid(options)) {
      problems.add(field.name + " = " + field.text(options) + ", must be " + field.domain);
    }
  }
  problems.throw_if_any();
}

}  // namespace normdescent::optimizers
