// From a model folder to a version that serves: load, try, put into the registry, hear from the
// gateway that it is served. Each step may fail, be cancelled, or outlive a process that dies.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "host/load/load_job.h"
#include "host/load/trials.h"
#include "host/registry/model_registry.h"

namespace onecopy::host {

// What is to be served. With `replaces` the version is there already: it serves until the new
// segment does.
struct NewModel {
  ModelSource source;
  std::string origin;  // "config" or "api"
  bool replaces = false;
};

// What came of it.
struct Served {
  ModelEntry entry;
  std::string task;
};

// Where one stands, for load_status.
struct LoadState {
  enum class Stage { kWaiting, kLoading, kTrying, kApplying, kFailed };
  Stage stage = Stage::kWaiting;
  std::uint64_t done = 0;  // bytes
  std::uint64_t total = 0;
  Refusal error;  // kFailed
};
std::string_view to_string(LoadState::Stage stage);

std::string_view to_string(PrecisionChoice choice);

// Class Registrations: owns the loads under way, in the order in which they were asked for, and
// remembers the last that failed. Borrows the rest. One thread.
class Registrations {
 public:
  using OnDone = std::function<void(const Outcome<Served>&)>;
  using OnProgress =
      std::function<void(const std::string& model, std::uint64_t done, std::uint64_t total)>;
  struct Parts {
    EventLoop& loop;
    Reaper& reaper;
    ModelRegistry& registry;
    Trials& trials;
    std::function<void()> publish;  // sends the registry to gateway and nursery
  };

  Registrations(std::string instance, Parts parts)
      : instance_(std::move(instance)), parts_(std::move(parts)) {}
  ~Registrations();
  Registrations(const Registrations&) = delete;
  Registrations& operator=(const Registrations&) = delete;

  // Loading begins when this is known.
  void set_arithmetic(Arithmetic arithmetic);
  void set_on_progress(OnProgress callback) { on_progress_ = std::move(callback); }

  // The version must be given. A refusal comes through on_done, at once or later; once.
  void begin(NewModel model, OnDone on_done);
  std::uint32_t free_version(std::string_view model) const;
  // False: nothing of this model (and version, unless 0) is under way.
  bool cancel(std::string_view model, std::uint32_t version, const std::string& why);
  void cancel_all(const std::string& why);
  bool idle() const { return under_way_.empty(); }
  std::optional<LoadState> state_of(std::string_view model, std::uint32_t version) const;

  // The gateway's "applied".
  void on_applied(const Json& body);

 private:
  struct One;
  using Pointer = std::shared_ptr<One>;
  void start_next();
  std::vector<HeldSegment::Pointer> live() const;
  void try_out(One& one, LoadOutcome outcome);
  void apply(One& one);
  void take_back(One& one);
  void fail_with(One& one, Refusal refusal);
  void finish(One& one, const Outcome<Served>& outcome);
  Pointer find(std::string_view model, std::uint32_t version) const;

  std::string instance_;
  Parts parts_;
  OnProgress on_progress_;
  std::optional<Arithmetic> arithmetic_;
  std::list<Pointer> under_way_;
  struct Failed {
    std::string model;
    std::uint32_t version;
    Refusal error;
  };
  std::list<Failed> failed_;
};

}  // namespace onecopy::host
