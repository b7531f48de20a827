#include "host/control/registrations.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "host/load/folder_stamp.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace onecopy::host {

using Stage = LoadState::Stage;

// One registration; its job's events come here.
struct Registrations::One final : LoadJob::Events {
  One(Registrations& registrations, NewModel new_model, OnDone callback)
      : owner(registrations), model(std::move(new_model)), tell(std::move(callback)) {}

  bool is(std::string_view name, std::uint32_t version) const {
    return model.source.name == name && (version == 0 || model.source.version == version);
  }

  void on_progress(std::uint64_t done, std::uint64_t total) override {
    state.done = done;
    state.total = total;
    if (owner.on_progress_) owner.on_progress_(model.source.name, done, total);
  }
  void on_compare(HeldSegment::Pointer reference, HeldSegment::Pointer candidate) override {
    trial = owner.parts_.trials.start(std::move(candidate), std::move(reference),
                                      [this](const Result<double>& error) {
                                        trial = 0;
                                        if (job) job->compared(error);
                                      });
  }
  void on_done(Result<LoadOutcome> outcome) override {
    owner.parts_.loop.dispose(std::exchange(job, nullptr));
    if (outcome) {
      owner.try_out(*this, std::move(*outcome));
    } else {
      owner.fail_with(*this, refusal_of(outcome.error()));
    }
  }

  Registrations& owner;
  NewModel model;
  OnDone tell;
  LoadState state;
  std::string stamp;
  std::shared_ptr<LoadJob> job;
  std::uint64_t trial = 0;  // under way, unless 0
  LoadOutcome loaded;
  ModelEntry entry;
  // What it takes the place of, until it is known to serve.
  std::optional<ModelEntry> former;
  HeldSegment::Pointer former_segment;
  std::uint64_t revision = 0;  // that must be applied
};

namespace {

std::int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kWaiting:
      return "waiting";
    case Stage::kLoading:
      return "loading";
    case Stage::kTrying:
    case Stage::kApplying:
      return "trying";
    case Stage::kFailed:
      break;
  }
  return "failed";
}

std::string_view to_string(PrecisionChoice choice) {
  switch (choice) {
    case PrecisionChoice::kF32:
      return "f32";
    case PrecisionChoice::kBf16:
      return "bf16";
    case PrecisionChoice::kInt8:
      return "int8";
    case PrecisionChoice::kAuto:
      break;
  }
  return "auto";
}

Registrations::~Registrations() = default;

void Registrations::set_arithmetic(Arithmetic arithmetic) {
  arithmetic_ = std::move(arithmetic);
  start_next();
}

void Registrations::begin(NewModel model, OnDone on_done) {
  const ModelSource& source = model.source;
  Outcome<void> good;
  if (!model.replaces) good = parts_.registry.check_new(source.name, source.version);
  if (good && find(source.name, source.version)) {
    good = refuse(Refused::kConflict, "Model version {} is being registered already for model {}",
                  source.version, source.name);
  }
  if (good && under_way_.size() >= limits::kWaitingLoads) {
    good = refuse(Refused::kUnavailable, "{} models wait to be loaded: try again later",
                  under_way_.size());
  }
  if (!good) return on_done(tl::unexpected<Refusal>(good.error()));
  std::erase_if(failed_, [&](const Failed& one) {
    return one.model == source.name && one.version == source.version;
  });
  under_way_.push_back(std::make_shared<One>(*this, std::move(model), std::move(on_done)));
  start_next();
}

std::uint32_t Registrations::free_version(std::string_view model) const {
  std::uint32_t last = 0;
  for (const std::uint32_t version : parts_.registry.versions_of(model)) {
    last = std::max(last, version);
  }
  for (const auto& one : under_way_) {
    if (one->is(model, 0)) last = std::max(last, one->model.source.version);
  }
  return last + 1;
}

// ---- loading ----

void Registrations::start_next() {
  if (!arithmetic_) return;
  const auto loading = std::ranges::count_if(
      under_way_, [](const auto& one) { return one->state.stage == Stage::kLoading; });
  const auto next = std::ranges::find_if(
      under_way_, [](const auto& one) { return one->state.stage == Stage::kWaiting; });
  if (static_cast<std::size_t>(loading) >= limits::kLoads || next == under_way_.end()) return;
  One& one = **next;
  one.state.stage = Stage::kLoading;
  one.stamp = folder_stamp(one.model.source.folder, one.model.source.adapter);
  LoadOrder order{.source = one.model.source,
                  .instance = instance_,
                  .generation = parts_.registry.take_generation(instance_),
                  .arithmetic = *arithmetic_,
                  .live = live()};
  one.job = std::make_shared<LoadJob>(parts_.loop, parts_.reaper, one, std::move(order));
  if (const Status started = one.job->start(); !started) {
    one.job.reset();
    fail_with(one, refusal_of(started.error()));
  }
}

// What a new model may borrow from: all that is served, and what will be.
std::vector<HeldSegment::Pointer> Registrations::live() const {
  std::vector<HeldSegment::Pointer> segments = parts_.registry.segments();
  for (const auto& one : under_way_) {
    if (!one->loaded.segment) continue;
    for (auto& segment : with_borrowed(one->loaded.segment)) {
      if (std::ranges::find(segments, segment) == segments.end()) {
        segments.push_back(std::move(segment));
      }
    }
  }
  return segments;
}

void Registrations::try_out(One& one, LoadOutcome outcome) {
  one.loaded = std::move(outcome);
  one.state.stage = Stage::kTrying;
  one.trial = parts_.trials.start(one.loaded.segment, nullptr, [this, &one](const auto& result) {
    one.trial = 0;
    if (result) return apply(one);
    fail_with(one, refusal_of(result.error()));
  });
  start_next();
}

// ---- serving ----

void Registrations::apply(One& one) {
  const ModelSource& source = one.model.source;
  ModelRegistry& registry = parts_.registry;
  if (const ModelEntry* const known = registry.snapshot().find(source.name, source.version)) {
    one.former = *known;
    one.former_segment = registry.segment(known->segment);
  }
  one.entry = {.name = source.name,
               .version = source.version,
               .segment = one.loaded.segment->name(),
               .folder = source.folder.string(),
               .adapter = source.adapter ? source.adapter->string() : "",
               .requested_precision = std::string(to_string(source.precision)),
               .precision = one.loaded.precision,
               .origin = one.model.origin,
               .stamp = one.stamp,
               .bytes_own = one.loaded.segment->bytes(),
               .bytes_borrowed = one.loaded.bytes_borrowed,
               .load_seconds = one.loaded.seconds,
               .loaded_at = seconds_since_1970(),
               .precision_error = one.loaded.precision_error};
  registry.put(one.entry, one.loaded.segment);
  one.state.stage = Stage::kApplying;
  one.revision = registry.snapshot().revision;
  parts_.publish();
}

void Registrations::on_applied(const Json& body) {
  const auto revision = number_field(body, "revision");
  const Json* const failed = find_field(body, "failed");
  if (!revision) return;
  const auto under_way = under_way_;  // each may leave the list
  for (const auto& one : under_way) {
    if (one->state.stage != Stage::kApplying || one->revision > *revision) continue;
    std::string error;
    for (const Json& entry : failed != nullptr && failed->is_array() ? *failed : Json::array()) {
      if (text_field(entry, "segment").value_or("") != one->entry.segment) continue;
      error = text_field(entry, "error").value_or("it cannot be attached");
    }
    if (error.empty()) {
      finish(*one, Served{one->entry, one->loaded.task});
    } else {
      take_back(*one);
      fail_with(*one, {Refused::kFailed, fmt::format("the gateway cannot serve it: {}", error)});
    }
  }
}

// The version goes, or is again what it was.
void Registrations::take_back(One& one) {
  if (one.former) {
    parts_.registry.put(*one.former, one.former_segment);
  } else {
    parts_.registry.withdraw(one.entry.name, one.entry.version);
  }
  parts_.publish();
}

// ---- ends ----

void Registrations::fail_with(One& one, Refusal refusal) {
  log_line(fmt::format("model {}:{} is not served: {}", one.model.source.name,
                       one.model.source.version, refusal.text),
           LogLevel::kWarning);
  failed_.push_back({one.model.source.name, one.model.source.version, refusal});
  if (failed_.size() > limits::kFailedLoads) failed_.pop_front();
  finish(one, tl::unexpected<Refusal>(std::move(refusal)));
}

void Registrations::finish(One& one, const Outcome<Served>& outcome) {
  const auto place =
      std::ranges::find_if(under_way_, [&](const auto& known) { return known.get() == &one; });
  if (place == under_way_.end()) return;
  const Pointer kept = *place;
  if (one.trial != 0) parts_.trials.cancel(std::exchange(one.trial, 0));
  parts_.loop.dispose(kept);
  under_way_.erase(place);
  kept->tell(outcome);
  start_next();
}

bool Registrations::cancel(std::string_view model, std::uint32_t version, const std::string& why) {
  bool any = false;
  const auto under_way = under_way_;
  for (const auto& one : under_way) {
    if (!one->is(model, version)) continue;
    any = true;
    if (one->trial != 0) parts_.trials.cancel(std::exchange(one->trial, 0));
    if (one->job) {
      one->job->cancel(why);  // it fails when the child is gone
      continue;
    }
    if (one->state.stage == Stage::kApplying) take_back(*one);
    fail_with(*one, {Refused::kConflict, why});
  }
  return any;
}

void Registrations::cancel_all(const std::string& why) {
  const auto under_way = under_way_;
  for (const auto& one : under_way) cancel(one->model.source.name, one->model.source.version, why);
}

std::optional<LoadState> Registrations::state_of(std::string_view model,
                                                 std::uint32_t version) const {
  if (const Pointer one = find(model, version)) return one->state;
  const auto failed = std::ranges::find_if(failed_, [&](const Failed& one) {
    return one.model == model && (version == 0 || one.version == version);
  });
  if (failed == failed_.end()) return std::nullopt;
  return LoadState{.stage = Stage::kFailed, .error = failed->error};
}

Registrations::Pointer Registrations::find(std::string_view model, std::uint32_t version) const {
  const auto found =
      std::ranges::find_if(under_way_, [&](const auto& one) { return one->is(model, version); });
  return found == under_way_.end() ? nullptr : *found;
}

}  // namespace onecopy::host
