// The safetensors file format, read with every check it defines and tighter limits (limits.h):
// nothing in the header is believed before it was compared with the file's size.
//
//   [ u64 length of the header ][ header: JSON {name: {dtype, shape, data_offsets}} ][ the tensors'
//   bytes ]
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

enum class SourceType {
  kF32,
  kF16,
  kBf16,
  kOther
};  // kOther: known to the format, but no weight for us

struct SourceTensor {
  SourceType type = SourceType::kOther;
  std::string type_name;  // as in the file: "F32"
  std::vector<std::uint64_t> shape;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;

  std::string shape_text() const;  // "[30522, 768]"
};

// Bytes of one element. Precondition: not kOther.
std::size_t element_bytes(SourceType type);

// Class SafetensorsFile: owns the open file. Const methods may be called from any thread. Reads
// with pread and not through a mapping: a file that is cut while we read is an error and not a
// SIGBUS, and its pages don't count as our memory.
class SafetensorsFile {
 public:
  // kCorrupt names what is wrong; kNotFound, kSystem.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::map<std::string, SourceTensor, std::less<>>& tensors() const { return tensors_; }
  const SourceTensor* find(std::string_view name) const;
  const std::filesystem::path& path() const { return path_; }

  // All of `out` from this offset of the file on; kCorrupt when the file ends before that.
  Status read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
  std::map<std::string, SourceTensor, std::less<>> tensors_;
};

// The header's JSON alone, for a file with `data_bytes` bytes behind the header, which start at
// `data_offset`.
Result<std::map<std::string, SourceTensor, std::less<>>> parse_safetensors_header(
    std::string_view json, std::uint64_t data_offset, std::uint64_t data_bytes);

}  // namespace onecopy::host
