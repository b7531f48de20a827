// Any bytes as config.json, adapter_config.json and a segment's metadata: read or refused, and what
// is accepted is within its limits.
#include <cstdint>
#include <cstdlib>

#include "host/publish/lora.h"
#include "host/publish/model_config.h"
#include "shared/base/json.h"
#include "shared/base/limits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto info = onecopy::model_info_from_json(text)) {
    const auto again = onecopy::model_info_from_json(onecopy::to_json(*info));
    if (!again || *again != *info) std::abort();
  }
  const auto json = onecopy::parse_json(text);
  if (!json || !json->is_object()) return 0;
  if (const auto config = onecopy::host::parse_model_config(*json, "config.json")) {
    const onecopy::ModelInfo& encoder = config->encoder;
    if (encoder.hidden == 0 || encoder.hidden > onecopy::limits::kHidden ||
        encoder.hidden % encoder.heads != 0 || encoder.layers > onecopy::limits::kLayers ||
        onecopy::usable_positions(encoder) == 0) {
      std::abort();
    }
  }
  (void)onecopy::host::parse_lora_config(*json, "adapter_config.json");
  return 0;
}
