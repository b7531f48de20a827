// A model's tensors under one naming: without the family's prefix ("bert."), with today's names of
// layer norms ("weight", not "gamma"), and an adapter's in place of the base's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "host/publish/lora.h"
#include "host/publish/weight_files.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

// Class NamedWeights: borrows the files and the adapter (may be null). One thread at a time.
class NamedWeights {
 public:
  NamedWeights(Family family, const WeightFiles& files, Adapter* adapter);

  TensorRef find(std::string_view name) const;
  std::optional<LoraUpdate> update(std::string_view name) const;

  // How a missing tensor would have to be called in the file.
  std::string name_in_file(std::string_view name) const;
  const WeightFiles& files() const { return files_; }

 private:
  const WeightFiles& files_;
  Adapter* adapter_;
  std::string prefix_;  // "bert." or empty
};

}  // namespace onecopy::host
