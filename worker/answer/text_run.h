// What classification and embedding have in common: one model input, one list of values.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "worker/answer/task_run.h"

namespace onecopy::worker {

class TextRun : public TaskRun {
 public:
  TextRun(const ServedModel& served, Tokens tokens) : served_(served), input_(std::move(tokens)) {}

  std::optional<Tokens> next_input() final { return std::exchange(input_, std::nullopt); }

  Status consume(const Tokens& input, std::span<const float> hidden, Workspace& workspace) final {
    reply_.tokens = static_cast<std::uint32_t>(input.size());
    const std::array<std::uint32_t, 2> starts{
        0, static_cast<std::uint32_t>(hidden.size() / served_.info().hidden)};
    ASSIGN_OR_RETURN(reply_.values, values_of(hidden, starts, workspace));
    return {};
  }

  WorkReply finish() final { return std::move(reply_); }

 protected:
  const ServedModel& served() const { return served_; }

 private:
  // `hidden` is one sequence, as `starts` says: what heads.h asks for.
  virtual Result<std::vector<float>> values_of(std::span<const float> hidden,
                                               std::span<const std::uint32_t> starts,
                                               Workspace& workspace) = 0;

  const ServedModel& served_;
  std::optional<Tokens> input_;
  WorkReply reply_;
};

}  // namespace onecopy::worker
