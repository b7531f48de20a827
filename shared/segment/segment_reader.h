// One model's segment, mapped read-only: a SegmentContainer of kind model, and what it says about
// the model.
//
// Class Segment: owns the container. Move-only; const methods may be called from any thread. Views
// it hands out live as long as it does.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/segment/model_info.h"
#include "shared/segment/segment_container.h"

namespace onecopy {

class Segment {
 public:
  using Check = SegmentCheck;
  using Entry = SegmentContainer::Entry;

  // As SegmentContainer::open; kCorrupt also for another kind, and for a ModelInfo that is wrong.
  static Result<Segment> open(std::span<const SegmentFile> available, std::string_view name,
                              Check check);
  static Result<Segment> open(const std::string& name, Check check);
  static Result<Segment> of(SegmentContainer container);

  const std::string& name() const { return container_.name(); }
  const ModelInfo& info() const { return info_; }
  // For Tokenizer::from_image.
  std::span<const std::byte> tokenizer_image() const {
    return container_.section(SectionKind::kTokenizer);
  }

  // The tensor of this name (tensor_names.h); kCorrupt when the segment lacks it or its layout,
  // type or shape is another: the caller never has to check them again.
  Result<TensorView> tensor(std::string_view name, Layout layout, DType dtype, std::size_t rows,
                            std::size_t cols) const;

  std::vector<Entry> entries() const { return container_.entries(); }
  std::size_t bytes() const { return container_.bytes(); }  // borrowed tensors not counted
  std::vector<std::string> dependencies() const { return container_.dependencies(); }

 private:
  Segment(SegmentContainer container, ModelInfo info)
      : container_(std::move(container)), info_(std::move(info)) {}
  SegmentContainer container_;
  ModelInfo info_;
};

}  // namespace onecopy
