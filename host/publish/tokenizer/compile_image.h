// Lays a tokenizer out as the bytes of tokenizer_image.h.
#pragma once

#include <cstddef>
#include <vector>

#include "host/publish/tokenizer/tokenizer_spec.h"

namespace onecopy {

Result<std::vector<std::byte>> compile_image(const TokenizerSpec& spec);

}  // namespace onecopy
