#include "gateway/gateway.h"

#include <csignal>
#include <utility>

#include "shared/base/log.h"

namespace onecopy::gateway {

Result<std::unique_ptr<Gateway>> Gateway::create(Sockets sockets, Settings settings,
                                                 ReadModelInfo read_info) {
  std::signal(SIGPIPE, SIG_IGN);
  ASSIGN_OR_RETURN(auto loop, EventLoop::create());
  std::unique_ptr<Gateway> gateway(
      new Gateway(std::move(loop), std::move(sockets), settings, std::move(read_info)));
  RETURN_IF_ERROR(gateway->start());
  return gateway;
}

Gateway::Gateway(std::unique_ptr<EventLoop> loop, Sockets sockets, Settings settings,
                 ReadModelInfo read_info)
    : settings_(settings),
      read_info_(std::move(read_info)),
      loop_(std::move(loop)),
      host_(*loop_, *this, std::move(sockets.control)),
      dispatcher_(*loop_, settings_,
                  [this](std::uint64_t id) {
                    host_.send({{"type", "worker_gone"}, {"id", id}});
                  }),
      router_(Api{*loop_, settings_, models_, dispatcher_, lifecycle_}),
      server_(*loop_, settings_, router_),
      drain_(
          *loop_, settings_.drain, [this] { return server_.active() == 0; },
          [this] {
            dispatcher_.fail_all(
                {ErrorCode::kUnavailable, "the server is shutting down; retry on another one"});
          },
          [this] {
            host_.send({{"type", "drained"}});
            loop_->stop();
          }) {
  add_listener(std::move(sockets.listener), Port::kInference);
  if (sockets.management_listener) {
    add_listener(std::move(sockets.management_listener), Port::kManagement);
  }
}

void Gateway::add_listener(UniqueFd socket, Port port) {
  auto& place = port == Port::kInference ? listener_ : management_listener_;
  place = std::make_unique<Listener>(*loop_, std::move(socket), port, server_);
}

Status Gateway::start() {
  server_.on_change([this] { on_connections_changed(); });
  RETURN_IF_ERROR(host_.start());
  RETURN_IF_ERROR(listener_->start());
  if (management_listener_) RETURN_IF_ERROR(management_listener_->start());
  return {};
}

void Gateway::run() {
  host_.send({{"type", "serving"}});
  loop_->run();
}

void Gateway::on_connections_changed() {
  listener_->resume();
  if (management_listener_) management_listener_->resume();
  drain_.check();
}

void Gateway::on_model(std::string name, std::uint32_t version, std::string segment) {
  auto info = read_info_(segment);
  if (!info) {
    log_line(fmt::format("model {}: segment {}: {}", name, segment, info.error().text),
             LogLevel::kError);
    return;
  }
  models_.add({std::move(name), version, std::move(segment), std::move(*info)});
}

void Gateway::on_worker(std::uint64_t id, UniqueFd socket) {
  dispatcher_.add_worker(id, std::move(socket));
}

void Gateway::on_ready() { lifecycle_.ready = true; }

void Gateway::on_drain() {
  if (lifecycle_.draining) return;
  lifecycle_.draining = true;
  drain_.begin();
  server_.drain();
  listener_->close();
  // The management port answers to the end: health checks there see the server go.
}

void Gateway::on_host_gone() { on_drain(); }

}  // namespace onecopy::gateway
