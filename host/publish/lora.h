// A PEFT LoRA adapter, to be merged into its base model while that is packed: W + scaling x B A, in
// f32 as PEFT's own merge computes it, and the modules that were trained in full (a new head) in
// place of the base's.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "host/publish/weight_files.h"
#include "shared/base/json.h"
#include "shared/base/status.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

// A weight [N, K] becomes W + scaling x B A with A [rank, K] and B [N, rank]. Borrows from the
// Adapter.
struct LoraUpdate {
  TensorRef a;
  TensorRef b;
  float scaling = 1.0F;
  std::uint64_t rank() const { return a.tensor->shape[0]; }
};

// What adapter_config.json says that matters for the arithmetic.
struct LoraConfig {
  std::optional<Task> task;
  std::uint32_t rank = 8;
  bool rank_varies = false;  // rank_pattern: every module's rank is that of its tensors
  double alpha = 8;
  bool rank_stabilized = false;

  float scaling(std::uint64_t rank) const;
};

// kUnsupported for every option that would change the merge and isn't implemented, by name.
Result<LoraConfig> parse_lora_config(const Json& json, const std::string& where);

// Class Adapter: owns the adapter's open file. Names are those of the base model without "bert."
// and the like: "encoder.layer.0.attention.self.query.weight". Finding one marks it as used. One
// thread at a time.
class Adapter {
 public:
  static Result<Adapter> open(const std::filesystem::path& folder);

  // The head that it was trained for; nothing: the base model's.
  std::optional<Task> task() const { return config_.task; }

  TensorRef replacement(std::string_view name);
  std::optional<LoraUpdate> update(std::string_view name);

  // kInvalidArgument names what no tensor of the model took; also when the adapter changes nothing.
  Status check_all_used(Task task) const;

 private:
  Status add(const std::string& key);
  Status check_pairs() const;

  std::filesystem::path path_;
  LoraConfig config_;
  WeightFiles files_;
  std::map<std::string, LoraUpdate, std::less<>> updates_;
  std::map<std::string, TensorRef, std::less<>> replacements_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace onecopy::host
