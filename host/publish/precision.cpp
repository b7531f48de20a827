#include "host/publish/precision.h"

#include <string_view>

namespace onecopy::host {
namespace {

Precision precision_of(PrecisionChoice choice) {
  if (choice == PrecisionChoice::kInt8) return Precision::kInt8;
  return choice == PrecisionChoice::kBf16 ? Precision::kBf16 : Precision::kF32;
}

std::string_view lacks_for(Precision precision, const Arithmetic& arithmetic) {
  if (precision == Precision::kInt8) return arithmetic.int8_lacks;
  return precision == Precision::kBf16 ? std::string_view(arithmetic.bf16_lacks) : "";
}

}  // namespace

Result<Precision> resolve_precision(PrecisionChoice choice, const Arithmetic& arithmetic) {
  const Precision precision = precision_of(choice);
  const std::string_view missing = lacks_for(precision, arithmetic);
  if (missing.empty()) return precision;
  return fail(ErrorCode::kUnsupported,
              "precision={}: this machine lacks {}; use precision=f32 or auto",
              to_string(precision), missing);
}

}  // namespace onecopy::host
