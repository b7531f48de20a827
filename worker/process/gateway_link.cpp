#include "worker/process/gateway_link.h"

#include <unistd.h>

#include <utility>

#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/process.h"
#include "shared/protocol/rendezvous.h"
#include "worker/process/serve_loop.h"

namespace onecopy::worker {

GatewayLink::GatewayLink(EventLoop& loop, Events& events, Children& children, unsigned threads)
    : loop_(loop), events_(events), children_(children), threads_(threads) {}

GatewayLink::~GatewayLink() { disconnect(); }

void GatewayLink::connect(UniqueFd channel) {
  disconnect();
  ControlLink::Events& events = *this;
  auto link = std::make_shared<ControlLink>(loop_, events, std::move(channel));
  if (const Status started = link->start(); !started)
    return log_line(started.error().text, LogLevel::kError);
  link_ = std::move(link);
  link_->send(to_json(Hello{.role = std::string(to_string(Role::kNursery)), .pid = ::getpid()}));
}

void GatewayLink::disconnect() {
  if (link_ == nullptr) return;
  link_->close();
  loop_.dispose(std::move(link_));  // not at once: this may be within a call of its own
  link_ = nullptr;
  greeted_ = false;
  for (const auto& [id, worker] : std::exchange(workers_, {})) {
    worker->kill_after(limits::kDrainDeadline);
  }
}

void GatewayLink::on_message(ControlLink& /*link*/, ControlMessage& message) {
  if (!greeted_) {
    const auto hello = check_hello(message);
    greeted_ = hello.has_value();
    if (greeted_) return;
    log_line(hello.error().text, LogLevel::kWarning);
    disconnect();
    return events_.on_gateway_gone();
  }
  if (message.type == "fork") return fork_worker(message);
  if (message.type == "stop") return events_.on_gateway_stop();
  log_line(fmt::format("unexpected message of the gateway: {}", message.type), LogLevel::kWarning);
}

void GatewayLink::on_closed(ControlLink& /*link*/, const std::string& /*why*/) {
  disconnect();
  events_.on_gateway_gone();
}

void GatewayLink::fork_worker(ControlMessage& message) {
  const auto id = number_field(message.body, "id");
  if (!id) return log_line(id.error().text, LogLevel::kWarning);
  const Result<Child*> worker =
      message.fd ? start_worker(*id, std::move(message.fd))
                 : fail(ErrorCode::kCorrupt, "fork: it came without the worker's socket");
  if (!worker) {
    return link_->send({{"type", "fork_failed"}, {"id", *id}, {"error", worker.error().text}});
  }
  workers_[*id] = *worker;
  link_->send({{"type", "forked"}, {"id", *id}, {"pid", (*worker)->pid()}}, (*worker)->pidfd());
}

Result<Child*> GatewayLink::start_worker(std::uint64_t id, UniqueFd socket) {
  if (workers_.contains(id)) return fail(ErrorCode::kCorrupt, "fork: worker {} is alive", id);
  // Those of a gateway that died may still be ending while the next one starts its own.
  if (children_.count() >= 2 * limits::kWorkers + limits::kTrials) {
    return fail(ErrorCode::kTooLarge, "fork: there are {} processes already", children_.count());
  }
  const ChildPlan plan{
      .name = "onecopy-worker",
      .keeps = {socket.get()},
      .run = [&] { return serve(std::move(socket), threads_); },
  };
  const std::weak_ptr<ControlLink> gateway = link_;
  return children_.start(plan, [this, id, gateway](Child& child, int status) {
    // To nobody but the gateway that asked for it.
    if (gateway.expired() || gateway.lock() != link_) return;
    workers_.erase(id);
    link_->send(
        {{"type", "exited"}, {"id", id}, {"pid", child.pid()}, {"how", how_it_ended(status)}});
  });
}

}  // namespace onecopy::worker
