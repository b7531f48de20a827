// The bytes of a segment; docs/segment_format.md explains them.
//
//   [ SegmentHeader ][ SectionRecord x n ]
//   [ the sections, in the order of their records: TensorRecord[], DependencyRecord[], names,
//     metadata as JSON, tokenizer image or payload ]
//   [ bytes of the tensors that are not borrowed, in the order of their records ]
//
// Every part starts on a multiple of 64 right behind the one before, and its hash covers it up to
// there: no byte of a segment is outside of a hash. Integers are in the machine's own order: a
// segment never leaves the machine, and the layout fingerprint refuses it where anything differs.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "shared/base/checksum.h"
#include "shared/base/limits.h"
#include "shared/segment/packed_weight.h"

namespace onecopy {

inline constexpr std::uint64_t kSegmentMagic = 0x31746e656d676553ULL;  // "Segment1"
// Raise it with every change of what the bytes mean, the tokenizer image's and ModelInfo's JSON
// included.
inline constexpr std::uint32_t kSegmentFormatVersion = 3;
inline constexpr std::size_t kSegmentAlignment = 64;  // a cache line, and the widest vector
// Most rows or columns of panels: their product cannot overflow.
inline constexpr std::uint64_t kTensorSide = 1ULL << 28;
// Most bytes of one tensor: sums of a few cannot overflow.
inline constexpr std::uint64_t kTensorBytes = 1ULL << 56;

// What a segment is for.
enum class SegmentKind : std::uint32_t {
  kModel = 0,     // weights, tokenizer, ModelInfo
  kContexts = 1,  // stored texts and what was computed of them
  kModule = 2,    // a TorchScript module and its tensors
};

// In the order in which they lie. A segment has each at most once, the first four always; a model
// has the tokenizer, another kind may have a payload. A section that a reader does not know is
// refused: a new one raises the version.
enum class SectionKind : std::uint32_t {
  kTensors = 0,       // TensorRecord[]
  kDependencies = 1,  // DependencyRecord[]
  kNames = 2,         // what the records' names point into
  kMetadata = 3,      // JSON; a model's is ModelInfo
  kTokenizer = 4,     // image for Tokenizer::from_image
  kPayload = 5,       // what the kind wants: a module's archive, contexts' texts
};
inline constexpr std::size_t kSectionKinds = 6;

// `hash` is of align_up(bytes) bytes, as everywhere here.
struct SectionRecord {
  std::uint32_t kind;      // SectionKind
  std::uint32_t reserved;  // 0
  std::uint64_t offset;
  std::uint64_t bytes;
  Hash128 hash;
};

// Drawn at random for each segment, so that one of the same name is not mistaken for another.
using SegmentIdentity = std::array<std::uint64_t, 2>;

struct SegmentHeader {
  std::uint64_t magic;
  std::uint32_t format_version;
  std::uint32_t kind;  // SegmentKind
  std::uint64_t layout_fingerprint;
  std::uint64_t total_bytes;
  SegmentIdentity identity;
  std::uint64_t sections;                // how many
  std::uint64_t reserved;                // 0
  Hash128 sections_hash;                 // of their records
  std::array<std::uint64_t, 4> padding;  // 0
  Hash128 header_hash;                   // of all bytes of the header before it
};

struct TensorRecord {
  std::uint32_t name_offset;
  std::uint32_t name_bytes;
  std::uint32_t layout;  // Layout
  std::uint32_t dtype;   // DType
  std::uint32_t rank;    // how many of `dims` count; 0: one element
  std::uint32_t holder;  // 0: this segment has the bytes; i: dependency i - 1
  std::array<std::uint64_t, limits::kTensorDims> dims;  // 0 beyond the rank
  std::uint64_t offset;  // in the holder; equal tensors may share one
  std::uint64_t bytes;
  Hash128 hash;    // of the content: the same for equal tensors of one type and shape
  Hash128 source;  // of what it was made of (host/publish/fingerprint.h); 0: not known
};

// A segment that holds tensors of this one. Only its own tensors are borrowed, so there are no
// chains.
struct DependencyRecord {
  std::uint32_t name_offset;
  std::uint32_t name_bytes;
  SegmentIdentity identity;
};

static_assert(sizeof(SectionRecord) == 40 && sizeof(SegmentHeader) == 128);
static_assert(sizeof(TensorRecord) == 136 && sizeof(DependencyRecord) == 24);
static_assert(std::is_trivially_copyable_v<SegmentHeader> &&
              std::is_trivially_copyable_v<SectionRecord> &&
              std::is_trivially_copyable_v<TensorRecord> &&
              std::is_trivially_copyable_v<DependencyRecord>);

constexpr std::uint64_t align_up(std::uint64_t bytes) {
  return (bytes + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
}

constexpr std::string_view to_string(SegmentKind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"model", "contexts", "module"};
  const auto i = static_cast<std::size_t>(kind);
  return i < kNames.size() ? kNames[i] : "unknown";
}

// Whether a segment of this kind may have the section.
constexpr bool may_have(SegmentKind kind, SectionKind section) {
  if (section == SectionKind::kTokenizer) return kind == SegmentKind::kModel;
  if (section == SectionKind::kPayload) return kind != SegmentKind::kModel;
  return true;
}

// Bytes of a tensor; nothing where the numbers name no layout, type and shape that can stand
// together. Panels are of two dimensions and f32, bf16 or s8. No dimension is 0.
constexpr std::optional<std::uint64_t> stored_bytes(std::uint32_t layout, std::uint32_t dtype,
                                                    std::span<const std::uint64_t> dims) {
  if (dtype >= kDTypes || dims.size() > limits::kTensorDims) return std::nullopt;
  const auto type = static_cast<DType>(dtype);
  if (layout == static_cast<std::uint32_t>(Layout::kPanels)) {
    if (!packs_in_panels(type) || dims.size() != 2) return std::nullopt;
    for (const std::uint64_t side : dims) {
      if (side == 0 || side > kTensorSide) return std::nullopt;
    }
    return packed_bytes(Layout::kPanels, type, dims[0], dims[1]);
  }
  if (layout != static_cast<std::uint32_t>(Layout::kRowMajor)) return std::nullopt;
  std::uint64_t bytes = dtype_bytes(type);
  for (const std::uint64_t side : dims) {
    if (side == 0 || side > kTensorBytes / bytes) return std::nullopt;
    bytes *= side;
  }
  return bytes;
}

// Changes whenever the same format version would be read differently by another build.
constexpr std::uint64_t layout_fingerprint() {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const std::uint64_t fact :
       {sizeof(SegmentHeader),
        offsetof(SegmentHeader, identity),
        offsetof(SegmentHeader, sections),
        offsetof(SegmentHeader, header_hash),
        sizeof(SectionRecord),
        offsetof(SectionRecord, hash),
        sizeof(TensorRecord),
        offsetof(TensorRecord, holder),
        offsetof(TensorRecord, dims),
        offsetof(TensorRecord, offset),
        offsetof(TensorRecord, source),
        sizeof(DependencyRecord),
        offsetof(DependencyRecord, identity),
        kSegmentAlignment,
        kPanelWidth,
        kStripWidth,
        kS8BlockRows,
        panel_bytes(DType::kBf16, 1),
        panel_bytes(DType::kS8, 1),
        static_cast<std::size_t>(std::endian::native == std::endian::little)}) {
    hash = (hash ^ fact) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace onecopy
