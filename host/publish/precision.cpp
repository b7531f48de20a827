#include "host/publish/precision.h"

#include "worker/kernels/back_ends.h"

namespace onecopy::host {
namespace {

Precision precision_of(PrecisionChoice choice) {
  if (choice == PrecisionChoice::kInt8) return Precision::kInt8;
  return choice == PrecisionChoice::kBf16 ? Precision::kBf16 : Precision::kF32;
}

}  // namespace

Result<Precision> resolve_precision(PrecisionChoice choice) {
  const Precision precision = precision_of(choice);
  const std::string missing = worker::kernels::lacks_for(precision);
  if (missing.empty()) return precision;
  return fail(ErrorCode::kUnsupported,
              "precision={}: this machine lacks {}; use precision=f32 or auto",
              to_string(precision), missing);
}

}  // namespace onecopy::host
