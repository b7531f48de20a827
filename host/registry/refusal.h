// Why a change of what is served was refused, in the terms of the management API.
#pragma once

#include <string>
#include <utility>

#include "shared/base/status.h"

namespace onecopy::host {

// HTTP statuses, as TorchServe's management API uses them.
enum class Refused {
  kBadRequest = 400,
  kForbidden = 403,
  kNotFound = 404,
  kConflict = 409,
  kTooLarge = 413,
  kFailed = 500,
  kUnavailable = 503,
  kNoRoom = 507,  // /dev/shm is too small
};

struct Refusal {
  Refused status = Refused::kFailed;
  std::string text;
};

template <class T>
using Outcome = tl::expected<T, Refusal>;

template <class... Args>
tl::unexpected<Refusal> refuse(Refused status, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Refusal>(Refusal{status, fmt::format(format, std::forward<Args>(args)...)});
}

// How an error of loading or checking is told to whoever asked.
Refusal refusal_of(const Error& error);

}  // namespace onecopy::host
