#include "shared/segment/segment_reader.h"

#include <fmt/ranges.h>

namespace onecopy {

Result<Segment> Segment::of(SegmentContainer container) {
  if (container.kind() != SegmentKind::kModel) {
    return fail(ErrorCode::kCorrupt, "segment {}: it is of kind {}, not a model", container.name(),
                to_string(container.kind()));
  }
  auto info = model_info_from_json(container.metadata());
  if (!info) {
    return fail(ErrorCode::kCorrupt, "segment {}: its metadata: {}", container.name(),
                info.error().text);
  }
  return Segment(std::move(container), std::move(*info));
}

Result<Segment> Segment::open(std::span<const SegmentFile> available, std::string_view name,
                              Check check) {
  ASSIGN_OR_RETURN(SegmentContainer container, SegmentContainer::open(available, name, check));
  return of(std::move(container));
}

Result<Segment> Segment::open(const std::string& name, Check check) {
  ASSIGN_OR_RETURN(SegmentContainer container, SegmentContainer::open(name, check));
  return of(std::move(container));
}

Result<TensorView> Segment::tensor(std::string_view name, Layout layout, DType dtype,
                                   std::size_t rows, std::size_t cols) const {
  ASSIGN_OR_RETURN(const TensorView view, container_.tensor(name));
  if (view.layout != layout || view.dtype != dtype || view.dims.size() != 2 || view.rows != rows ||
      view.cols != cols) {
    return fail(ErrorCode::kCorrupt,
                "segment {}: tensor {} has shape [{}] in {} {}, not [{}, {}] in {} {}",
                this->name(), name, fmt::join(view.dims, ", "), to_string(view.dtype),
                to_string(view.layout), rows, cols, to_string(dtype), to_string(layout));
  }
  return view;
}

}  // namespace onecopy
