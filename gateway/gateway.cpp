#include "gateway/gateway.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "shared/base/log.h"
#include "shared/segment/segment_writer.h"

namespace onecopy::gateway {
namespace {

constexpr Milliseconds kLastWords{1000};

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::create(UniqueFd rendezvous, Settings settings,
                                                 ReadSegment read) {
  std::signal(SIGPIPE, SIG_IGN);
  ASSIGN_OR_RETURN(auto loop, EventLoop::create());
  std::unique_ptr<Gateway> gateway(
      new Gateway(std::move(loop), std::move(rendezvous), settings, std::move(read)));
  RETURN_IF_ERROR(gateway->start());
  return gateway;
}

Gateway::Gateway(std::unique_ptr<EventLoop> loop, UniqueFd rendezvous, Settings settings,
                 ReadSegment read)
    : settings_(settings),
      loop_(std::move(loop)),
      dispatcher_(*loop_, settings_, *this),
      answers_(dispatcher_, settings_.answer_cache_bytes, settings_.queued_items),
      open_models_(std::move(read),
                   [this](const std::string& segment) { dispatcher_.detach(segment); }),
      shadows_(*loop_, dispatcher_, answers_, settings_.request),
      nursery_(*loop_, *this),
      pool_(*loop_, settings_, dispatcher_, nursery_,
            [this](WorkerPool::Counts /*counts*/) { tell_workers(); }),
      host_(*loop_, *this, std::move(rendezvous), hello()),
      commands_(*loop_,
                [this](const Json& message) {
                  host_.send(message);
                  return host_.has_host();
                }),
      router_(Api{*loop_, settings_, models_, dispatcher_, answers_, lifecycle_, shadows_, pool_,
                  commands_, access_, host_.kept().registry()}),
      server_(*loop_, settings_, router_),
      drain_(
          *loop_, settings_.drain, [this] { return server_.active() == 0; },
          [this] {
            dispatcher_.fail_all(
                {ErrorCode::kUnavailable, "the server is shutting down; retry on another one"});
          },
          [this] { finish(); }),
      termination_(*loop_, [this](int signal) { on_termination(signal); }),
      last_words_(*loop_, [this] { loop_->stop(); }) {}

Status Gateway::start() {
  server_.on_change([this] { on_connections_changed(); });
  return host_.start();
}

void Gateway::run() { loop_->run(); }

Json Gateway::hello() const {
  Hello hello;
  hello.role = to_string(Role::kGateway);
  hello.pid = ::getpid();
  Json json = to_json(hello);
  json["has_nursery"] = nursery_.is_connected();
  return json;
}

void Gateway::tell_workers() {
  const WorkerPool::Counts counts = pool_.counts();
  host_.send({{"type", "workers"}, {"alive", counts.alive}, {"wanted", counts.wanted}});
}

// ---- the host ----

void Gateway::on_host_connected() {
  commands_.on_host_gone();  // an earlier host's, if this one took its place
  tell_workers();
}

void Gateway::on_host_gone() {
  commands_.on_host_gone();
  if (lifecycle_.draining) return;
  if (settings_.ends_with_host) {
    log_line("the host is gone; ending with it", LogLevel::kWarning);
    return drain();
  }
  log_line("the host is gone; serving goes on, models and workers cannot be changed",
           LogLevel::kWarning);
}

std::vector<FailedSegment> Gateway::on_registry(const RegistrySnapshot& registry) {
  auto failed = open_models_.apply(registry, host_.kept(), models_);
  lifecycle_.failed.clear();
  for (const FailedSegment& one : failed) {
    for (const ModelEntry& entry : registry.models) {
      if (entry.segment != one.segment) continue;
      lifecycle_.failed.push_back({entry.name, entry.version, one.error});
    }
  }
  lifecycle_.has_models = lifecycle_.has_models || !registry.models.empty();
  pool_.set_counts(registry.workers);
  return failed;
}

void Gateway::on_listener(const std::string& port) {
  if (lifecycle_.draining) return;
  const bool is_management = port == kManagementPort;
  const int fd = host_.kept().listeners().find(port)->second.fd.get();
  if (is_management) access_.is_loopback = is_loopback_socket(fd);
  auto& place = is_management ? management_listener_ : listener_;
  // The kept one is for the next host. Whoever else has the same socket may go on accepting.
  place = std::make_unique<Listener>(*loop_, UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)),
                                     is_management ? Port::kManagement : Port::kInference, server_);
  if (const Status started = place->start(); !started) {
    log_line(fmt::format("listener {}: {}", port, started.error().text), LogLevel::kError);
  }
}

void Gateway::on_host_message(ControlMessage& message) {
  if (message.type == "settings") return apply_settings(message.body);
  if (message.type == "result") return commands_.on_result(message.body);
  if (message.type == "drain") return drain();
  if (message.type == "nursery" && message.fd) return nursery_.connect(std::move(message.fd));
  log_line(fmt::format("'{}' from the host is not understood", message.type), LogLevel::kWarning);
}

void Gateway::apply_settings(const Json& message) {
  const auto key = text_field(message, "management_key");
  if (!key) return log_line(fmt::format("settings: {}", key.error().text), LogLevel::kError);
  access_.key = *key;
  if (const auto instance = text_field(message, "instance")) set_log_instance(*instance);
}

void Gateway::on_stop_asked() {
  log_line("asked to stop");
  drain();
}

void Gateway::on_termination(int signal) {
  if (host_.has_host()) return;  // it has the signal too, or decides without it
  log_line(fmt::format("signal {} and no host: ending", signal));
  drain();
}

// ---- workers ----

void Gateway::on_nursery_changed() {
  host_.set_hello(hello());
  pool_.on_source_changed();
}

void Gateway::on_forked(std::uint64_t id, pid_t pid, UniqueFd process) {
  pool_.on_forked(id, pid, std::move(process));
}

void Gateway::on_fork_failed(std::uint64_t id, const std::string& why) {
  pool_.on_fork_failed(id, why);
}

void Gateway::on_exited(std::uint64_t id, const std::string& how) { pool_.on_exited(id, how); }

void Gateway::on_worker_gone(std::uint64_t id) { pool_.on_worker_gone(id); }

void Gateway::on_load_changed() {
  pool_.on_load_changed();
  shadows_.on_load_changed();
}

// ---- the end ----

void Gateway::on_connections_changed() {
  if (listener_) listener_->resume();
  if (management_listener_) management_listener_->resume();
  drain_.check();
}

void Gateway::drain() {
  if (lifecycle_.draining) return;
  lifecycle_.draining = true;
  drain_.begin();
  server_.drain();
  if (listener_) listener_->close();
  // The management port answers to the end: health checks there see the server go.
}

void Gateway::finish() {
  pool_.stop();
  if (host_.has_host()) {
    host_.send({{"type", "drained"}});
  } else {
    end_alone();
  }
  pool_.kill_all();
  if (host_.is_flushed() && nursery_.is_flushed()) return loop_->stop();
  last_words_.set_after(kLastWords);
}

// What the host would do.
void Gateway::end_alone() {
  nursery_.stop();
  for (const SegmentEntry& segment : host_.kept().registry().segments) {
    if (!unlink_segment(segment.name)) {
      log_line(fmt::format("segment {} has no name any more", segment.name));
    }
  }
}

}  // namespace onecopy::gateway
