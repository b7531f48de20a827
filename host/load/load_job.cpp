#include "host/load/load_job.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "shared/base/json_fields.h"
#include "shared/segment/names.h"

namespace onecopy::host {

Status LoadJob::start(const Body& body) {
  std::vector<int> kept;
  kept.reserve(order_.live.size());
  for (const auto& segment : order_.live) kept.push_back(segment->fd());
  return task_.start("onecopy-loader", std::move(kept),
                     [&](int channel) { return body(order_, channel); });
}

void LoadJob::cancel(std::string why) {
  if (!cancelled_.empty()) return;
  cancelled_ = std::move(why);
  task_.kill();
}

void LoadJob::compared(const Result<double>& error) {
  if (error) return task_.send({{"type", "compared"}, {"precision_error", *error}});
  task_.send({{"type", "compared"},
              {"error", error.error().text},
              {"code", static_cast<unsigned>(error.error().code)}});
}

void LoadJob::on_task_message(ControlMessage& message) {
  if (message.type == "progress") {
    return events_.on_progress(message.body.value("done", std::uint64_t{0}),
                               message.body.value("total", std::uint64_t{0}));
  }
  if (message.type == "loaded") {
    outcome_ = read_loaded(message);
  } else if (message.type == "failed") {
    outcome_ = tl::unexpected<Error>(read_failed(message));
  } else if (message.type == "reference" || message.type == "compare") {
    auto segment = received_segment(message);
    if (!segment) return compared(tl::unexpected<Error>(segment.error()));
    (*segment)->leave_name();  // the child removes it
    if (message.type == "reference") {
      reference_ = std::move(*segment);
    } else {
      events_.on_compare(std::exchange(reference_, nullptr), std::move(*segment));
    }
  }
}

Result<HeldSegment::Pointer> LoadJob::received_segment(ControlMessage& message) const {
  ASSIGN_OR_RETURN(const JsonFields fields, as_object(message.body, "loader"));
  ASSIGN_OR_RETURN(std::string name, fields.text("segment"));
  ASSIGN_OR_RETURN(const auto borrows, fields.texts("borrows"));
  if (!message.fd) return fail(ErrorCode::kCorrupt, "loader: a segment without descriptor");
  std::vector<HeldSegment::Pointer> lenders;
  for (const std::string& lender : borrows) {
    const auto found = std::ranges::find(order_.live, lender, [](auto& s) { return s->name(); });
    if (found == order_.live.end()) {
      return fail(ErrorCode::kCorrupt, "loader: it borrows from {}, which is not there", lender);
    }
    lenders.push_back(*found);
  }
  return std::make_shared<const HeldSegment>(std::move(name), std::move(message.fd),
                                             std::move(lenders));
}

Result<LoadOutcome> LoadJob::read_loaded(ControlMessage& message) const {
  LoadOutcome outcome;
  ASSIGN_OR_RETURN(const JsonFields fields, as_object(message.body, "loader"));
  ASSIGN_OR_RETURN(outcome.task, fields.text("task"));
  ASSIGN_OR_RETURN(outcome.precision, fields.text("precision"));
  ASSIGN_OR_RETURN(outcome.bytes_borrowed, fields.number64("bytes_borrowed"));
  ASSIGN_OR_RETURN(outcome.seconds, fields.real("seconds"));
  if (fields.has("precision_error")) {
    ASSIGN_OR_RETURN(outcome.precision_error, fields.real("precision_error"));
  }
  ASSIGN_OR_RETURN(outcome.segment, received_segment(message));
  return outcome;
}

Error LoadJob::read_failed(const ControlMessage& message) const {
  const auto code = number_field(message.body, "code");
  const auto text = text_field(message.body, "text");
  const bool known = code && text && *code >= static_cast<unsigned>(ErrorCode::kInvalidArgument) &&
                     *code <= static_cast<unsigned>(ErrorCode::kSystem);
  if (!known) return {ErrorCode::kInternal, "the loader failed without saying why"};
  return {static_cast<ErrorCode>(*code), *text};
}

void LoadJob::on_task_end(const std::string& how) {
  Result<LoadOutcome> outcome = [&]() -> Result<LoadOutcome> {
    if (!cancelled_.empty()) return fail(ErrorCode::kBusy, "{}", cancelled_);
    if (outcome_) return std::move(*outcome_);
    return fail(ErrorCode::kInternal,
                "model {}: the loading process ended before it was done ({}); perhaps the machine "
                "has too little memory",
                order_.source.name, how);
  }();
  outcome_.reset();
  if (!outcome) remove_remains();
  events_.on_done(std::move(outcome));
}

// What a killed child had begun, or published and not told.
void LoadJob::remove_remains() const {
  constexpr std::uint64_t kReference = std::uint64_t{1} << 62;  // publish/load_auto.cpp
  for (const std::string& text : list_segments(order_.instance)) {
    const auto name = parse_segment_name(text);
    if (name && (name->generation & ~kReference) == order_.generation) {
      ::unlink(shared_memory_path(text).c_str());
    }
  }
}

}  // namespace onecopy::host
