// How long reading so many bytes of memory once takes: the least that a short request can cost,
// whose weights have to come from memory. Speaks like encoder_bench --serve; of "work" only the
// number of threads counts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/timing.h"

namespace {

// Eight sums, so that no addition waits for the one before.
std::uint64_t sum(std::span<const std::uint64_t> words) {
  std::uint64_t sums[8] = {};
  for (std::size_t i = 0; i + 8 <= words.size(); i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sums[k] += words[i + k];
  }
  return std::accumulate(std::begin(sums), std::end(sums), std::uint64_t{0});
}

// Each thread reads one part; the caller the first.
void read_once(std::span<const std::uint64_t> words, std::size_t threads) {
  const std::size_t part = words.size() / threads;
  std::vector<std::uint64_t> sums(threads);
  std::vector<std::jthread> others;
  for (std::size_t t = 1; t < threads; ++t) {
    others.emplace_back([&, t] { sums[t] = sum(words.subspan(t * part, part)); });
  }
  sums[0] = sum(words.first(part));
  others.clear();
  volatile std::uint64_t keep = sums[0];
  static_cast<void>(keep);
}

}  // namespace

int main(int argc, char** argv) try {
  std::size_t bytes = 0;
  std::size_t threads = 1;
  bool serve = false;
  CLI::App app("Time to read memory once");
  app.add_option("--bytes", bytes)->required()->check(CLI::Range(1UL << 20, 1UL << 34));
  app.add_option("--threads", threads)->check(CLI::Range(1, 64));
  app.add_flag("--serve", serve, "take commands from stdin; otherwise print the median of 21");
  CLI11_PARSE(app, argc, argv);
  const std::vector<std::uint64_t> words(bytes / sizeof(std::uint64_t), 1);
  const auto time = [&] {
    return onecopy::bench::milliseconds([&] { read_once(words, threads); });
  };
  if (!serve) {
    std::vector<double> times(21);
    for (double& t : times) t = time();
    const double ms = onecopy::bench::median(times);
    fmt::print("{:.3f} ms, {:.1f} GB/s\n", ms, static_cast<double>(bytes) / ms / 1e6);
    return 0;
  }
  fmt::print("ready\n");
  std::fflush(stdout);
  std::size_t number = 0;
  for (std::string command; std::cin >> command >> number;) {
    if (command == "work") {
      std::getline(std::cin, command);  // the rest of the line
      threads = std::clamp<std::size_t>(number, 1, 64);
      fmt::print("ready");
    } else {
      for (; number > 0; --number) fmt::print("{:.4f} ", time());
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
