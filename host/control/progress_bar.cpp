#include "host/control/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "shared/base/format_bytes.h"

namespace onecopy::host {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(100);
constexpr std::uint64_t kWidth = 30;

}  // namespace

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_terminal_ || total == 0 || now - last_ < kEvery) return;
  last_ = now;
  drawn_ = true;
  const std::uint64_t filled = done >= total ? kWidth : done * kWidth / total;
  fmt::print(stderr, "\r{}  [{:#<{}}{:.<{}}] {:>3}%  of {}", label_, "", filled, "",
             kWidth - filled, done * 100 / total, format_bytes(total));
  std::fflush(stderr);
}

}  // namespace onecopy::host
