#include "worker/process/trials.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/process.h"
#include "worker/process/trial_child.h"

namespace onecopy::worker {

struct Trials::Trial {
  std::uint64_t id = 0;
  std::string candidate;
  UniqueFd outcome;  // the pipe's end to read from
  Child* child = nullptr;
};

Trials::Trials(Children& children, Answer answer)
    : children_(children), answer_(std::move(answer)) {}

bool Trials::handle(ControlMessage& message) {
  const bool file = message.type == "trial_file";
  if (!file && message.type != "trial" && message.type != "trial_cancel") return false;
  const auto id = number_field(message.body, "id");
  if (!id) {
    log_line(id.error().text, LogLevel::kWarning);
  } else if (file) {
    keep_file(*id, message);
  } else if (message.type == "trial") {
    start(*id, message);
  } else {
    cancel(*id);
  }
  return true;
}

// What is wrong with a file comes out when the trial misses it.
void Trials::keep_file(std::uint64_t id, ControlMessage& message) {
  const auto name = text_field(message.body, "name");
  if (!name || !message.fd || running_.contains(id)) {
    return log_line(fmt::format("trial_file {}: it needs a name and a descriptor", id),
                    LogLevel::kWarning);
  }
  if (!prepared_.contains(id) && prepared_.size() >= limits::kTrials) {
    return log_line(fmt::format("trial_file {}: {} trials are prepared", id, prepared_.size()),
                    LogLevel::kWarning);
  }
  SegmentFiles& files = prepared_[id];
  // Two models, each with all that it may borrow from.
  if (files.size() >= 2 * (limits::kSegmentDependencies + 1)) {
    return log_line(fmt::format("trial_file {}: there are {} files", id, files.size()),
                    LogLevel::kWarning);
  }
  files[*name] = std::move(message.fd);
}

void Trials::start(std::uint64_t id, const ControlMessage& message) {
  if (running_.contains(id))
    return log_line(fmt::format("trial {}: it is under way", id), LogLevel::kWarning);
  const Status started = run(id, message);
  prepared_.erase(id);  // the child has its own
  if (!started) refuse(id, started.error());
}

Status Trials::run(std::uint64_t id, const ControlMessage& message) {
  if (running_.size() >= limits::kTrials) {
    return fail(ErrorCode::kBusy, "{} trials are under way", running_.size());
  }
  TrialQuestion question;
  ASSIGN_OR_RETURN(question.candidate, text_field(message.body, "candidate"));
  if (find_field(message.body, "reference") != nullptr) {
    ASSIGN_OR_RETURN(question.reference, text_field(message.body, "reference"));
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return fail(ErrorCode::kSystem, "cannot create a pipe: {}", errno_text());
  }
  auto trial = std::make_shared<Trial>();
  *trial = {id, question.candidate, UniqueFd(ends[0]), nullptr};
  const UniqueFd to_nursery(ends[1]);
  const SegmentFiles& files = prepared_[id];
  ChildPlan plan{
      .name = "onecopy-trial",
      .keeps = {to_nursery.get()},
      .run = [&] { return try_segments(question, files, to_nursery.get()); },
  };
  for (const auto& [name, fd] : files) plan.keeps.push_back(fd.get());
  ASSIGN_OR_RETURN(trial->child, children_.start(plan, [this, trial](Child& child, int status) {
    if (trial->child == nullptr) return;  // cancelled
    running_.erase(trial->id);
    finish(*trial, child, status);
  }));
  trial->child->kill_after(limits::kTrialDeadline);
  running_[id] = std::move(trial);
  return {};
}

void Trials::cancel(std::uint64_t id) {
  prepared_.erase(id);
  const auto running = running_.find(id);
  if (running == running_.end()) return;
  std::exchange(running->second->child, nullptr)->kill();
  running_.erase(running);
}

void Trials::cancel_all() {
  prepared_.clear();
  while (!running_.empty()) cancel(running_.begin()->first);
}

void Trials::finish(const Trial& trial, const Child& child, int status) {
  if (child.was_killed()) {
    return refuse(trial.id, {ErrorCode::kDeadline,
                             fmt::format("segment {}: its trial took longer than {} s",
                                         trial.candidate, limits::kTrialDeadline.count())});
  }
  auto outcome = read_trial_outcome(trial.outcome.get());
  if (status != 0 || !outcome) {
    return refuse(trial.id, {ErrorCode::kInternal,
                             fmt::format("segment {}: a process that computed with it ended: {}",
                                         trial.candidate, how_it_ended(status))});
  }
  outcome->update({{"type", "trial_done"}, {"id", trial.id}});
  answer_(*outcome);
}

void Trials::refuse(std::uint64_t id, const Error& error) {
  answer_({{"type", "trial_done"},
           {"id", id},
           {"error", error.text},
           {"code", static_cast<unsigned>(error.code)}});
}

}  // namespace onecopy::worker
