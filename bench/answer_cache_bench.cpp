// How long a lookup in the answer cache takes, the key of its text included.
//
//   answer_cache_bench [--entries 1000000] [--text-bytes 500]
//
// Entries are asked for in an order that no cache of the processor knows. Lookups are timed in
// groups, as reading the clock takes long beside one; the median of the groups is printed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gateway/dispatch/answer_cache.h"
#include "gateway/dispatch/answer_key.h"

namespace {

namespace gateway = onecopy::gateway;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kGroup = 100;
constexpr std::size_t kGroups = 20'000;

gateway::Work work_of(std::size_t text_bytes) {
  gateway::Model model;
  model.segment = "onecopy:default:qa0:1:1";
  model.info.task = onecopy::Task::kQuestionAnswering;
  gateway::Work work;
  work.model = std::make_shared<const gateway::Model>(std::move(model));
  work.texts.push_back({"Who wrote it?", std::string(text_bytes, 'x')});
  return work;
}

// The text with this number.
const gateway::Work::Text& numbered(gateway::Work& work, std::uint64_t number) {
  fmt::format_to_n(work.texts[0].pair->data(), 16, "{:016x}", number);
  return work.texts[0];
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Measured {
  double ns;  // of one lookup
  std::size_t found;
};

template <class Look>
Measured measure(gateway::Work& work, std::size_t entries, Look look) {
  std::mt19937_64 random(1);
  std::vector<double> ns;
  std::vector<std::uint64_t> numbers(kGroup);
  std::size_t found = 0;
  for (std::size_t group = 0; group < kGroups; ++group) {
    for (std::uint64_t& number : numbers) number = random() % entries;
    const auto start = Clock::now();
    for (const std::uint64_t number : numbers)
      if (look(numbered(work, number))) ++found;
    const std::chrono::duration<double, std::nano> took = Clock::now() - start;
    ns.push_back(took.count() / kGroup);
  }
  return {median(std::move(ns)), found};
}

}  // namespace

int main(int argc, char** argv) try {
  std::size_t entries = 1'000'000;
  std::size_t text_bytes = 500;
  CLI::App app("The answer cache's lookups.");
  app.add_option("--entries", entries)->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app.add_option("--text-bytes", text_bytes)->check(CLI::Range(16, 1 << 20))->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const gateway::AnswerKeys keys;
  gateway::AnswerCache cache(std::max<std::size_t>(entries, 1000) * 200);
  gateway::Work work = work_of(text_bytes);
  onecopy::WorkReply reply;
  reply.answers = {{0.5, 1, 2, 1, 2}};
  for (std::size_t i = 0; i < entries; ++i) cache.put(keys.of(work, numbered(work, i)), reply);

  const Measured nothing =
      measure(work, entries, [](const gateway::Work::Text& text) { return text.pair->empty(); });
  const Measured key = measure(
      work, entries, [&](const gateway::Work::Text& text) { return keys.of(work, text).low != 0; });
  const Measured lookup = measure(work, entries, [&](const gateway::Work::Text& text) {
    return cache.find(keys.of(work, text)).has_value();
  });
  fmt::print("{} entries, {:.0f} bytes each, texts of {} bytes\n", cache.entries(),
             static_cast<double>(cache.bytes()) / static_cast<double>(cache.entries()), text_bytes);
  fmt::print("key {:.0f} ns, lookup with its key {:.0f} ns (medians; making the text taken off)\n",
             key.ns - nothing.ns, lookup.ns - nothing.ns);
  return lookup.found == kGroup * kGroups ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
