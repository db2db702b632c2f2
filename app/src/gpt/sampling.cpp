// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"

namespace normdescent {

void SamplingOptions::validate() const {
  const auto refuse = [](const char* field, const std::string& value, const char* domain) {
    throw std::invalid_argument(std::string(field) + " = " + value + ", must be " + domain);
  };
  if (!(temperature > 0.0) || !std::isfinite(temperature))
    refuse("temperature", std::to_string(temperature), "finite and above 0");
  if (top_k < 0) refuse("top_k", std::to_string(top_k), "0 (all) or more");
  if (!(top_p > 0.0 && top_p <= 1.0)) refuse("top_p", std::to_string(top_p), "in (0, 1]");
}

namespace {

/// Comparisons with NaN are all false, so an order of such logits is none, and what is searched in it lies behind its end.
void require_order(std::span<const float> logits) {
  bool has_finite = false;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity()) {
      throw UserError("the logit of token " + std::to_string(i) + " is " + (std::isnan(logits[i]) ? "NaN" : "infinite"),
                      "the weights are damaged, or too large for float32");
    }
    has_finite = has_finite || std::isfinite(logits[i]);
  }
  if (!has_finite) throw UserError("no logit is finite", "the weights are damaged, or too large for float32");
}

}  // namespace

std::int64_t sample_token(std::span<const float> logits, const SamplingOptions& options, double uniform) {
  require_order(logits);
  if (options.is_greedy) return std::ranges::max_element(logits) - logits.begin();
  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int64_t token) { return logits[static_cast<std::size_t>(token)]; };
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return logit(a) > logit(b); });
  if (options.top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(options.top_k)));

  const auto largest = static_cast<double>(logit(order.front()));
  std::vector<double> cumulated;
  double sum = 0.0;
  for (const auto token : order)
    cumulated.push_back(sum += std::exp((static_cast<double>(logit(token)) - largest) / options.temperature));
  const auto last = std::min(std::ranges::lower_bound(cumulated, options.top_p * sum), cumulated.end() - 1);
  const double kept = *last;
  const auto chosen = std::ranges::upper_bound(cumulated, uniform * kept);
  // Where rounding takes uniform * kept up to kept, the last one is meant.
  return order[static_cast<std::size_t>(std::min(chosen, last) - cumulated.begin())];
}

std::vector<std::int64_t> generate(GptDecoder& decoder, std::span<const std::int64_t> prompt,
                                   const GenerationOptions& options,
                                   const std::function<bool(std::int64_t)>& on_token) {
  options.sampling.validate();
  if (prompt.empty()) throw std::invalid_argument("prompt = no tokens, must be at least one");
  constexpr std::uint64_t kPurpose = 0x7465'7874;  // "text"
  Philox random(options.seed, kPurpose);
  const auto kept = static_cast<std::size_t>(std::max<Index>(1, decoder.shape().context / 2));
  std::vector<std::int64_t> text(prompt.begin(), prompt.end());
  std::size_t next = 0;  // of the text, to be read
  decoder.reset();
  if (text.size() > static_cast<std::size_t>(decoder.shape().context)) next = text.size() - kept;
  for (std::int64_t written = 0; written < options.tokens; ++written) {
    if (decoder.position() == decoder.shape().context) {
      decoder.reset();
      next = text.size() - kept;
    }
    std::span<const float> logits;
    while (next < text.size()) logits = decoder.read(text[next++]);
    if (options.vocabulary > 0 && options.vocabulary < static_cast<std::int64_t>(logits.size()))
      logits = logits.first(static_cast<std::size_t>(options.vocabulary));
    const std::int64_t token = sample_token(logits, options.sampling, random.uniform());
    if (token == options.end_of_text) break;
    text.push_back(token);
    if (on_token && !on_token(token)) break;
  }
  return {text.begin() + static_cast<std::ptrdiff_t>(prompt.size()), text.end()};
}

}  // namespace normdescent
