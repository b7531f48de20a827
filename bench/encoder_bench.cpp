// One request's forward pass with the model of a Hugging Face folder. Alone it reports where the
// time goes; with --serve it takes turns with the peers of bench/peers and speaks like them
// (peers/turns.py); besides, "report N" -> the report of N runs.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <sstream>

#include "bench/product_peak.h"
#include "bench/timing.h"
#include "host/options.h"
#include "host/publish/model_loader.h"
#include "host/supervise/instance_lock.h"
#include "shared/base/limits.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::bench {
namespace {

namespace kernels = worker::kernels;
using worker::Model;
using worker::Workspace;

struct Options {
  std::filesystem::path folder;
  unsigned threads = 1;
  int runs = 21;
  std::vector<std::uint32_t> lengths{128};  // more than one: a ragged batch
  std::string precision = "f32";
  bool serve = false;
};

Result<std::unique_ptr<Model>> load(const Options& options) {
  host::ModelSource source;
  source.name = "bench";
  source.folder = options.folder;
  RETURN_IF_ERROR(host::apply_model_setting(source, "precision", options.precision));
  const std::string instance = fmt::format("bench-{}", getpid());
  ASSIGN_OR_RETURN(const UniqueFd lock, host::lock_instance(instance));
  host::TensorCatalogue catalogue;
  ASSIGN_OR_RETURN(const host::LoadedModel loaded,
                   host::load_model(source, instance, 1, catalogue));
  ASSIGN_OR_RETURN(Segment segment,
                   Segment::open(loaded.segment->name(), Segment::Check::kStructure));
  return Model::bind(std::move(segment));
}

// The same ids in the peers (whose vocabularies are larger), from the first on in each sequence.
std::vector<std::int32_t> request(const std::vector<std::uint32_t>& starts,
                                  std::uint32_t vocabulary) {
  const std::size_t range = std::min<std::size_t>(20000, vocabulary - 10);
  std::vector<std::int32_t> ids;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    for (std::size_t i = 0; i < starts[s + 1] - starts[s]; ++i) {
      ids.push_back(static_cast<std::int32_t>(10 + i * 7919 % range));
    }
  }
  return ids;
}

class Bench {
 public:
  Bench(const Model& model, unsigned threads, const std::vector<std::uint32_t>& lengths)
      : model_(model),
        workspace_(threads),
        starts_(starts_of(lengths)),
        ids_(request(starts_, model.info().vocab_size)) {}

  // Encoder and head, as a worker computes them: in parts of up to kBatchTokens.
  std::vector<float> forward() {
    std::vector<float> logits;
    for (std::size_t first = 0; first + 1 < starts_.size();) {
      std::size_t last = first + 1;
      while (last + 1 < starts_.size() &&
             starts_[last + 1] - starts_[first] <= limits::kBatchTokens) {
        ++last;
      }
      const std::vector<float> part = forward(first, last);
      logits.insert(logits.end(), part.begin(), part.end());
      first = last;
    }
    return logits;
  }

  // Of the products with weights; the last layer's only for the rows that the head reads.
  double product_gflop() const {
    double total = 0;
    for (const worker::LayerWeights& layer : model_.layers()) {
      const bool last = &layer == &model_.layers().back();
      for (const auto* linear : linears(layer)) {
        const bool all_rows = !last || linear == &layer.key || linear == &layer.value;
        const std::size_t rows = all_rows ? ids_.size() : last_rows();
        total += 2e-9 * static_cast<double>(rows * linear->weight.rows * linear->weight.cols);
      }
    }
    return total;
  }

  // Of queries with keys and powers with values.
  double attention_gflop() const {
    double products = 0;
    for (std::size_t s = 0; s + 1 < starts_.size(); ++s) {
      const double length = starts_[s + 1] - starts_[s];
      const double queries = last_rows() == ids_.size() ? length : 1;
      products += length * (length * (model_.info().layers - 1) + queries);
    }
    return 4e-9 * products * model_.info().hidden;
  }

  double layer_bytes() const {
    double total = 0;
    for (const worker::LayerWeights& layer : model_.layers()) {
      for (const auto* linear : linears(layer)) {
        total += static_cast<double>(linear->weight.bytes.size());
      }
    }
    return total;
  }

  double peak() { return product_peak(model_.info().precision, workspace_.pool()); }
  double attention_peak() {
    return bench::attention_peak(model_.info().precision, workspace_.pool());
  }
  std::size_t tokens() const { return ids_.size(); }
  std::size_t scratch() const { return workspace_.bytes(); }

 private:
  static std::vector<std::uint32_t> starts_of(const std::vector<std::uint32_t>& lengths) {
    std::vector<std::uint32_t> starts{0};
    for (const std::uint32_t length : lengths) starts.push_back(starts.back() + length);
    return starts;
  }
  // Sequences [first, last).
  std::vector<float> forward(std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> starts;
    for (std::size_t s = first; s <= last; ++s) starts.push_back(starts_[s] - starts_[first]);
    const auto ids = std::span(ids_).subspan(starts_[first], starts.back());
    const auto hidden =
        worker::encode(model_, {ids, {}, starts}, workspace_, worker::rows_read(model_.info()));
    if (!hidden) throw std::runtime_error(hidden.error().text);
    if (model_.info().task == Task::kQuestionAnswering) {
      return worker::qa_logits(model_, *hidden).value().start;
    }
    return worker::classification_logits(model_, *hidden, workspace_).value();
  }
  static std::array<const kernels::LinearWeights*, 6> linears(const worker::LayerWeights& layer) {
    return {&layer.query,         &layer.key,    &layer.value,
            &layer.attention_out, &layer.ffn_in, &layer.ffn_out};
  }
  std::size_t last_rows() const {
    return worker::rows_read(model_.info()) == worker::OutputRows::kFirst ? starts_.size() - 1
                                                                          : ids_.size();
  }

  const Model& model_;
  Workspace workspace_;
  std::vector<std::uint32_t> starts_;
  std::vector<std::int32_t> ids_;
};

void report(Bench& bench, const Options& options) {
  std::vector<double> model;
  std::vector<double> peaks;
  std::vector<double> attention_peaks;
  bench.forward();
  for (int i = 0; i < options.runs; ++i) {
    peaks.push_back(bench.peak());
    attention_peaks.push_back(bench.attention_peak());
    model.push_back(milliseconds([&] { bench.forward(); }));
  }
  const double ideal = bench.product_gflop() / median(peaks) * 1e3 +
                       bench.attention_gflop() / median(attention_peaks) * 1e3;
  fmt::print(
      "{} tokens, {} threads, {}: model {:.3f} ms; its products at their own peak of {:.0f} "
      "GFLOP/s "
      "{:.3f} ms ({:.0f} %); layers' weights {:.1f} MB; scratch {:.1f} MB\n",
      bench.tokens(), options.threads, options.precision, median(model), median(peaks), ideal,
      100 * ideal / median(model), bench.layer_bytes() / 1e6,
      static_cast<double>(bench.scratch()) / 1e6);
}

// "THREADS WAY LENGTHS"; a batch is ragged whatever way the peers take.
bool parse_work(std::istream& line, Options& options) {
  std::string way;
  std::string lengths;
  if (!(line >> options.threads >> way >> lengths)) return false;
  options.lengths.clear();
  std::stringstream list(lengths);
  for (std::string length; std::getline(list, length, ',');) {
    options.lengths.push_back(static_cast<std::uint32_t>(std::stoul(length)));
  }
  return true;
}

void serve(const Model& model, Options options) {
  const auto say = [](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  std::optional<Bench> bench;
  std::vector<float> logits;
  say("ready");
  for (std::string text; std::getline(std::cin, text);) {
    std::stringstream line(text);
    std::string command;
    int runs = 0;
    line >> command;
    if (command == "work" && parse_work(line, options)) {
      logits = bench.emplace(model, options.threads, options.lengths).forward();
      logits.resize(std::min<std::size_t>(8, logits.size()));
      say("ready");
    } else if (command == "logits") {
      say(fmt::format("{}", fmt::join(logits, " ")));
    } else if (bench && line >> runs && command == "run") {
      std::vector<double> times(static_cast<std::size_t>(runs));
      for (double& time : times) time = milliseconds([&] { bench->forward(); });
      say(fmt::format("{:.4f}", fmt::join(times, " ")));
    } else if (bench && command == "report") {
      options.runs = runs;
      report(*bench, options);
      std::fflush(stdout);
    } else {
      say("failed: not understood");
    }
  }
}

}  // namespace
}  // namespace onecopy::bench

int main(int argc, char** argv) try {
  onecopy::bench::Options options;
  CLI::App app("Latency of one request's forward pass");
  app.add_option("--model", options.folder, "a Hugging Face folder")->required();
  app.add_option("--tokens,--lengths", options.lengths, "one, or those of a ragged batch")
      ->delimiter(',');
  app.add_option("--precision", options.precision, "f32, bf16, int8 or auto");
  app.add_option("--threads", options.threads);
  app.add_option("--runs", options.runs);
  app.add_flag("--serve", options.serve, "take commands from stdin");
  CLI11_PARSE(app, argc, argv);
  const auto model = onecopy::bench::load(options);
  if (!model) {
    fmt::print(stderr, "{}\n", model.error().text);
    return 1;
  }
  if (options.serve) {
    onecopy::bench::serve(**model, options);
    return 0;
  }
  onecopy::bench::Bench bench(**model, options.threads, options.lengths);
  onecopy::bench::report(bench, options);
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
