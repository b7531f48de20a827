// Errors as values. Every function that can fail for a reason outside the program returns a Result;
// exceptions stay at the edges of the libraries that throw them.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace onecopy {

// What kind of thing went wrong; gateway/reply_json maps each to an HTTP status, tools/ to an exit
// code. The values travel through the mailbox: append, never renumber.
enum class ErrorCode : unsigned {
  kInvalidArgument = 1,  // malformed or out of range: 400
  kNotFound = 2,         // no such model, version, file or context: 404
  kTooLarge = 3,         // over a limit of limits.h: 413
  kBusy = 4,             // the queue is full: 429
  kUnavailable = 5,      // draining, or no worker: 503
  kDeadline = 6,         // its deadline passed: 504
  kInternal = 7,         // a defect of ours: 500
  kCorrupt = 8,          // bytes that are not what their format promises
  kUnsupported = 9,      // well formed, but not something onecopy can do
  kSystem = 10,          // the operating system refused: disk, memory, permissions
  kMediaType = 11,       // a content type that an endpoint does not take: 415
};

struct Error {
  ErrorCode code;
  std::string text;  // one line that names the thing, the limit, and what to do
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// fail(kNotFound, "no model named {}", name) converts to any Result.
template <class... Args>
tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// The same error with what was being done put before it: "model qa0: config.json: ...".
inline tl::unexpected<Error> in_context(std::string_view what, const Error& error) {
  return tl::unexpected<Error>(Error{error.code, fmt::format("{}: {}", what, error.text)});
}

// What the operating system says of an error number: "No such file or directory". (Any thread may
// call it; strerror is not made for that.)
inline std::string errno_text(int error = errno) { return std::generic_category().message(error); }

}  // namespace onecopy

#define ONECOPY_CONCAT_INNER(a, b) a##b
#define ONECOPY_CONCAT(a, b) ONECOPY_CONCAT_INNER(a, b)

// Returns from the enclosing function with the error of `expression`, a Status or Result.
#define RETURN_IF_ERROR(expression)                                          \
  do {                                                                       \
    if (auto status_of_expression = (expression); !status_of_expression)     \
      return tl::unexpected<::onecopy::Error>(status_of_expression.error()); \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are a name and a declaration
// ASSIGN_OR_RETURN(auto config, read_config(path)): the value, or returns the error.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(ONECOPY_CONCAT(result_at_line_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression)         \
  auto result = (expression);                                           \
  if (!result) return tl::unexpected<::onecopy::Error>(result.error()); \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)
