// The bytes of a segment; docs/segment_format.md explains them.
//
//   [ SegmentHeader ][ TensorRecord x n ][ DependencyRecord x m ][ names ][ ModelInfo as JSON ]
//   [ tokenizer image ][ bytes of the tensors that are not borrowed, in the order of their records
//   ]
//
// Every part starts on a multiple of 64 right behind the one before, and its checksum covers it up
// to there: no byte of a segment is outside of a checksum. Integers are in the machine's own order:
// a segment never leaves the machine, and the layout fingerprint refuses it where anything differs.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "shared/segment/packed_weight.h"

namespace onecopy {

inline constexpr std::uint64_t kSegmentMagic = 0x31746e656d676553ULL;  // "Segment1"
// Raise it with every change of what the bytes mean, the tokenizer image's and ModelInfo's JSON
// included.
inline constexpr std::uint32_t kSegmentFormatVersion = 2;
inline constexpr std::size_t kSegmentAlignment = 64;  // a cache line, and the widest vector
inline constexpr std::uint64_t kTensorSide =
    1ULL << 28;  // most rows or columns: their product cannot overflow

// A part of the segment. `checksum` is of align_up(bytes) bytes.
struct Extent {
  std::uint64_t offset;
  std::uint64_t bytes;
  std::uint64_t checksum;
};

// Drawn at random for each segment, so that one of the same name is not mistaken for another.
using SegmentIdentity = std::array<std::uint64_t, 2>;

// What a segment is for.
enum class SegmentKind : std::uint32_t {
  kModel = 0,     // weights, tokenizer, ModelInfo
  kContexts = 1,  // stored texts and what was computed of them
  kModule = 2,    // a TorchScript module and its tensors
};

struct SegmentHeader {
  std::uint64_t magic;
  std::uint32_t format_version;
  std::uint32_t reserved;  // 0
  std::uint64_t layout_fingerprint;
  std::uint64_t total_bytes;
  SegmentIdentity identity;
  Extent tensors;       // TensorRecord[]
  Extent dependencies;  // DependencyRecord[]
  Extent names;         // what the records' names point into
  Extent metadata;
  Extent tokenizer;
  std::uint64_t header_checksum;         // of all bytes of the header before it
  std::array<std::uint64_t, 2> padding;  // 0
};

struct TensorRecord {
  std::uint32_t name_offset;
  std::uint32_t name_bytes;
  std::uint32_t layout;  // Layout
  std::uint32_t dtype;   // DType
  std::uint64_t rows;
  std::uint64_t cols;
  std::uint32_t holder;    // 0: this segment has the bytes; i: dependency i - 1
  std::uint32_t reserved;  // 0
  Extent data;             // in the holder. Records may share one: equal tensors are stored once
};

// A segment that holds tensors of this one. Only its own tensors are borrowed, so there are no
// chains.
struct DependencyRecord {
  std::uint32_t name_offset;
  std::uint32_t name_bytes;
  SegmentIdentity identity;
};

static_assert(sizeof(Extent) == 24 && sizeof(SegmentHeader) == 192);
static_assert(sizeof(TensorRecord) == 64 && sizeof(DependencyRecord) == 24);
static_assert(std::is_trivially_copyable_v<SegmentHeader> &&
              std::is_trivially_copyable_v<TensorRecord> &&
              std::is_trivially_copyable_v<DependencyRecord>);

constexpr std::uint64_t align_up(std::uint64_t bytes) {
  return (bytes + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
}

// Whether a record's numbers name a layout and a type that can stand together.
constexpr bool is_storable(std::uint32_t layout, std::uint32_t dtype) {
  if (dtype == static_cast<std::uint32_t>(DType::kS8))
    return layout == static_cast<std::uint32_t>(Layout::kPanels);
  return layout <= static_cast<std::uint32_t>(Layout::kPanels) &&
         dtype <= static_cast<std::uint32_t>(DType::kS8);
}

// Changes whenever the same format version would be read differently by another build.
constexpr std::uint64_t layout_fingerprint() {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const std::uint64_t fact :
       {sizeof(SegmentHeader), offsetof(SegmentHeader, identity), offsetof(SegmentHeader, tensors),
        offsetof(SegmentHeader, tokenizer), offsetof(SegmentHeader, header_checksum),
        sizeof(TensorRecord), offsetof(TensorRecord, rows), offsetof(TensorRecord, holder),
        offsetof(TensorRecord, data), sizeof(DependencyRecord),
        offsetof(DependencyRecord, identity), kSegmentAlignment, kPanelWidth, kStripWidth,
        kS8BlockRows, panel_bytes(DType::kBf16, 1), panel_bytes(DType::kS8, 1),
        static_cast<std::size_t>(std::endian::native == std::endian::little)}) {
    hash = (hash ^ fact) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace onecopy
