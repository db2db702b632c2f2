// SPDX-License-Identifier: Apache-2.0
// GPT-2 as transformers computes it from its file, in double, from the formulas: Conv1D is x W + b with W (in, out).
// Knows nothing of our layouts or kernels.
#pragma once

#include <cmath>
#include <cstring>
#include <numbers>
#include <string>
#include <vector>

#include "normdescent/base/state_dict.hpp"
#include "normdescent/gpt/shape.hpp"

namespace normdescent::test {

class ReferenceForward {
 public:
  using Rows = std::vector<std::vector<double>>;

  ReferenceForward(const StateDict& file, const GptShape& shape) : file_(file), shape_(shape) {}

  /// Logits (tokens, vocabulary) after each token.
  [[nodiscard]] Rows logits(const std::vector<std::int64_t>& tokens) const {
    const auto wte = matrix("transformer.wte.weight");
    const auto wpe = matrix("transformer.wpe.weight");
    Rows x;
    for (std::size_t t = 0; t < tokens.size(); ++t) x.push_back(sum(wte[static_cast<std::size_t>(tokens[t])], wpe[t]));
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      const std::string name = "transformer.h." + std::to_string(layer) + ".";
      add(x, conv1d(attention(conv1d(norm(x, name + "ln_1"), name + "attn.c_attn")), name + "attn.c_proj"));
      Rows wide = conv1d(norm(x, name + "ln_2"), name + "mlp.c_fc");
      for (auto& row : wide)
        for (double& u : row)
          u = 0.5 * u * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (u + 0.044715 * u * u * u)));
      add(x, conv1d(wide, name + "mlp.c_proj"));
    }
    Rows out;
    for (const auto& h : norm(x, "transformer.ln_f")) {
      auto& row = out.emplace_back();
      for (const auto& word : wte) row.push_back(inner(word, h));
    }
    return out;
  }

 private:
  [[nodiscard]] Rows matrix(const std::string& name) const {
    const StateTensor& tensor = file_.tensors.at(name);
    const auto rows = static_cast<std::size_t>(tensor.shape.at(0));
    const auto cols = static_cast<std::size_t>(tensor.shape.size() > 1 ? tensor.shape[1] : 1);
    Rows out(rows, std::vector<double>(cols));
    for (std::size_t i = 0; i < rows * cols; ++i) {
      if (tensor.dtype == "F64") {
        std::memcpy(&out[i / cols][i % cols], tensor.bytes.data() + sizeof(double) * i, sizeof(double));
        continue;
      }
      float value = 0.0F;
      std::memcpy(&value, tensor.bytes.data() + sizeof value * i, sizeof value);
      out[i / cols][i % cols] = static_cast<double>(value);
    }
    return out;
  }
  [[nodiscard]] std::vector<double> vector(const std::string& name) const {
    std::vector<double> out;
    for (const auto& row : matrix(name)) out.push_back(row[0]);
    return out;
  }
  [[nodiscard]] Rows conv1d(const Rows& x, const std::string& name) const {
    const auto w = matrix(name + ".weight");
    const auto b = vector(name + ".bias");
    Rows y;
    for (const auto& row : x) {
      auto out = b;
      for (std::size_t i = 0; i < row.size(); ++i)
        for (std::size_t j = 0; j < out.size(); ++j) out[j] += row[i] * w.at(i).at(j);
      y.push_back(out);
    }
    return y;
  }
  [[nodiscard]] Rows norm(const Rows& x, const std::string& name) const {
    const auto gain = vector(name + ".weight");
    const auto shift = vector(name + ".bias");
    Rows y = x;
    for (auto& row : y) {
      const auto n = static_cast<double>(row.size());
      double mean = 0.0;
      for (const double v : row) mean += v / n;
      double variance = 0.0;
      for (const double v : row) variance += (v - mean) * (v - mean) / n;
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = gain[i] * (row[i] - mean) / std::sqrt(variance + 1e-5) + shift[i];
    }
    return y;
  }
  [[nodiscard]] Rows attention(const Rows& qkv) const {
    const auto c = static_cast<std::size_t>(shape_.width);
    const auto d = c / static_cast<std::size_t>(shape_.heads);
    Rows out(qkv.size(), std::vector<double>(c, 0.0));
    for (std::size_t head = 0; head < c; head += d) {
      for (std::size_t t = 0; t < qkv.size(); ++t) {
        std::vector<double> weights;
        double total = 0.0;
        for (std::size_t s = 0; s <= t; ++s) {
          double score = 0.0;
          for (std::size_t i = head; i < head + d; ++i) score += qkv[t][i] * qkv[s][c + i];
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(d))));
          total += weights.back();
        }
        for (std::size_t s = 0; s <= t; ++s)
          for (std::size_t i = head; i < head + d; ++i) out[t][i] += weights[s] / total * qkv[s][2 * c + i];
      }
    }
    return out;
  }
  static double inner(const std::vector<double>& a, const std::vector<double>& b) {
    double total = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
    return total;
  }
  static std::vector<double> sum(std::vector<double> a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }
  static void add(Rows& x, const Rows& branch) {
    for (std::size_t t = 0; t < x.size(); ++t) x[t] = sum(x[t], branch[t]);
  }

  const StateDict& file_;
  GptShape shape_;
};

}  // namespace normdescent::test
