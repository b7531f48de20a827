#include "host/registry/refusal.h"

namespace onecopy::host {

Refusal refusal_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorrupt:
    case ErrorCode::kMediaType:
    case ErrorCode::kUnsupported:
      return {Refused::kBadRequest, error.text};
    case ErrorCode::kNotFound:
      return {Refused::kNotFound, error.text};
    case ErrorCode::kTooLarge:
      return {Refused::kTooLarge, error.text};
    case ErrorCode::kBusy:
      return {Refused::kConflict, error.text};
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadline:
      return {Refused::kUnavailable, error.text};
    case ErrorCode::kSystem:
      return {Refused::kNoRoom, error.text};
    case ErrorCode::kInternal:
      break;
  }
  return {Refused::kFailed, error.text};
}

}  // namespace onecopy::host
