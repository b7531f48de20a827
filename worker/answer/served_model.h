// The models that a worker has attached: weights and tokenizer of each, used where they lie.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/encoder/model.h"

namespace onecopy::worker {

// A model and its tokenizer; the tokenizer borrows from the model's segment.
struct ServedModel {
  std::unique_ptr<Model> model;
  Tokenizer tokenizer;
  const ModelInfo& info() const { return model->info(); }
};

// Class ServedModels: attaches a segment at its first use: a mapping and a few pointers. One
// thread.
class ServedModels {
 public:
  // The model published as `segment`; valid as long as this object. Errors as Segment::open's.
  Result<const ServedModel*> get(std::string_view segment);
  Status attach(std::string_view segment);

 private:
  std::map<std::string, ServedModel, std::less<>> by_segment_;
};

}  // namespace onecopy::worker
