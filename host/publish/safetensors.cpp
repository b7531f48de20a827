#include "host/publish/safetensors.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "shared/base/json_fields.h"
#include "shared/base/limits.h"

namespace onecopy::host {
namespace {

using Tensors = std::map<std::string, SourceTensor, std::less<>>;

constexpr std::size_t kHeaderDepth = 4;  // {name: {data_offsets: [..]}}

struct KnownType {
  std::string_view name;
  SourceType type;
  std::uint64_t bytes;
};
constexpr std::array kKnownTypes = {
    KnownType{"F32", SourceType::kF32, 4},       KnownType{"F16", SourceType::kF16, 2},
    KnownType{"BF16", SourceType::kBf16, 2},     KnownType{"F64", SourceType::kOther, 8},
    KnownType{"I64", SourceType::kOther, 8},     KnownType{"I32", SourceType::kOther, 4},
    KnownType{"I16", SourceType::kOther, 2},     KnownType{"I8", SourceType::kOther, 1},
    KnownType{"U64", SourceType::kOther, 8},     KnownType{"U32", SourceType::kOther, 4},
    KnownType{"U16", SourceType::kOther, 2},     KnownType{"U8", SourceType::kOther, 1},
    KnownType{"BOOL", SourceType::kOther, 1},    KnownType{"F8_E4M3", SourceType::kOther, 1},
    KnownType{"F8_E5M2", SourceType::kOther, 1}, KnownType{"C64", SourceType::kOther, 8},
};

const KnownType* find_type(std::string_view name) {
  const auto found = std::ranges::find(kKnownTypes, name, &KnownType::name);
  return found == kKnownTypes.end() ? nullptr : &*found;
}

// Names get into error messages, so nothing but visible ASCII.
bool is_tensor_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kTensorNameBytes &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

Result<std::vector<std::uint64_t>> unsigned_list(const Json& entry, const char* key,
                                                 std::size_t most) {
  const auto list = entry.find(key);
  if (list == entry.end() || !list->is_array() || list->size() > most) {
    return fail(ErrorCode::kCorrupt, "{} is not a list of at most {} numbers", key, most);
  }
  std::vector<std::uint64_t> numbers;
  for (const Json& item : *list) {
    if (!item.is_number_unsigned()) return fail(ErrorCode::kCorrupt, "{} has {}", key, shown(item));
    numbers.push_back(item.get<std::uint64_t>());
  }
  return numbers;
}

// element size x product of the shape, or nothing when that overflows.
Status check_size(const SourceTensor& tensor, std::uint64_t element) {
  std::uint64_t product = element;
  for (const std::uint64_t side : tensor.shape) {
    if (__builtin_mul_overflow(product, side, &product)) {
      return fail(ErrorCode::kCorrupt, "shape {} is too large", tensor.shape_text());
    }
  }
  if (product == tensor.bytes) return {};
  return fail(ErrorCode::kCorrupt, "{} of shape {} takes {} bytes, but its data_offsets say {}",
              tensor.type_name, tensor.shape_text(), product, tensor.bytes);
}

Result<SourceTensor> parse_entry(const Json& entry, std::uint64_t data_offset,
                                 std::uint64_t data_bytes) {
  if (!entry.is_object()) return fail(ErrorCode::kCorrupt, "not an object");
  const auto type_name = entry.find("dtype");
  if (type_name == entry.end() || !type_name->is_string())
    return fail(ErrorCode::kCorrupt, "no dtype");
  SourceTensor tensor;
  tensor.type_name = type_name->get<std::string>();
  const KnownType* type = find_type(tensor.type_name);
  if (type == nullptr) return fail(ErrorCode::kCorrupt, "unknown dtype {}", shown(*type_name));
  tensor.type = type->type;
  ASSIGN_OR_RETURN(tensor.shape, unsigned_list(entry, "shape", limits::kTensorDims));
  ASSIGN_OR_RETURN(const auto offsets, unsigned_list(entry, "data_offsets", 2));
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes) {
    return fail(ErrorCode::kCorrupt, "data_offsets {} are not within the file's {} bytes of data",
                offsets, data_bytes);
  }
  tensor.offset = data_offset + offsets[0];
  tensor.bytes = offsets[1] - offsets[0];
  RETURN_IF_ERROR(check_size(tensor, type->bytes));
  return tensor;
}

// The tensors must cover the data exactly: no holes, no overlap, nothing behind them.
Status check_coverage(const Tensors& tensors, std::uint64_t data_offset, std::uint64_t data_bytes) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, tensor] : tensors)
    ranges.emplace_back(tensor.offset, tensor.offset + tensor.bytes);
  std::ranges::sort(ranges);
  std::uint64_t at = data_offset;
  for (const auto& [begin, end] : ranges) {
    if (begin != at)
      return fail(ErrorCode::kCorrupt, "there is a hole or an overlap at byte {}",
                  std::min(begin, at));
    at = end;
  }
  if (at == data_offset + data_bytes) return {};
  return fail(ErrorCode::kCorrupt, "{} bytes at its end belong to no tensor",
              data_offset + data_bytes - at);
}

Status check_metadata(const Json& metadata) {
  const bool strings = metadata.is_object() && std::ranges::all_of(metadata, &Json::is_string);
  if (!strings) return fail(ErrorCode::kCorrupt, "__metadata__ is not a map of strings");
  return {};
}

// Opens without waiting for a writer, should the path be a pipe.
Result<UniqueFd> open_regular(const std::filesystem::path& path, std::uint64_t& size) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kSystem;
    return fail(code, "cannot read it: {}", std::generic_category().message(errno));
  }
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kInvalidArgument, "not a file");
  size = static_cast<std::uint64_t>(info.st_size);
  return fd;
}

Result<std::uint64_t> header_length(const SafetensorsFile& file, std::uint64_t size) {
  std::uint64_t length = 0;
  if (size < sizeof(length))
    return fail(ErrorCode::kCorrupt, "it has {} bytes, too few for safetensors", size);
  RETURN_IF_ERROR(file.read(0, std::as_writable_bytes(std::span(&length, 1))));
  if (length > size - sizeof(length)) {
    return fail(
        ErrorCode::kCorrupt,
        "its header should have {} bytes, but the file has {}: truncated or not safetensors",
        length, size);
  }
  if (length > limits::kSafetensorsHeaderBytes) {
    return fail(ErrorCode::kTooLarge, "its header has {} bytes, more than {}", length,
                limits::kSafetensorsHeaderBytes);
  }
  return length;
}

}  // namespace

std::string SourceTensor::shape_text() const { return fmt::format("{}", shape); }

std::size_t element_bytes(SourceType type) { return type == SourceType::kF32 ? 4 : 2; }

Result<Tensors> parse_safetensors_header(std::string_view text, std::uint64_t data_offset,
                                         std::uint64_t data_bytes) {
  auto parsed = parse_json(text, {.depth = kHeaderDepth});
  if (!parsed) return fail(ErrorCode::kCorrupt, "its header: {}", parsed.error().text);
  if (!parsed->is_object()) return fail(ErrorCode::kCorrupt, "its header is not a JSON object");
  if (parsed->size() > limits::kTensorsPerFile + 1) {
    return fail(ErrorCode::kTooLarge, "{} tensors, more than {}", parsed->size(),
                limits::kTensorsPerFile);
  }
  Tensors tensors;
  for (const auto& [name, entry] : parsed->items()) {
    if (name == "__metadata__") {
      RETURN_IF_ERROR(check_metadata(entry));
      continue;
    }
    if (!is_tensor_name(name)) {
      return fail(ErrorCode::kCorrupt, "a tensor's name is not 1 to {} visible ASCII characters",
                  limits::kTensorNameBytes);
    }
    auto tensor = parse_entry(entry, data_offset, data_bytes);
    if (!tensor) return in_context(fmt::format("tensor {}", name), tensor.error());
    tensors.emplace(name, std::move(*tensor));
  }
  RETURN_IF_ERROR(check_coverage(tensors, data_offset, data_bytes));
  return tensors;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.path_ = path;
  const auto parse = [&]() -> Status {
    std::uint64_t size = 0;
    ASSIGN_OR_RETURN(file.fd_, open_regular(path, size));
    ASSIGN_OR_RETURN(const std::uint64_t length, header_length(file, size));
    std::string header(length, '\0');
    RETURN_IF_ERROR(file.read(sizeof(length), std::as_writable_bytes(std::span(header))));
    const std::uint64_t data_offset = sizeof(length) + length;
    ASSIGN_OR_RETURN(file.tensors_,
                     parse_safetensors_header(header, data_offset, size - data_offset));
    return {};
  };
  if (auto good = parse(); !good) return in_context(path.string(), good.error());
  return file;
}

const SourceTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Status SafetensorsFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(ErrorCode::kSystem, "{}: cannot read: {}", path_.string(),
                  std::generic_category().message(errno));
    if (got == 0)
      return fail(ErrorCode::kCorrupt, "{}: became shorter while it was read", path_.string());
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

}  // namespace onecopy::host
