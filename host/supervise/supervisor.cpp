#include "host/supervise/supervisor.h"

#include <algorithm>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace onecopy::host {
namespace {

using namespace std::chrono_literals;

constexpr std::array kRoles = {Role::kGateway, Role::kNursery};
// Before the first request could be taken, a program that keeps ending is an error of the start.
constexpr int kEarlyEnds = 5;
// The gateway answers what is left itself when its own deadline passes; a little longer for that.
constexpr auto kForLastReplies = 2s;

}  // namespace

// ---- finding and starting ----

void Supervisor::find() {
  searching_ = true;
  for (const Role role : kRoles) {
    const auto found = ports_.find(role);
    if (!found) return give_up(found.error());
    if (!*found) continue;
    Child& one = child(role);
    one.phase = Phase::kGreeting;
    one.found = true;
    one.joined = true;
    one.started = ports_.now();
  }
  finish_search();
}

void Supervisor::finish_search() {
  if (!searching_ || finished_) return;
  for (const Role role : kRoles) {
    if (child(role).phase == Phase::kGreeting) return;
  }
  searching_ = false;
  if (!ending_) events_.on_found();
}

void Supervisor::serve() {
  serving_ = true;
  for (const Role role : kRoles) {
    if (ending_) return;
    if (child(role).phase == Phase::kUp) events_.on_up(role);
    if (child(role).phase == Phase::kAbsent) start_child(role);
  }
  join();
}

void Supervisor::start_child(Role role) {
  Child& one = child(role);
  one.found = one.greeted = one.joined = one.asked = false;
  one.started = ports_.now();
  one.phase = Phase::kGreeting;
  if (const Status started = ports_.start(role); !started) down(role, started.error().text);
}

// ---- what they say ----

void Supervisor::on_message(Role role, ControlMessage& message) {
  Child& one = child(role);
  one.asked = false;  // whatever it says, it is alive
  if (one.phase == Phase::kUp) {
    if (message.type != "pong" && message.type != "drained") events_.on_message(role, message);
    return;
  }
  if (one.phase != Phase::kGreeting) return;
  if (!one.greeted) return greet(role, message);
  if (message.type == "kept") return up(role);
  events_.on_kept(role, message);
}

void Supervisor::greet(Role role, const ControlMessage& message) {
  Child& one = child(role);
  auto hello = check_hello(message);
  if (hello && hello->role != to_string(role)) {
    hello = fail(ErrorCode::kCorrupt, "the {} says that it is a {}", to_string(role), hello->role);
  }
  if (!hello && one.found) return give_up(hello.error());
  if (!hello) return kill(role, hello.error().text);
  one.greeted = true;
  if (one.found) {
    const Status watched = ports_.watch(role, static_cast<pid_t>(hello->pid));
    if (!watched) return give_up(watched.error());
    const char* const other = role == Role::kGateway ? "has_nursery" : "has_gateway";
    const Json* const has_other = find_field(message.body, other);
    one.joined = has_other == nullptr || *has_other == Json(true);
  }
  events_.on_hello(role, message.body);
}

void Supervisor::up(Role role) {
  Child& one = child(role);
  one.phase = Phase::kUp;
  one.due = ports_.now() + limits::kPingInterval;
  if (searching_) return finish_search();
  if (!serving_ || ending_) return;
  events_.on_up(role);
  join();
}

// The channel between the two outlives the host; a new one of either needs a new one.
void Supervisor::join() {
  if (!is_up(Role::kGateway) || !is_up(Role::kNursery) || ending_) return;
  if (gateway_.joined && nursery_.joined) return;
  auto ends = make_channel();
  if (!ends) return log_line(ends.error().text, LogLevel::kError);  // tried again at the next tick
  ports_.send(Role::kGateway, {{"type", "nursery"}}, ends->first.get());
  ports_.send(Role::kNursery, {{"type", "gateway"}}, ends->second.get());
  gateway_.joined = nursery_.joined = true;
}

// ---- ends ----

void Supervisor::on_closed(Role role, const std::string& why) {
  const Phase phase = child(role).phase;
  if (phase != Phase::kGreeting && phase != Phase::kUp) return;
  // On its way out in order; should it not end, the deadline does it.
  if (ending_) return;
  // Most often it has ended, which is reported with how; one that lives on is of no use.
  child(role).phase = Phase::kKilled;
  if (!ports_.kill(role)) down(role, why);
}

void Supervisor::kill(Role role, const std::string& why) {
  child(role).phase = Phase::kKilled;
  if (ports_.kill(role)) {
    log_line(fmt::format("ending the {}: {}", to_string(role), why), LogLevel::kWarning);
  } else {
    down(role, why);
  }
}

void Supervisor::on_exit(Role role, const std::string& how) {
  if (child(role).phase != Phase::kAbsent && child(role).phase != Phase::kWaiting) down(role, how);
}

void Supervisor::down(Role role, const std::string& how) {
  child(role).phase = Phase::kAbsent;
  events_.on_down(role);
  if (searching_) return finish_search();
  if (ending_) return advance_end();
  if (serving_) schedule(role, how);
}

void Supervisor::schedule(Role role, const std::string& how) {
  Child& one = child(role);
  if (!ready_ && ++early_ends_ >= kEarlyEnds) {
    return stop_because(
        {ErrorCode::kSystem,
         fmt::format("the {} ended before it was ready ({}); see its messages above",
                     to_string(role), how)});
  }
  log_line(fmt::format("the {} ended ({}); starting it again", to_string(role), how),
           LogLevel::kWarning);
  one.phase = Phase::kWaiting;
  one.due = ports_.now() + one.policy.delay_after(ports_.now() - one.started);
}

// ---- time ----

void Supervisor::tick() {
  for (const Role role : kRoles) tick_child(role);
  if (ending_) tick_end();
  if (serving_) join();
}

void Supervisor::tick_child(Role role) {
  Child& one = child(role);
  const auto now = ports_.now();
  if (deadline_of(one) > now) return;
  if (one.phase == Phase::kWaiting) return start_child(role);
  const bool silent =
      one.phase == Phase::kGreeting || (one.asked && now - one.asked_at >= limits::kSilence);
  if (silent && one.found && !one.greeted) {
    return give_up(
        {ErrorCode::kDeadline,
         fmt::format("the instance's {} does not answer: end it first", to_string(role))});
  }
  if (silent) {
    return kill(role, fmt::format("it was silent for {} s", limits::kSilence.count()));
  }
  if (now < one.due) return;
  if (!one.asked) one.asked_at = now;
  one.asked = true;
  one.due = now + limits::kPingInterval;
  ports_.send(role, {{"type", "ping"}, {"n", ++one.pings}});
}

// When something has to be done about it.
Clock::time_point Supervisor::deadline_of(const Child& one) const {
  switch (one.phase) {
    case Phase::kWaiting:
      return one.due;
    case Phase::kGreeting:
      return one.started + limits::kSilence;
    case Phase::kUp:
      return one.asked ? std::min(one.due, one.asked_at + limits::kSilence) : one.due;
    default:
      return Clock::time_point::max();
  }
}

Clock::time_point Supervisor::next_tick() const {
  return std::min({deadline_of(gateway_), deadline_of(nursery_), end_deadline_});
}

// ---- ending everything ----

void Supervisor::stop() {
  if (!ending_) return begin_end();
  end_status_ = fail(ErrorCode::kDeadline, "stopped at once by a second signal");
  for (const Role role : kRoles) {
    if (child(role).phase != Phase::kAbsent) kill(role, "a second signal");
  }
}

void Supervisor::stop_because(const Error& why) {
  if (end_status_) end_status_ = tl::unexpected<Error>(why);
  if (!ending_) begin_end();
}

void Supervisor::give_up(const Error& why) {
  end_status_ = tl::unexpected<Error>(why);
  ending_ = gave_up_ = true;
  finish();
}

void Supervisor::begin_end() {
  ending_ = true;
  for (const Role role : kRoles) {
    if (child(role).phase == Phase::kWaiting) child(role).phase = Phase::kAbsent;
  }
  end_deadline_ = ports_.now() + limits::kDrainDeadline + kForLastReplies;
  const bool hears = gateway_.phase == Phase::kGreeting || gateway_.phase == Phase::kUp;
  if (hears) ports_.send(Role::kGateway, {{"type", "drain"}});
  advance_end();
}

// The nursery ends last: its workers answer what the gateway drains.
void Supervisor::advance_end() {
  if (gateway_.phase != Phase::kAbsent) return;
  if (nursery_.phase == Phase::kAbsent) return finish();
  if (std::exchange(stopped_nursery_, true)) return;
  end_deadline_ = ports_.now() + limits::kKillDeadline + kForLastReplies;
  ports_.send(Role::kNursery, {{"type", "stop"}});
}

void Supervisor::tick_end() {
  if (ports_.now() < end_deadline_) return;
  end_deadline_ = Clock::time_point::max();
  const Role late = gateway_.phase != Phase::kAbsent ? Role::kGateway : Role::kNursery;
  if (late == Role::kGateway && end_status_) {
    end_status_ =
        fail(ErrorCode::kDeadline, "requests were still in flight {} s after the signal to stop",
             limits::kDrainDeadline.count());
  }
  if (child(late).phase != Phase::kAbsent) kill(late, "it did not end in time");
}

void Supervisor::finish() {
  if (std::exchange(finished_, true)) return;
  end_deadline_ = Clock::time_point::max();
  events_.on_ended(end_status_);
}

}  // namespace onecopy::host
