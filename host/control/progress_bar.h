// What a person sees while models load.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace onecopy::host {

// Class ProgressBar: one line on standard error that is redrawn at most ten times a second and
// wiped at the end; nothing at all where standard error is no terminal. Calls may come from any
// thread, one at a time.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(std::uint64_t done, std::uint64_t total);

 private:
  std::string label_;
  bool is_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace onecopy::host
