#include "host/precision.h"

namespace onecopy::host {

Precision resolve_precision(PrecisionChoice choice) {
  switch (choice) {
    case PrecisionChoice::kBf16:
      return Precision::kBf16;
    case PrecisionChoice::kInt8:
      return Precision::kInt8;
    case PrecisionChoice::kF32:
    case PrecisionChoice::kAuto:
      break;
  }
  return Precision::kF32;
}

}  // namespace onecopy::host
