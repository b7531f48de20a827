#include "host/load/trials.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "shared/protocol/control.h"

namespace onecopy::host {
namespace {

constexpr int kAttempts = 3;  // nurseries that may die, perhaps of it

}  // namespace

std::uint64_t Trials::start(HeldSegment::Pointer candidate, HeldSegment::Pointer reference,
                            OnDone on_done) {
  const std::uint64_t id = next_++;
  Trial& trial = trials_[id] = {std::move(candidate), std::move(reference), std::move(on_done)};
  if (up_) ask(id, trial);
  return id;
}

void Trials::ask(std::uint64_t id, Trial& trial) {
  ++trial.attempts;
  std::vector<HeldSegment::Pointer> files = with_borrowed(trial.candidate);
  if (trial.reference) {
    for (auto& file : with_borrowed(trial.reference)) {
      if (std::ranges::find(files, file) == files.end()) files.push_back(std::move(file));
    }
  }
  for (const auto& file : files) {
    send_({{"type", "trial_file"}, {"id", id}, {"name", file->name()}}, file->fd());
  }
  Json message{{"type", "trial"}, {"id", id}, {"candidate", trial.candidate->name()}};
  if (trial.reference) message["reference"] = trial.reference->name();
  send_(message, -1);
}

void Trials::cancel(std::uint64_t id) {
  if (trials_.erase(id) != 0 && up_) send_({{"type", "trial_cancel"}, {"id", id}}, -1);
}

void Trials::on_trial_done(const Json& body) {
  const auto id = number_field(body, "id");
  if (!id) return;
  const auto text = text_field(body, "error");
  const auto code = number_field(body, "code");
  if (text) {
    const auto kind = code ? static_cast<ErrorCode>(*code) : ErrorCode::kInternal;
    return finish(*id, tl::unexpected<Error>(Error{kind, *text}));
  }
  const Json* const error = find_field(body, "precision_error");
  finish(*id, error != nullptr && error->is_number() ? error->get<double>() : 0.0);
}

void Trials::finish(std::uint64_t id, Result<double> result) {
  const auto found = trials_.find(id);
  if (found == trials_.end()) return;
  const OnDone on_done = std::move(found->second.on_done);
  trials_.erase(found);
  on_done(std::move(result));
}

void Trials::on_nursery_up() {
  up_ = true;
  for (auto& [id, trial] : trials_) ask(id, trial);
}

void Trials::on_nursery_down() {
  up_ = false;
  std::vector<std::uint64_t> given_up;
  for (const auto& [id, trial] : trials_) {
    if (trial.attempts >= kAttempts) given_up.push_back(id);
  }
  for (const std::uint64_t id : given_up) {
    finish(id,
           fail(ErrorCode::kInternal, "the nursery ended {} times during its trial", kAttempts));
  }
}

}  // namespace onecopy::host
