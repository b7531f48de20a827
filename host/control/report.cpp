#include "host/control/report.h"

#include <fmt/format.h>

#include <cstdio>

#include "shared/base/format_bytes.h"

namespace onecopy::host {
namespace {

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

void StartReport::progress(const std::string& model, std::uint64_t done, std::uint64_t total) {
  if (!bar_ || loading_ != model) {
    bar_ = std::make_unique<ProgressBar>(model);
    loading_ = model;
  }
  bar_->update(done, total);
}

void StartReport::loaded(const Served& model) {
  bar_.reset();
  const ModelEntry& entry = model.entry;
  const std::string borrowed =
      entry.bytes_borrowed == 0
          ? ""
          : fmt::format(", {} shared with others", format_bytes(entry.bytes_borrowed));
  const std::string error =
      entry.precision_error
          ? fmt::format(", auto: logits within {:.1f} % of f32's", 100 * *entry.precision_error)
          : "";
  print_line(fmt::format("{:<20} {:<24} {:>10} {:<4}  {:.2f} s{}{}",
                         fmt::format("{}:{}", entry.name, entry.version), model.task,
                         format_bytes(entry.bytes_own), entry.precision, entry.load_seconds,
                         borrowed, error));
}

void StartReport::ready(std::uint64_t workers, const std::string& management_url,
                        const std::string& url) {
  print_line(fmt::format("{} workers; management on {}", workers, management_url));
  print_line(fmt::format("ready on {}", url));
}

}  // namespace onecopy::host
