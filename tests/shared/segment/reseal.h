// Makes the hashes of a changed segment's head right again, as a writer without scruples would.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "shared/segment/segment_format.h"

namespace onecopy {

// Of every section that lies within the bytes, of their table, and of the header. Tensors' hashes
// stand in their records.
inline void reseal(std::span<std::byte> bytes) {
  if (bytes.size() < sizeof(SegmentHeader)) return;
  SegmentHeader header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  const std::size_t room = (bytes.size() - sizeof(header)) / sizeof(SectionRecord);
  const std::size_t count = std::min<std::uint64_t>({header.sections, kSectionKinds, room});
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* at = bytes.data() + sizeof(header) + i * sizeof(SectionRecord);
    SectionRecord record{};
    std::memcpy(&record, at, sizeof(record));
    if (record.bytes > bytes.size() || record.offset > bytes.size()) continue;
    const std::uint64_t size = align_up(record.bytes);
    if (size > bytes.size() - record.offset) continue;
    record.hash = content_hash(bytes.subspan(record.offset, size));
    std::memcpy(at, &record, sizeof(record));
  }
  const std::uint64_t table = align_up(count * sizeof(SectionRecord));
  if (table <= bytes.size() - sizeof(header))
    header.sections_hash = content_hash(bytes.subspan(sizeof(header), table));
  header.header_hash = content_hash(
      std::as_bytes(std::span(&header, 1)).first(offsetof(SegmentHeader, header_hash)));
  std::memcpy(bytes.data(), &header, sizeof(header));
}

}  // namespace onecopy
