#include "worker/answer/served_model.h"

#include <utility>
#include <vector>

#include "shared/segment/segment_file.h"

namespace onecopy::worker {
namespace {

Result<ServedModel> open_model(const std::string& name, const SegmentFiles& files) {
  ASSIGN_OR_RETURN(Segment segment, open_segment(files, name, Segment::Check::kStructure));
  ASSIGN_OR_RETURN(auto model, Model::bind(std::move(segment)));
  ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::from_image(model->segment().tokenizer_image()));
  return ServedModel{std::move(model), std::move(tokenizer)};
}

}  // namespace

Result<Segment> open_segment(const SegmentFiles& files, std::string_view name,
                             Segment::Check check) {
  std::vector<SegmentFile> available;
  for (const auto& [label, fd] : files) available.push_back({label, fd.get()});
  return Segment::open(available, name, check);
}

void ServedModels::attach(const std::string& segment, const SegmentFiles& files) {
  by_segment_.insert_or_assign(segment, open_model(segment, files));
}

void ServedModels::remove(std::string_view segment) {
  const auto known = by_segment_.find(segment);
  if (known != by_segment_.end()) by_segment_.erase(known);
}

Result<const ServedModel*> ServedModels::get(std::string_view segment) const {
  const auto known = by_segment_.find(segment);
  if (known == by_segment_.end()) {
    return fail(ErrorCode::kNotFound, "segment {}: it was not attached", segment);
  }
  if (!known->second) return tl::unexpected<Error>(known->second.error());
  return &*known->second;
}

}  // namespace onecopy::worker
