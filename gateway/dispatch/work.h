// What is computed for requests: what a route asks for, and its texts on their way to the workers.
// All of dispatch/ stands on this file, which knows none of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gateway/dispatch/model_catalogue.h"
#include "shared/base/clock.h"
#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

class Batch;
struct Lane;
struct WorkItem;

// What a route wants to have computed.
struct Work {
  struct Text {
    std::string text;
    std::optional<std::string> pair;
  };
  ModelPtr model;
  std::vector<Text> texts;  // at least one
  QaParams qa;
  TextParams text_params;
  std::optional<Milliseconds> timeout;
  bool is_shadow = false;  // a copy whose answer nobody reads
  bool no_cache = false;   // to be computed, whatever is known
};

// About how many tokens a worker will compute for the text, windows with what they overlap. The
// gateway has no tokenizer.
std::size_t estimated_tokens(const Work& work, const Work::Text& text);

// kInternal unless a reply's values are as many as the model has outputs, and numbers.
Status check_values(const Work& work, const std::vector<float>& values);

// Class WorkOwner: what hears of its item's end, once; never after it gave the item up.
class WorkOwner {
 public:
  virtual ~WorkOwner() = default;
  virtual void item_done(WorkReply reply) = 0;
  virtual void fail_with(const Error& error) = 0;
  virtual void expire() = 0;  // kDeadline
};

// One text on its way: queued (lane), in a batch on a worker (batch), answered, or given up. Owned
// by its owner; the queue's and the batch's pointers are theirs alone.
struct WorkItem {
  WorkOwner* owner = nullptr;
  const Work* work = nullptr;
  std::size_t index = 0;      // of its text
  std::size_t tokens = 0;     // estimated: what it costs
  Clock::time_point since{};  // it is asked for
  Clock::time_point deadline = Clock::time_point::max();
  // Others may come to wait for it, so that its deadline moves: the worker is not told of it, but
  // that the item is given up once nobody waits.
  bool may_be_joined = false;
  int deaths = 0;   // workers that ended while they had it
  int crashes = 0;  // of these, the ones that nobody killed
  Batch* batch = nullptr;

  // Hook of FairQueue.
  Lane* lane = nullptr;  // null: not queued
  WorkItem* previous = nullptr;
  WorkItem* next = nullptr;

  const Work::Text& text() const { return work->texts[index]; }
  const Model& model() const { return *work->model; }
  std::size_t text_bytes() const;
  WorkRequest request() const;
};

}  // namespace onecopy::gateway
