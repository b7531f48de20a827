// Any bytes as a safetensors file's header and data length: parsed or refused, and what is accepted
// covers the data exactly.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "host/publish/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t data_bytes = 0;
  if (size < sizeof(data_bytes)) return 0;
  std::memcpy(&data_bytes, data, sizeof(data_bytes));
  const std::string_view header(reinterpret_cast<const char*>(data) + sizeof(data_bytes),
                                size - sizeof(data_bytes));
  const auto tensors = onecopy::host::parse_safetensors_header(header, size, data_bytes);
  if (!tensors) return 0;
  std::uint64_t covered = 0;
  for (const auto& [name, tensor] : *tensors) {
    if (tensor.offset < size || tensor.offset - size > data_bytes) std::abort();
    covered += tensor.bytes;
  }
  if (covered != data_bytes) std::abort();
  return 0;
}
