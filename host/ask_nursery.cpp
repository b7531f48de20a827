#include "host/ask_nursery.h"

#include <sys/wait.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "host/supervise/child_process.h"
#include "shared/base/process.h"
#include "shared/protocol/control.h"

namespace onecopy::host {
namespace {

// The one message that onecopy-nursery sends when started with these arguments.
Result<ControlMessage> ask(std::vector<std::string> arguments) {
  ASSIGN_OR_RETURN(auto channel, make_channel());
  const int theirs = channel.second.get();
  arguments.insert(arguments.end(), {"--control", std::to_string(theirs)});
  ASSIGN_OR_RETURN(const pid_t pid,
                   start_program("onecopy-nursery", arguments, std::span(&theirs, 1)));
  channel.second.reset();
  auto answer = receive_control(channel.first.get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (answer || status == 0) return answer;
  return fail(ErrorCode::kUnsupported, "onecopy-nursery gave no answer: {}", how_it_ended(status));
}

Result<double> real_field(const Json& body, const char* key) {
  const Json* const field = find_field(body, key);
  if (field != nullptr && field->is_number()) return field->get<double>();
  return fail(ErrorCode::kCorrupt, "onecopy-nursery: {} is not a number", key);
}

tl::unexpected<Error> error_in(const Json& body) {
  const auto code = number_field(body, "code");
  const auto text = text_field(body, "error");
  const bool known = code && text && *code >= static_cast<unsigned>(ErrorCode::kInvalidArgument) &&
                     *code <= static_cast<unsigned>(ErrorCode::kSystem);
  if (!known) return fail(ErrorCode::kInternal, "onecopy-nursery: an answer without a result");
  return tl::unexpected<Error>(Error{static_cast<ErrorCode>(*code), *text});
}

}  // namespace

Result<SettledArithmetic> settle_arithmetic() {
  ASSIGN_OR_RETURN(const ControlMessage answer, ask({"--describe"}));
  SettledArithmetic settled;
  ASSIGN_OR_RETURN(settled.back_ends, text_field(answer.body, "back_ends"));
  ASSIGN_OR_RETURN(settled.arithmetic.bf16_speedup, real_field(answer.body, "speedup_bf16"));
  ASSIGN_OR_RETURN(settled.arithmetic.int8_speedup, real_field(answer.body, "speedup_int8"));
  const Json* const lacks = find_field(answer.body, "lacks");
  if (lacks == nullptr || !lacks->is_object())
    return fail(ErrorCode::kCorrupt, "onecopy-nursery: lacks is not an object");
  ASSIGN_OR_RETURN(settled.arithmetic.bf16_lacks, text_field(*lacks, "bf16"));
  ASSIGN_OR_RETURN(settled.arithmetic.int8_lacks, text_field(*lacks, "int8"));
  return settled;
}

Result<double> compare_in_trial(const std::string& back_ends, const PublishedSegment& f32,
                                const PublishedSegment& candidate) {
  ASSIGN_OR_RETURN(const ControlMessage answer,
                   ask({"--back-ends", back_ends, "--trial", f32.name(), candidate.name()}));
  if (find_field(answer.body, "precision_error") == nullptr) return error_in(answer.body);
  return real_field(answer.body, "precision_error");
}

}  // namespace onecopy::host
