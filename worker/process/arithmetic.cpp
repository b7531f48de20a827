#include "worker/process/arithmetic.h"

#include <utility>

#include "shared/base/log.h"
#include "worker/kernels/back_ends.h"
#include "worker/kernels/back_ends_text.h"
#include "worker/kernels/choose_back_ends.h"

namespace onecopy::worker {

Status settle_back_ends(const std::string& text) {
  Result<kernels::BackEnds> back_ends =
      text.empty() ? kernels::choose_back_ends() : kernels::back_ends_from_text(text);
  if (!back_ends) return tl::unexpected<Error>(back_ends.error());
  log_line("back ends: " + kernels::describe(*back_ends));
  for (const std::string& note : back_ends->notes) log_line("matrix products: " + note);
  kernels::use_back_ends(std::move(*back_ends));
  return {};
}

Json arithmetic_json() {
  const kernels::BackEnds& used = kernels::default_back_ends();
  return {{"back_ends", kernels::describe(used)},
          {"speedup_bf16", used.bf16_speedup},
          {"speedup_int8", used.int8_speedup},
          {"lacks",
           {{"bf16", kernels::lacks_for(DType::kBf16)}, {"int8", kernels::lacks_for(DType::kS8)}}}};
}

}  // namespace onecopy::worker
