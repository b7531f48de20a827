// Any bytes as a segment, with the checksums made right so that the checks behind them are reached:
// parsed or refused, and what is accepted can be read to the last byte.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "shared/segment/model_info.h"
#include "shared/segment/segment_parser.h"
#include "tests/shared/segment/reseal.h"

namespace {

using onecopy::SegmentHeader;

// A segment starts at a page; 64 is what the parser asks for.
struct AlignedBytes {
  explicit AlignedBytes(std::size_t size)
      : bytes(static_cast<std::byte*>(
            ::operator new(std::max<std::size_t>(size, 1), std::align_val_t(64)))) {}
  ~AlignedBytes() { ::operator delete(bytes, std::align_val_t(64)); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  std::byte* bytes;
};

void repair(std::span<std::byte> bytes) {
  if (bytes.size() < sizeof(SegmentHeader)) return;
  SegmentHeader header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.magic = onecopy::kSegmentMagic;
  header.format_version = onecopy::kSegmentFormatVersion;
  header.layout_fingerprint = onecopy::layout_fingerprint();
  header.total_bytes = bytes.size();
  header.reserved = 0;
  header.padding = {};
  std::memcpy(bytes.data(), &header, sizeof(header));
  onecopy::reseal(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const AlignedBytes copy(size);
  const std::span<std::byte> bytes(copy.bytes, size);
  if (size > 0) std::memcpy(copy.bytes, data, size);
  repair(bytes);
  const auto segment = onecopy::parse_segment(bytes);
  if (!segment) return 0;
  unsigned sum = 0;
  for (const auto& record : segment->tensors) {
    sum += static_cast<unsigned>(segment->name(record).back());
    if (record.holder > segment->dependencies.size()) std::abort();
    if (record.holder != 0) {
      (void)onecopy::check_borrowed(record, *segment);
      continue;
    }
    for (const std::byte byte : onecopy::view_of(record, bytes).bytes)
      sum += static_cast<unsigned>(byte);
  }
  (void)onecopy::verify_contents(*segment);
  (void)onecopy::model_info_from_json(segment->text(onecopy::SectionKind::kMetadata));
  return sum == 0xffffffffU ? 1 : 0;
}
