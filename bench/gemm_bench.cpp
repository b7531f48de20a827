// The block products on the shapes of BERT-base and BERT-large: GFLOP/s and share of the
// multiply-add peak, interleaved in one run because clocks and neighbours change.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <random>

#include "bench/fma_peak.h"
#include "bench/timing.h"
#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/linear.h"

namespace onecopy::bench {
namespace {

namespace kernels = worker::kernels;

struct Shape {
  std::size_t rows, inputs, outputs;
};
constexpr Shape kShapes[] = {{128, 768, 768},   {128, 768, 3072},  {128, 3072, 768},
                             {384, 768, 3072},  {384, 3072, 768},  {128, 1024, 4096},
                             {384, 1024, 4096}, {384, 4096, 1024}, {17, 768, 3072}};

// A weight of its own memory, as a segment would hold it.
struct Weight {
  explicit Weight(const Shape& shape) {
    const std::size_t floats =
        packed_bytes(Layout::kPanels, DType::kF32, shape.outputs, shape.inputs) / sizeof(float);
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-0.1F, 0.1F);
    float* data = memory.reserve(floats);
    std::generate_n(data, floats, [&] { return uniform(random); });
    bias.assign(shape.outputs, 0.1F);
    linear.weight = {Layout::kPanels, DType::kF32, shape.outputs,
                     shape.inputs,    {},          std::as_bytes(std::span(data, floats))};
    linear.bias = bias;
  }
  kernels::AlignedBuffer memory;
  std::vector<float> bias;
  kernels::LinearWeights linear;
};

void measure(const Shape& shape, unsigned threads, int rounds) {
  const Weight weight(shape);
  kernels::AlignedBuffer x_memory;
  kernels::AlignedBuffer y_memory;
  const std::size_t x_floats = kernels::Activations::floats(shape.rows, shape.inputs);
  float* x = x_memory.reserve(x_floats);
  std::fill_n(x, x_floats, 0.5F);
  float* y = y_memory.reserve(kernels::Activations::floats(shape.rows, shape.outputs));
  const kernels::Linear call{
      .x = kernels::Operand::of(kernels::Activations::blocked(x, shape.rows)),
      .weights = &weight.linear,
      .y = kernels::Operand::of(kernels::Activations::blocked(y, shape.rows))};
  kernels::ThreadPool pool(threads);
  const kernels::ThreadPool::Pass pass(pool);

  std::vector<const kernels::BlockProduct*> products{&kernels::highway_product()};
  if (const auto* brgemm = kernels::brgemm_product();
      brgemm != nullptr && kernels::self_test(*brgemm).empty()) {
    products.push_back(brgemm);
  }
  std::vector<std::vector<double>> times(products.size());
  std::vector<double> peaks;
  for (int round = 0; round < rounds; ++round) {
    peaks.push_back(fma_peak());
    for (std::size_t i = 0; i < products.size(); ++i) {
      kernels::BackEnds back_ends;
      back_ends.f32 = products[i];
      times[i].push_back(milliseconds([&] {
        kernels::linear({&call, 1}, shape.rows, pool, back_ends);
      }));
    }
  }
  const double peak = median(peaks) * threads;
  const double gflop = 2e-9 * static_cast<double>(shape.rows * shape.inputs * shape.outputs);
  fmt::print("| {} x {} -> {} | {} | {:.0f} |", shape.rows, shape.inputs, shape.outputs, threads,
             peak);
  for (const auto& t : times) {
    const double speed = gflop / median(t) * 1e3;
    fmt::print(" {:.0f} ({:.0f} %) |", speed, 100 * speed / peak);
  }
  fmt::print("\n");
}

}  // namespace
}  // namespace onecopy::bench

int main(int argc, char** argv) try {
  CLI::App app("Block products: GFLOP/s, median of rounds");
  int rounds = 51;
  std::vector<unsigned> threads{1, 2};
  app.add_option("--rounds", rounds);
  app.add_option("--threads", threads);
  CLI11_PARSE(app, argc, argv);
  fmt::print(
      "| rows x inputs -> outputs | threads | peak | highway | brgemm |\n|---|---|---|---|---|\n");
  for (const unsigned t : threads) {
    for (const auto& shape : onecopy::bench::kShapes) onecopy::bench::measure(shape, t, rounds);
  }
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
