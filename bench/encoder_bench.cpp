// One request's forward pass with the model of a Hugging Face folder. Alone it reports where the
// time goes; with --serve it takes turns with the peers of bench/peers (run_encoder_bench.py):
//   stdin "run N" -> stdout N times in ms;  "logits" -> the first values of the head, to compare
//   with theirs
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "bench/fma_peak.h"
#include "bench/timing.h"
#include "host/model_loader.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/heads.h"

namespace onecopy::bench {
namespace {

namespace kernels = worker::kernels;
using worker::Model;
using worker::Workspace;

struct Options {
  std::filesystem::path folder;
  std::size_t tokens = 128;
  unsigned threads = 1;
  int runs = 21;
  bool serve = false;
};

Result<std::unique_ptr<Model>> load(const std::filesystem::path& folder) {
  host::TensorCatalogue catalogue;
  ASSIGN_OR_RETURN(
      const host::LoadedModel loaded,
      host::load_model({.name = "bench", .folder = folder, .version = 1, .adapter = {}},
                       fmt::format("bench-{}", getpid()), 1, catalogue));
  ASSIGN_OR_RETURN(Segment segment,
                   Segment::open(loaded.segment->name(), Segment::Check::kStructure));
  return Model::bind(std::move(segment));
}

// The same ids in the peers (whose vocabularies are larger).
std::vector<std::int32_t> request(std::size_t tokens, std::uint32_t vocabulary) {
  const std::size_t range = std::min<std::size_t>(20000, vocabulary - 10);
  std::vector<std::int32_t> ids(tokens);
  for (std::size_t i = 0; i < tokens; ++i) {
    ids[i] = static_cast<std::int32_t>(10 + i * 7919 % range);
  }
  return ids;
}

class Bench {
 public:
  Bench(const Model& model, const Options& options)
      : model_(model),
        workspace_(options.threads),
        ids_(request(options.tokens, model.info().vocab_size)),
        starts_{0, static_cast<std::uint32_t>(options.tokens)} {}

  // Encoder and head, as a worker computes them.
  std::vector<float> forward() {
    const auto hidden = worker::encode(model_, {ids_, {}, starts_}, workspace_);
    if (!hidden) throw std::runtime_error(hidden.error().text);
    if (model_.info().task == Task::kQuestionAnswering) {
      return worker::qa_logits(model_, *hidden).value().start;
    }
    return worker::classification_logits(model_, *hidden, starts_, workspace_).value();
  }

  // The products with weights alone, of all layers, on whatever lies in the buffers.
  void products() {
    const ModelInfo& info = model_.info();
    const std::size_t rows = ids_.size();
    const std::size_t width = kernels::Activations::floats(rows, info.hidden);
    const auto hidden = kernels::Activations::blocked(workspace_.hidden.data(), rows);
    const auto context = kernels::Activations::blocked(workspace_.attended.data(), rows);
    const auto wide = [&](std::size_t i) {
      return kernels::Activations::blocked(workspace_.wide.data() + i * width, rows);
    };
    const kernels::ThreadPool::Pass pass(workspace_.pool());
    const auto run = [&](std::initializer_list<kernels::Linear> calls) {
      kernels::linear(std::span(calls.begin(), calls.size()), rows, workspace_.pool());
    };
    for (const worker::LayerWeights& layer : model_.layers()) {
      run({{.x = hidden, .weights = &layer.query, .y = wide(0)},
           {.x = hidden, .weights = &layer.key, .y = wide(1)},
           {.x = hidden, .weights = &layer.value, .y = wide(2)}});
      run({{.x = hidden, .weights = &layer.attention_out, .y = context}});
      run({{.x = hidden, .weights = &layer.ffn_in, .y = wide(0)}});
      run({{.x = wide(0), .weights = &layer.ffn_out, .y = context}});
    }
  }

  double product_gflop() const {
    double total = 0;
    for (const worker::LayerWeights& layer : model_.layers()) {
      for (const auto* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_out,
                                 &layer.ffn_in, &layer.ffn_out}) {
        total +=
            2e-9 * static_cast<double>(ids_.size() * linear->weight.rows * linear->weight.cols);
      }
    }
    return total;
  }

  std::size_t scratch() const { return workspace_.bytes(); }

 private:
  const Model& model_;
  Workspace workspace_;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint32_t> starts_;
};

void report(Bench& bench, const Options& options) {
  std::vector<double> model;
  std::vector<double> products;
  std::vector<double> peaks;
  bench.forward();
  for (int i = 0; i < options.runs; ++i) {
    peaks.push_back(fma_peak() * options.threads);
    model.push_back(milliseconds([&] { bench.forward(); }));
    products.push_back(milliseconds([&] { bench.products(); }));
  }
  const double speed = bench.product_gflop() / median(products) * 1e3;
  fmt::print(
      "{} tokens, {} threads: model {:.2f} ms, its products alone {:.2f} ms ({:.0f} %), {:.0f} "
      "GFLOP/s of "
      "{:.0f} peak; scratch {:.1f} MB; {}\n",
      options.tokens, options.threads, median(model), median(products),
      100 * median(products) / median(model), speed, median(peaks),
      static_cast<double>(bench.scratch()) / 1e6, kernels::default_product_reason());
}

void serve(Bench& bench) {
  bench.forward();
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string command; std::cin >> command;) {
    if (command == "logits") {
      const std::vector<float> logits = bench.forward();
      const std::size_t shown = std::min<std::size_t>(8, logits.size());
      fmt::print("{}\n", fmt::join(logits.begin(), logits.begin() + static_cast<long>(shown), " "));
    } else if (int runs = 0; command == "run" && std::cin >> runs) {
      for (; runs > 0; --runs) fmt::print("{:.4f} ", milliseconds([&] { bench.forward(); }));
      fmt::print("\n");
    }
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace onecopy::bench

int main(int argc, char** argv) {
  onecopy::bench::Options options;
  CLI::App app("Latency of one request's forward pass");
  app.add_option("--model", options.folder, "a Hugging Face folder")->required();
  app.add_option("--tokens", options.tokens);
  app.add_option("--threads", options.threads);
  app.add_option("--runs", options.runs);
  app.add_flag("--serve", options.serve, "take commands from stdin");
  CLI11_PARSE(app, argc, argv);
  const auto model = onecopy::bench::load(options.folder);
  if (!model) {
    fmt::print(stderr, "{}\n", model.error().text);
    return 1;
  }
  onecopy::bench::Bench bench(**model, options);
  if (options.serve) {
    serve(bench);
  } else {
    report(bench, options);
  }
}
