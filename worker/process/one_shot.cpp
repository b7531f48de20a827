#include "worker/process/one_shot.h"

#include <optional>
#include <utility>

#include "shared/protocol/control.h"
#include "worker/process/arithmetic.h"
#include "worker/trial/trial.h"

namespace onecopy::worker {
namespace {

Result<TrialOutcome> compare(const std::string& reference, const std::string& candidate) {
  ASSIGN_OR_RETURN(Segment exact, Segment::open(reference, Segment::Check::kContents));
  ASSIGN_OR_RETURN(Segment other, Segment::open(candidate, Segment::Check::kContents));
  return run_trial(std::move(other), std::move(exact));
}

}  // namespace

Status answer_arithmetic(int channel) {
  Json message = arithmetic_json();
  message["type"] = "arithmetic";
  return send_control(channel, message);
}

Status answer_trial(int channel, const std::string& reference, const std::string& candidate) {
  const auto outcome = compare(reference, candidate);
  Json message{{"type", "trial_done"}};
  if (outcome) {
    message["precision_error"] = outcome->precision_error.value();
  } else {
    message["error"] = outcome.error().text;
    message["code"] = static_cast<unsigned>(outcome.error().code);
  }
  return send_control(channel, message);
}

}  // namespace onecopy::worker
