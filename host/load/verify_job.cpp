#include "host/load/verify_job.h"

#include <algorithm>
#include <utility>

#include "shared/base/json_fields.h"
#include "shared/segment/segment_reader.h"

namespace onecopy::host {
namespace {

int verify(const std::vector<VerifyJob::Candidate>& candidates, int channel) {
  std::vector<SegmentFile> files;
  for (const auto& candidate : candidates) {
    files.push_back({candidate.name, candidate.fd.get()});
    const auto segment = Segment::open(files, candidate.name, Segment::Check::kContents);
    Json message{{"type", segment ? "good" : "bad"}, {"segment", candidate.name}};
    if (segment) {
      message["borrows"] = segment->dependencies();
    } else {
      message["error"] = segment.error().text;
    }
    if (!send_control(channel, message)) return 1;
  }
  return 0;
}

}  // namespace

Status VerifyJob::start() {
  std::vector<int> kept;
  kept.reserve(candidates_.size());
  for (const Candidate& candidate : candidates_) kept.push_back(candidate.fd.get());
  return task_.start("onecopy-verify", std::move(kept),
                     [&](int channel) { return verify(candidates_, channel); });
}

void VerifyJob::on_task_message(ControlMessage& message) {
  const JsonFields fields(message.body, "verify");
  const auto name = fields.text("segment");
  if (!name) return;
  if (message.type == "good") {
    if (auto borrows = fields.texts("borrows")) borrows_[*name] = std::move(*borrows);
  } else {
    errors_[*name] = fields.text("error", "damaged").value_or("damaged");
  }
}

void VerifyJob::on_task_end(const std::string& how) {
  for (Candidate& candidate : candidates_) {
    std::string problem = fmt::format("the check ended before it ({})", how);
    if (auto segment = hold(candidate, problem)) {
      found_.good.push_back(std::move(segment));
    } else {
      found_.bad.push_back(fmt::format("{}: {}", candidate.name, problem));
    }
  }
  on_done_(std::move(found_));
}

HeldSegment::Pointer VerifyJob::hold(Candidate& candidate, std::string& problem) const {
  const auto error = errors_.find(candidate.name);
  if (error != errors_.end()) problem = error->second;
  const auto borrows = borrows_.find(candidate.name);
  if (borrows == borrows_.end()) return nullptr;
  std::vector<HeldSegment::Pointer> lenders;
  for (const std::string& lender : borrows->second) {
    const auto known =
        std::ranges::find(found_.good, lender, [](const auto& good) { return good->name(); });
    if (known == found_.good.end()) {
      problem = fmt::format("it borrows from {}, which is not there", lender);
      return nullptr;
    }
    lenders.push_back(*known);
  }
  return std::make_shared<const HeldSegment>(candidate.name, std::move(candidate.fd),
                                             std::move(lenders));
}

}  // namespace onecopy::host
