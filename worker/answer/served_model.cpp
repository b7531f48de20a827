#include "worker/answer/served_model.h"

#include <utility>

namespace onecopy::worker {
namespace {

Result<ServedModel> open_model(const std::string& name) {
  ASSIGN_OR_RETURN(Segment segment, Segment::open(name, Segment::Check::kStructure));
  ASSIGN_OR_RETURN(auto model, Model::bind(std::move(segment)));
  ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::from_image(model->segment().tokenizer_image()));
  return ServedModel{std::move(model), std::move(tokenizer)};
}

}  // namespace

Result<const ServedModel*> ServedModels::get(std::string_view segment) {
  const auto known = by_segment_.find(segment);
  if (known != by_segment_.end()) return &known->second;
  const std::string name(segment);
  ASSIGN_OR_RETURN(ServedModel model, open_model(name));
  return &by_segment_.emplace(name, std::move(model)).first->second;
}

Status ServedModels::attach(std::string_view segment) {
  const auto served = get(segment);
  return served ? Status() : tl::unexpected<Error>(served.error());
}

}  // namespace onecopy::worker
