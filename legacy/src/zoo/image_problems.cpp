// SPDX-License-Identifier: Apache-2.0
// Drawn images: classes and autoencoding.
#include <string>
#include <utility>

#include "families.hpp"
#include "image_models.hpp"
#include "image_source.hpp"
#include "model_problem.hpp"
#include "vector_models.hpp"

namespace normdescent {
namespace {

using MakeProblem = std::function<std::shared_ptr<const Problem>()>;

struct ImageProblem {
  std::string name;
  std::uint32_t batch_size = 32;
  ImageSource images{};
  std::function<std::shared_ptr<Model>()> model{};
  double gain = 1.4142135623730951;  ///< sqrt(2) before a ReLU (He et al. 2015)
};

MakeProblem image_problem(ImageProblem parts) {
  return [parts = std::move(parts)] {
    return make_model_problem({.name = parts.name,
                               .batch_size = parts.batch_size,
                               .examples = image_source(parts.images),
                               .make = parts.model,
                               .initialization = {.gain = parts.gain}});
  };
}

std::shared_ptr<Model> cnn() { return make_cnn(kDrawingSide, 8, kDrawingClasses); }
std::shared_ptr<Model> resnet() { return make_resnet(12, kDrawingClasses); }
std::shared_ptr<Model> mlp() { return make_classifier({kDrawingSide * kDrawingSide, 64, 64, kDrawingClasses}); }
std::shared_ptr<Model> softmax() { return make_classifier({kDrawingSide * kDrawingSide, kDrawingClasses}); }
std::shared_ptr<Model> autoencoder() { return make_autoencoder({kDrawingSide * kDrawingSide, 64, 12}); }

}  // namespace

std::vector<ZooProblem> image_problems() {
  return {
      {"cnn-shapes", "image", "a small CNN, balanced classes, clean labels: noise that dies out as it learns", 32, 150,
       true, image_problem({.name = "cnn-shapes", .model = cnn})},
      {"cnn-shapes-label-noise", "image", "three labels of ten are random: noise that stays to the end", 32, 150, false,
       image_problem({.name = "cnn-shapes-label-noise", .images = {.label_noise = 0.3}, .model = cnn})},
      {"cnn-digits-zipf", "image", "classes as frequent as 1/k^1.5: gradients of rare classes are rare", 32, 150, false,
       image_problem(
           {.name = "cnn-digits-zipf", .images = {.kind = Drawing::digits, .class_exponent = 1.5}, .model = cnn})},
      {"resnet-digits", "image", "residual blocks with group norm", 16, 120, false,
       image_problem(
           {.name = "resnet-digits", .batch_size = 16, .images = {.kind = Drawing::digits}, .model = resnet})},
      {"mlp-digits-large-batch", "image", "a perceptron with 512 examples a step: little noise", 512, 100, false,
       image_problem(
           {.name = "mlp-digits-large-batch", .batch_size = 512, .images = {.kind = Drawing::digits}, .model = mlp})},
      {"mlp-digits-batch-1", "image", "the same perceptron with one example a step: nothing but noise", 1, 1500, false,
       image_problem(
           {.name = "mlp-digits-batch-1", .batch_size = 1, .images = {.kind = Drawing::digits}, .model = mlp})},
      {"softmax-digits", "image", "softmax regression on pixels: convex, inputs strongly correlated", 64, 200, true,
       image_problem({.name = "softmax-digits",
                      .batch_size = 64,
                      .images = {.kind = Drawing::digits},
                      .model = softmax,
                      .gain = 0.1})},
      {"autoencoder-digits", "image", "squared error through a bottleneck of 12: the classic ill-conditioned net", 32,
       200, false,
       image_problem(
           {.name = "autoencoder-digits", .images = {.kind = Drawing::digits}, .model = autoencoder, .gain = 1.0})},
  };
}

}  // namespace normdescent
