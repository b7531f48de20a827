#include "host/publish/named_weights.h"

#include <array>

namespace onecopy::host {
namespace {

constexpr std::string_view kAlwaysThere = "embeddings.word_embeddings.weight";

std::string_view family_prefix(Family family) {
  switch (family) {
    case Family::kBert:
      return "bert.";
    case Family::kRoberta:
      return "roberta.";
    case Family::kDistilBert:
      return "distilbert.";
  }
  return "";
}

// Heads lie beside the encoder, not in it.
bool is_in_head(std::string_view name) {
  return name.starts_with("qa_outputs.") || name.starts_with("classifier.") ||
         name.starts_with("pre_classifier.");
}

// Before 2019 PyTorch's BERT called a norm's weight gamma and its bias beta.
std::string old_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return name.substr(0, dot) + (name.ends_with(".weight") ? ".gamma" : ".beta");
}

}  // namespace

NamedWeights::NamedWeights(Family family, const WeightFiles& files, Adapter* adapter)
    : files_(files), adapter_(adapter) {
  const std::string prefix(family_prefix(family));
  if (files.find(prefix + std::string(kAlwaysThere)) || !files.find(kAlwaysThere)) prefix_ = prefix;
}

std::string NamedWeights::name_in_file(std::string_view name) const {
  return is_in_head(name) ? std::string(name) : prefix_ + std::string(name);
}

TensorRef NamedWeights::find(std::string_view name) const {
  if (adapter_ != nullptr) {
    if (const TensorRef replaced = adapter_->replacement(name)) return replaced;
  }
  const std::string in_file = name_in_file(name);
  if (const TensorRef found = files_.find(in_file)) return found;
  return name.find("LayerNorm.") == std::string_view::npos ? TensorRef{}
                                                           : files_.find(old_name(in_file));
}

std::optional<LoraUpdate> NamedWeights::update(std::string_view name) const {
  return adapter_ == nullptr ? std::nullopt : adapter_->update(name);
}

}  // namespace onecopy::host
