#include "host/publish/lora.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "shared/base/json_fields.h"
#include "shared/base/text_parts.h"

namespace onecopy::host {
namespace {

constexpr std::uint64_t kMostRank = 8192;
constexpr std::string_view kRoot = "base_model.model.";

Result<std::optional<Task>> read_task(const JsonFields& fields) {
  ASSIGN_OR_RETURN(const std::string task, fields.text("task_type", ""));
  if (task.empty()) return std::nullopt;
  if (task == "QUESTION_ANS") return Task::kQuestionAnswering;
  if (task == "SEQ_CLS") return Task::kSequenceClassification;
  if (task == "FEATURE_EXTRACTION") return Task::kEmbedding;
  return fail(ErrorCode::kUnsupported,
              "{}: task_type {} is not supported; QUESTION_ANS, SEQ_CLS and FEATURE_EXTRACTION are",
              fields.where(), shown(Json(task)));
}

Status refuse_variants(const JsonFields& fields) {
  ASSIGN_OR_RETURN(const std::string type, fields.text("peft_type", ""));
  if (type != "LORA") {
    return fail(ErrorCode::kUnsupported, "{}: peft_type {} is not supported; LORA is",
                fields.where(), shown(Json(type)));
  }
  RETURN_IF_ERROR(fields.must_be("bias", "none"));
  for (const char* option :
       {"use_dora", "lora_bias", "fan_in_fan_out", "alpha_pattern", "layer_replication",
        "target_parameters", "trainable_token_indices", "alora_invocation_tokens", "use_qalora",
        "use_bdlora", "arrow_config", "kasa_config", "monteclora_config"}) {
    RETURN_IF_ERROR(fields.must_be(option, nullptr));
  }
  // These start by changing the base's weights, which the adapter's file doesn't hold.
  const Json* init = fields.find("init_lora_weights");
  const std::string name = init != nullptr && init->is_string() ? init->get<std::string>() : "";
  for (const char* changing : {"pissa", "olora", "corda", "loftq", "lora_ga"}) {
    if (name.starts_with(changing)) return fields.must_be("init_lora_weights", true);
  }
  return {};
}

bool drop_suffix(std::string& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.erase(text.size() - suffix.size());
  return true;
}

void drop_middle(std::string& text, std::string_view middle) {
  if (const std::size_t at = text.find(middle); at != std::string::npos)
    text.replace(at, middle.size(), 1, '.');
}

// base_model.model.bert.encoder.X -> encoder.X
std::string base_name(std::string_view name) {
  drop_prefix(name, kRoot);
  for (const std::string_view family : {"bert.", "roberta.", "distilbert."}) {
    if (drop_prefix(name, family)) break;
  }
  std::string key(name);
  drop_middle(key, ".modules_to_save.default.");
  drop_middle(key, ".modules_to_save.");
  return key;
}

bool is_lora_part(std::string& name, std::string_view part) {
  return drop_suffix(name, fmt::format(".{}.weight", part)) ||
         drop_suffix(name, fmt::format(".{}.default.weight", part));
}

}  // namespace

float LoraConfig::scaling(std::uint64_t of_rank) const {
  const auto r = static_cast<double>(of_rank);
  return static_cast<float>(alpha / (rank_stabilized ? std::sqrt(r) : r));
}

Result<LoraConfig> parse_lora_config(const Json& json, const std::string& where) {
  const JsonFields fields(json, where);
  RETURN_IF_ERROR(refuse_variants(fields));
  LoraConfig config;
  ASSIGN_OR_RETURN(config.task, read_task(fields));
  ASSIGN_OR_RETURN(config.rank, fields.number("r", 8, 1, kMostRank));
  ASSIGN_OR_RETURN(config.alpha, fields.real("lora_alpha", 8));
  ASSIGN_OR_RETURN(config.rank_stabilized, fields.flag("use_rslora", false));
  const Json* pattern = fields.find("rank_pattern");
  config.rank_varies = pattern != nullptr && !pattern->empty();
  return config;
}

Result<Adapter> Adapter::open(const std::filesystem::path& folder) {
  Adapter adapter;
  adapter.path_ = folder / "adapter_model.safetensors";
  const std::filesystem::path config = folder / "adapter_config.json";
  ASSIGN_OR_RETURN(const Json json, read_json_object(config));
  ASSIGN_OR_RETURN(adapter.config_, parse_lora_config(json, config.string()));
  ASSIGN_OR_RETURN(adapter.files_, WeightFiles::open_file(adapter.path_));
  for (const std::string& key : adapter.files_.names()) RETURN_IF_ERROR(adapter.add(key));
  RETURN_IF_ERROR(adapter.check_pairs());
  return adapter;
}

Status Adapter::add(const std::string& key) {
  const TensorRef ref = files_.find(key);
  std::string name = base_name(key);
  TensorRef* slot = nullptr;
  if (is_lora_part(name, "lora_A")) {
    slot = &updates_[fmt::format("{}.weight", name)].a;
  } else if (is_lora_part(name, "lora_B")) {
    slot = &updates_[fmt::format("{}.weight", name)].b;
  } else if (!key.starts_with(kRoot) || name.find(".lora_") != std::string::npos) {
    return fail(ErrorCode::kUnsupported,
                "{}: tensor {} is not supported; lora_A.weight, lora_B.weight and "
                "modules_to_save are",
                path_.string(), key);
  } else {
    slot = &replacements_[name];
  }
  if (*slot)
    return fail(ErrorCode::kInvalidArgument, "{}: tensor {} is there twice", path_.string(), key);
  *slot = ref;
  return {};
}

Status Adapter::check_pairs() const {
  for (const auto& [name, update] : updates_) {
    const bool whole = update.a && update.b && update.a.tensor->shape.size() == 2 &&
                       update.b.tensor->shape.size() == 2 &&
                       update.b.tensor->shape[1] == update.rank();
    if (!whole) {
      return fail(ErrorCode::kCorrupt,
                  "{}: lora_A and lora_B of {} are not both there with one rank", path_.string(),
                  name);
    }
    if (update.rank() == 0 || update.rank() > kMostRank ||
        (!config_.rank_varies && update.rank() != config_.rank)) {
      return fail(ErrorCode::kInvalidArgument, "{}: {} has rank {}, adapter_config.json says {}",
                  path_.string(), name, update.rank(), config_.rank);
    }
  }
  return {};
}

TensorRef Adapter::replacement(std::string_view name) {
  const auto found = replacements_.find(name);
  if (found == replacements_.end()) return {};
  used_.insert(found->first);
  return found->second;
}

std::optional<LoraUpdate> Adapter::update(std::string_view name) {
  const auto found = updates_.find(name);
  if (found == updates_.end()) return std::nullopt;
  used_.insert(found->first);
  LoraUpdate update = found->second;
  update.scaling = config_.scaling(update.rank());
  return update;
}

Status Adapter::check_all_used(Task task) const {
  if (updates_.empty() && replacements_.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{}: changes nothing", path_.string());
  }
  std::string left;
  std::size_t count = 0;
  const auto collect = [&](const std::string& name) {
    // An encoder's pooler is trained with the rest, but no embedding passes through it.
    if (used_.contains(name) || (task == Task::kEmbedding && name.starts_with("pooler.dense.")))
      return;
    if (++count <= 3) left += fmt::format("{}{}", left.empty() ? "" : ", ", name);
  };
  for (const auto& [name, update] : updates_) collect(name);
  for (const auto& [name, ref] : replacements_) collect(name);
  if (count == 0) return {};
  return fail(ErrorCode::kInvalidArgument,
              "{}: {} of its tensors fit nothing in the base model: {}{}", path_.string(), count,
              left, count > 3 ? ", ..." : "");
}

}  // namespace onecopy::host
