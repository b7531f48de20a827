#include "worker/process/trial_child.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "shared/base/limits.h"
#include "shared/protocol/control.h"
#include "worker/trial/trial.h"

namespace onecopy::worker {
namespace {

// Less than a pipe takes at once, so that no write is partial and none waits.
constexpr std::size_t kOutcomeBytes = 4096;

Result<TrialOutcome> try_out(const TrialQuestion& question, const SegmentFiles& files) {
  ASSIGN_OR_RETURN(Segment candidate,
                   open_segment(files, question.candidate, Segment::Check::kContents));
  if (!question.reference) return run_trial(std::move(candidate));
  ASSIGN_OR_RETURN(Segment reference,
                   open_segment(files, *question.reference, Segment::Check::kContents));
  return run_trial(std::move(candidate), std::move(reference));
}

Json to_json(const Result<TrialOutcome>& outcome) {
  if (!outcome) {
    return {{"error", outcome.error().text.substr(0, limits::kErrorTextBytes)},
            {"code", static_cast<unsigned>(outcome.error().code)}};
  }
  Json json = Json::object();
  if (outcome->precision_error) json["precision_error"] = *outcome->precision_error;
  return json;
}

}  // namespace

int try_segments(const TrialQuestion& question, const SegmentFiles& files, int pipe) {
  const std::string text =
      to_json(try_out(question, files)).dump(-1, ' ', false, Json::error_handler_t::replace);
  const ssize_t written = ::write(pipe, text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : 1;
}

std::optional<Json> read_trial_outcome(int pipe) {
  std::array<char, kOutcomeBytes> text{};
  const ssize_t got = ::read(pipe, text.data(), text.size());
  if (got <= 0) return {};
  const auto said = parse_json(std::string_view(text.data(), static_cast<std::size_t>(got)));
  if (!said || !said->is_object()) return {};
  Json outcome = Json::object();
  if (const Json* const error = find_field(*said, "precision_error")) {
    if (!error->is_number()) return {};
    outcome["precision_error"] = *error;
  }
  if (said->contains("error")) {
    const auto text_of_error = text_field(*said, "error");
    const auto code = number_field(*said, "code");
    if (!text_of_error || !code) return {};
    outcome["error"] = *text_of_error;
    outcome["code"] = *code;
  }
  return outcome;
}

}  // namespace onecopy::worker
