#include "host/control/host.h"

#include <sys/prctl.h>

#include <csignal>
#include <utility>

#include "host/supervise/instance_lock.h"
#include "shared/base/cpu_count.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/small_file.h"

namespace onecopy::host {
namespace {

constexpr auto kEndPoll = Milliseconds(5);  // between looks at killed processes

Error error_of(const Refusal& refusal) {
  const bool ours = refusal.status == Refused::kNoRoom || refusal.status == Refused::kFailed ||
                    refusal.status == Refused::kUnavailable;
  return {ours ? ErrorCode::kSystem : ErrorCode::kInvalidArgument, refusal.text};
}

Result<Arithmetic> read_arithmetic(const Json& hello) {
  const JsonFields fields(hello, "the nursery's hello");
  Arithmetic arithmetic;
  ASSIGN_OR_RETURN(arithmetic.bf16_speedup, fields.real("speedup_bf16"));
  ASSIGN_OR_RETURN(arithmetic.int8_speedup, fields.real("speedup_int8"));
  ASSIGN_OR_RETURN(const JsonFields lacks, fields.object("lacks"));
  ASSIGN_OR_RETURN(arithmetic.bf16_lacks, lacks.text("bf16", ""));
  ASSIGN_OR_RETURN(arithmetic.int8_lacks, lacks.text("int8", ""));
  return arithmetic;
}

WorkerCounts workers_of(const ServeOptions& options) {
  return {options.workers, options.min_workers, options.max_workers};
}

}  // namespace

Host::Host(EventLoop& loop, ServeOptions options, std::vector<std::string> arguments, UniqueFd lock)
    : loop_(loop),
      options_(std::move(options)),
      arguments_(std::move(arguments)),
      operators_(loop, std::move(lock), [this](const std::string& what) { return on_asked(what); }),
      reaper_(loop),
      signals_(loop, [this](int number) { on_signal(number); }),
      children_(
          loop, reaper_,
          {options_.instance, usable_cores(), options_.orphans_end, options_.answer_cache_mb}),
      feed_(children_, registry_),
      trials_([this](const Json& message, int fd) { children_.send(Role::kNursery, message, fd); }),
      registrations_(options_.instance, {loop, reaper_, registry_, trials_, [this] { publish(); }}),
      commands_(
          registry_, registrations_, [this] { publish(); },
          [this](std::uint64_t id, const Commands::Answer& answer) {
            children_.send(
                Role::kGateway,
                {{"type", "result"}, {"id", id}, {"status", answer.status}, {"body", answer.body}});
          }),
      supervisor_(children_, *this),
      adoption_(loop, reaper_),
      end_timer_(loop, [this] { end_children(); }) {
  children_.attach(supervisor_);
  registrations_.set_on_progress(
      [this](const std::string& model, std::uint64_t done, std::uint64_t total) {
        if (!ready_) report_.progress(model, done, total);
      });
}

Host::~Host() {
  if (supervisor_.gave_up()) {
    registry_.leave_names();
  } else {
    remove_leftovers(options_.instance, {});
  }
}

Status Host::run() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // workers whose nursery was killed fall to us
  RETURN_IF_ERROR(signals_.start());
  RETURN_IF_ERROR(operators_.start());
  RETURN_IF_ERROR(read_settings());
  supervisor_.find();
  children_.rearm();
  loop_.run();
  return end_status_;
}

// ---- starting ----

void Host::on_hello(Role role, const Json& hello) {
  if (!serving_) adoption_.add_process(role);
  if (role != Role::kNursery) return;
  back_ends_ = text_field(hello, "back_ends").value_or("");
  children_.set_back_ends(back_ends_);
  auto arithmetic = read_arithmetic(hello);
  if (!arithmetic) return fail_start(arithmetic.error());
  registrations_.set_arithmetic(std::move(*arithmetic));
}

// A process that we started has nothing that we did not give it.
void Host::on_kept(Role role, ControlMessage& message) {
  if (!serving_) adoption_.keep(role, message);
}

void Host::on_found() {
  if (!adoption_.has_anything()) {
    const std::size_t removed = remove_leftovers(options_.instance, {});
    if (removed != 0) log_line(fmt::format("removed {} segments of a host that died", removed));
    return begin_serving();
  }
  log_line("another host of this instance died: taking over what lives");
  const Status started =
      adoption_.fill(registry_, [this](const std::vector<std::string>& lost) { adopted(lost); });
  if (!started) supervisor_.give_up(started.error());
}

void Host::adopted(const std::vector<std::string>& lost) {
  if (supervisor_.is_ending()) return;
  for (const std::string& line : lost) log_line(line, LogLevel::kError);
  std::vector<std::string> named;
  for (const auto& segment : registry_.segments()) named.push_back(segment->name());
  remove_leftovers(options_.instance, named);
  for (const Role role : {Role::kGateway, Role::kNursery}) {
    if (adoption_.has(role)) feed_.set_given(role, adoption_.kept(role));
  }
  log_line(fmt::format("took over {} models in {} segments", registry_.snapshot().models.size(),
                       named.size()));
  starting_ = false;  // what serves goes on, whatever else we are asked for
  supervisor_.set_ready();
  begin_serving();
  children_.rearm();
}

void Host::begin_serving() {
  if (const Status taken = take_sockets(); !taken) return supervisor_.give_up(taken.error());
  const std::string& chosen = registry_.snapshot().back_ends;
  if (!chosen.empty()) children_.set_back_ends(chosen);
  std::vector<std::string> lines;
  apply_workers(lines);
  serving_ = true;
  supervisor_.serve();
  apply_models(lines);
  for (const std::string& line : lines) {
    if (!starting_) log_line(line);
  }
  publish();
}

Status Host::take_sockets() {
  RETURN_IF_ERROR(take_socket(kInferencePort, options_.host, options_.port));
  return take_socket(kManagementPort, options_.management_host, options_.management_port);
}

Status Host::take_socket(std::string_view port, const std::string& host, std::uint16_t number) {
  auto kept = adoption_.take_listener(port);
  if (kept && !is_listening_at(kept->fd.get(), host, number)) {
    return fail(ErrorCode::kInvalidArgument,
                "instance {} serves its {} port on {}, not on {} port {}: give the same, or end it "
                "first (onecopy stop --instance {})",
                options_.instance, port, kept->url, host, number, options_.instance);
  }
  if (!kept) {
    ASSIGN_OR_RETURN(kept, listen_on(host, number));
  }
  feed_.set_listener(port, std::move(*kept));
  return {};
}

// What the gateway needs of our options.
Status Host::read_settings() {
  std::string key;
  if (!options_.management_key.empty()) {
    ASSIGN_OR_RETURN(key, read_small_file(options_.management_key));
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
    if (key.empty()) {
      return fail(ErrorCode::kInvalidArgument, "--management-key {}: the file is empty",
                  options_.management_key.string());
    }
  }
  commands_.set_model_root(options_.model_root);
  feed_.set_settings({{"type", "settings"},
                      {"instance", options_.instance},
                      {"management_key", key},
                      {"model_root", options_.model_root.string()}});
  return {};
}

void Host::report_ready() {
  const bool all = serving_ && !starting_loads_ && applied_ >= registry_.snapshot().revision &&
                   wanted_workers_ > 0 && alive_workers_ >= wanted_workers_;
  if (!all || supervisor_.is_ending() || std::exchange(ready_, true)) return;
  starting_ = false;
  supervisor_.set_ready();
  report_.load_ended();
  report_.ready(alive_workers_, feed_.url(kManagementPort), feed_.url(kInferencePort));
}

// ---- what gateway and nursery say ----

void Host::on_up(Role role) {
  if (role == Role::kNursery && registry_.snapshot().back_ends != back_ends_) {
    registry_.set_back_ends(back_ends_);
  }
  publish();
  if (role == Role::kNursery) trials_.on_nursery_up();
}

void Host::on_message(Role role, ControlMessage& message) {
  const Json& body = message.body;
  if (message.type == "refused") {
    log_line(fmt::format("the {} refused the registry: {}", to_string(role),
                         text_field(body, "error").value_or("")),
             LogLevel::kError);
  } else if (role == Role::kNursery) {
    if (message.type == "trial_done") trials_.on_trial_done(body);
  } else if (message.type == "command") {
    commands_.on_command(body);
  } else if (message.type == "applied") {
    applied_ = number_field(body, "revision").value_or(0);
    registrations_.on_applied(body);
    report_ready();
  } else if (message.type == "workers") {
    alive_workers_ = number_field(body, "alive").value_or(0);
    wanted_workers_ = number_field(body, "wanted").value_or(0);
    report_ready();
  }
}

void Host::on_down(Role role) {
  feed_.forget(role);
  if (role == Role::kNursery) return trials_.on_nursery_down();
  commands_.forget_all();
  applied_ = alive_workers_ = wanted_workers_ = 0;
}

// ---- changing what is served ----

void Host::publish() {
  if (!serving_ || supervisor_.is_ending()) return;
  for (const Role role : {Role::kGateway, Role::kNursery}) {
    if (supervisor_.is_up(role)) feed_.give(role);
  }
}

void Host::apply_models(std::vector<std::string>& lines) {
  ConfigChanges changes = plan_changes(registry_.snapshot(), options_.models);
  for (const ModelEntry& gone : changes.remove) {
    registry_.withdraw(gone.name, gone.version);
    lines.push_back(fmt::format("{}:{} removed", gone.name, gone.version));
  }
  for (NewModel& model : changes.load) {
    lines.push_back(fmt::format("{}:{} {}", model.source.name, model.source.version,
                                model.replaces ? "changed: loading it anew" : "added: loading it"));
  }
  lines.insert(lines.end(), changes.notes.begin(), changes.notes.end());
  starting_loads_ += changes.load.size();
  for (NewModel& model : changes.load) load(std::move(model));
  publish();
}

void Host::load(NewModel model) {
  registrations_.begin(std::move(model), [this](const Outcome<Served>& served) {
    --starting_loads_;
    if (served && !ready_) report_.loaded(*served);
    report_.load_ended();
    if (!served && starting_) return fail_start(error_of(served.error()));
    report_ready();
  });
}

void Host::apply_workers(std::vector<std::string>& lines) {
  const WorkerCounts wanted = workers_of(options_);
  if (registry_.snapshot().workers == wanted && registry_.snapshot().revision != 0) return;
  if (const auto set = registry_.set_workers(wanted); !set) {
    return lines.push_back(set.error().text);
  }
  lines.push_back(fmt::format("workers: {} (from {} to {})", wanted.count, wanted.min, wanted.max));
}

Operators::Answer Host::reload() {
  if (options_.config.empty()) return {400, {"there is no config file to read: see --config"}};
  if (!serving_ || supervisor_.is_ending()) return {503, {"it is starting or ending"}};
  std::vector<const char*> argv;
  argv.reserve(arguments_.size());
  for (const std::string& argument : arguments_) argv.push_back(argument.c_str());
  auto parsed = parse_options(static_cast<int>(argv.size()), argv.data());
  if (!parsed || !parsed->options) {
    return {400, {parsed ? "the command line" : parsed.error().text, "nothing was changed"}};
  }
  ServeOptions before = std::exchange(options_, std::move(*parsed->options));
  if (const Status read = read_settings(); !read) {
    options_ = std::move(before);
    return {400, {read.error().text, "nothing was changed"}};
  }
  Operators::Answer answer;
  answer.lines = needs_restart(before, options_);
  options_.instance = before.instance;
  if (!(workers_of(before) == workers_of(options_))) apply_workers(answer.lines);
  feed_.give_settings();
  apply_models(answer.lines);
  if (answer.lines.empty()) answer.lines.push_back("nothing is different");
  return answer;
}

Operators::Answer Host::on_asked(const std::string& what) {
  if (what == "reload") {
    Operators::Answer answer = reload();
    for (const std::string& line : answer.lines) log_line("reload: " + line);
    return answer;
  }
  if (what != "stop") return {400, {fmt::format("the host knows no '{}'", what)}};
  if (!supervisor_.is_ending()) stop();
  return {200, {"stopping"}};
}

// ---- ending ----

void Host::on_signal(int number) {
  if (number == SIGCHLD) return reaper_.reap_all();
  if (number == SIGHUP && !options_.config.empty()) {
    (void)on_asked("reload");
    return;
  }
  stop();
}

void Host::stop() {
  report_.load_ended();
  starting_ = false;  // loads that are cancelled are no failure
  supervisor_.stop();
  registrations_.cancel_all("the host was told to stop");
  children_.rearm();
}

void Host::fail_start(const Error& error) {
  starting_ = false;
  supervisor_.stop_because(error);
  registrations_.cancel_all("the host is ending");
  children_.rearm();
}

void Host::on_ended(const Status& status) {
  end_status_ = status;
  end_by_ = Clock::now() + limits::kKillDeadline;
  feed_.close_listeners();
  end_timer_.set_after(Milliseconds(0));
}

// Loaders, and workers that their nursery left: gone before we are, or killed in vain.
void Host::end_children() {
  reaper_.reap_all();
  if (!kill_children() || Clock::now() >= end_by_) return loop_.stop();
  end_timer_.set_after(kEndPoll);
}

}  // namespace onecopy::host
