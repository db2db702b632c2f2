// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/drawn_images.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace normdescent {
namespace {

struct Point {
  double x;  ///< from left
  double y;  ///< from top; strokes live in the unit square
};
using Stroke = std::vector<Point>;
using Figure = std::vector<Stroke>;
using Alphabet = std::array<Figure, kDrawingClasses>;

const Alphabet& digits() {
  static const Alphabet all = {{
      {{{.5, .1}, {.75, .25}, {.75, .75}, {.5, .9}, {.25, .75}, {.25, .25}, {.5, .1}}},
      {{{.35, .3}, {.55, .1}, {.55, .9}}},
      {{{.25, .3}, {.4, .1}, {.65, .12}, {.75, .3}, {.25, .9}, {.78, .9}}},
      {{{.25, .15}, {.7, .15}, {.48, .45}, {.73, .65}, {.6, .88}, {.25, .85}}},
      {{{.6, .9}, {.6, .1}, {.2, .65}, {.8, .65}}},
      {{{.72, .1}, {.3, .1}, {.27, .48}, {.6, .45}, {.75, .65}, {.6, .88}, {.25, .88}}},
      {{{.65, .1}, {.35, .4}, {.27, .7}, {.5, .9}, {.73, .7}, {.5, .5}, {.3, .62}}},
      {{{.22, .1}, {.78, .1}, {.42, .9}}},
      {{{.5, .48}, {.3, .3}, {.5, .1}, {.7, .3}, {.5, .48}, {.26, .7}, {.5, .9}, {.74, .7}, {.5, .48}}},
      {{{.7, .35}, {.5, .5}, {.28, .32}, {.5, .1}, {.72, .3}, {.6, .9}}},
  }};
  return all;
}

/// The corners of a regular polygon, closed.
Stroke polygon(int corners, double turn) {
  Stroke stroke;
  for (int i = 0; i <= corners; ++i) {
    const double angle = 2.0 * std::numbers::pi * (i + turn) / corners;
    stroke.push_back({.5 + .38 * std::sin(angle), .5 - .38 * std::cos(angle)});
  }
  return stroke;
}

const Alphabet& shapes() {
  static const Alphabet all = {{
      {polygon(12, 0.0)},                                      // ring
      {polygon(3, 0.0)},                                       // triangle
      {polygon(4, 0.5)},                                       // square
      {polygon(4, 0.0)},                                       // diamond
      {{{.5, .1}, {.5, .9}}, {{.1, .5}, {.9, .5}}},            // plus
      {{{.2, .2}, {.8, .8}}, {{.8, .2}, {.2, .8}}},            // cross
      {{{.15, .25}, {.85, .25}}, {{.15, .75}, {.85, .75}}},    // two bars
      {{{.25, .1}, {.25, .85}, {.8, .85}}},                    // corner
      {{{.1, .3}, {.35, .7}, {.6, .3}, {.85, .7}}},            // zigzag
      {{{.1, .5}, {.9, .5}}, {{.6, .2}, {.9, .5}, {.6, .8}}},  // arrow
  }};
  return all;
}

double square(double x) { return x * x; }

/// Squared distance of p from the segment a b.
double squared_distance(Point p, Point a, Point b) {
  const double length = square(b.x - a.x) + square(b.y - a.y);
  const double along = ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / std::max(length, 1e-12);
  const double t = std::clamp(along, 0.0, 1.0);
  return square(p.x - a.x - t * (b.x - a.x)) + square(p.y - a.y - t * (b.y - a.y));
}

double between(Philox& random, double low, double high) { return low + (high - low) * random.uniform(); }

}  // namespace

void draw_image(Drawing kind, Index label, double noise, Philox& random, std::span<float> pixels) {
  if (label < 0 || label >= kDrawingClasses) {
    throw std::invalid_argument("label = " + std::to_string(label) + ", must be in [0, 9]");
  }
  const Figure& figure = (kind == Drawing::digits ? digits() : shapes())[static_cast<std::size_t>(label)];
  const double angle = between(random, -0.3, 0.3);
  const double scale_x = between(random, 0.7, 1.05);
  const double scale_y = between(random, 0.7, 1.05);
  const double shear = between(random, -0.25, 0.25);
  const Point middle{between(random, 0.42, 0.58), between(random, 0.42, 0.58)};
  const double radius = between(random, 0.03, 0.07);
  const auto place = [&](Point p) {
    const double x = scale_x * (p.x - .5 + shear * (p.y - .5));
    const double y = scale_y * (p.y - .5);
    return Point{middle.x + std::cos(angle) * x - std::sin(angle) * y + between(random, -.03, .03),
                 middle.y + std::sin(angle) * x + std::cos(angle) * y + between(random, -.03, .03)};
  };
  Figure placed;
  for (const Stroke& stroke : figure) {
    placed.emplace_back();
    for (const Point& p : stroke) placed.back().push_back(place(p));
  }
  std::size_t i = 0;
  for (Index row = 0; row < kDrawingSide; ++row) {
    for (Index column = 0; column < kDrawingSide; ++column) {
      const Point p{(static_cast<double>(column) + .5) / kDrawingSide, (static_cast<double>(row) + .5) / kDrawingSide};
      double nearest = 2.0;
      for (const Stroke& stroke : placed) {
        for (std::size_t k = 1; k < stroke.size(); ++k) {
          nearest = std::min(nearest, squared_distance(p, stroke[k - 1], stroke[k]));
        }
      }
      // Fades over one pixel.
      const double ink = std::clamp(1.0 - (std::sqrt(nearest) - radius) * kDrawingSide, 0.0, 1.0);
      pixels[i++] = static_cast<float>(ink + noise * (random.uniform() - 0.5));
    }
  }
}

}  // namespace normdescent
