// The models that a worker has attached: weights and tokenizer of each, used where they lie.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/encoder/model.h"

namespace onecopy::worker {

// Descriptors of segments, by name.
using SegmentFiles = std::map<std::string, UniqueFd, std::less<>>;

// `files` are also those that it may borrow from. Errors as Segment::open's.
Result<Segment> open_segment(const SegmentFiles& files, std::string_view name,
                             Segment::Check check);

// A model and its tokenizer; the tokenizer borrows from the model's segment.
struct ServedModel {
  std::unique_ptr<Model> model;
  Tokenizer tokenizer;
  const ModelInfo& info() const { return model->info(); }
};

// Class ServedModels: owns the mappings. One thread.
class ServedModels {
 public:
  // A mapping and a few pointers; `files`, of the segment and of those that it borrows from, may be
  // closed afterwards. What is wrong is what get() says from now on.
  void attach(const std::string& segment, const SegmentFiles& files);
  // The mapping goes with the model. Nothing happens when it is not there.
  void remove(std::string_view segment);

  // Valid until remove(). Errors as Segment::open's; kNotFound: it was never attached.
  Result<const ServedModel*> get(std::string_view segment) const;

 private:
  std::map<std::string, Result<ServedModel>, std::less<>> by_segment_;
};

}  // namespace onecopy::worker
