#include "worker/process/nursery.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "shared/base/event_loop.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/protocol/host_link.h"
#include "worker/process/children.h"
#include "worker/process/gateway_link.h"
#include "worker/process/segment_names.h"
#include "worker/process/trials.h"

namespace onecopy::worker {
namespace {

// A host that finds us tells us who the gateway is, unless we know.
Json hello_with(const Json& arithmetic, bool has_gateway) {
  Json hello = to_json(Hello{.role = std::string(to_string(Role::kNursery)), .pid = ::getpid()});
  hello.update(arithmetic);
  hello["has_gateway"] = has_gateway;
  return hello;
}

// Class Nursery: what it is told by host and gateway, and when it ends. The registry is only kept
// for the next host.
class Nursery final : private HostLink::Events, private GatewayLink::Events {
 public:
  Nursery(EventLoop& loop, NurseryOptions options, char** argv)
      : loop_(loop),
        instance_(std::move(options.instance)),
        end_alone_(options.end_alone),
        arithmetic_(std::move(options.arithmetic)),
        children_(loop, argv),
        host_(loop, *this, std::move(options.rendezvous), hello_with(arithmetic_, false)),
        gateway_(loop, *this, children_, options.threads),
        trials_(children_, [this](const Json& done) { host_.send(done); }),
        alone_(loop, [this] { end_of_instance(); }) {}

  Status start() {
    alone_.set_after(limits::kAloneDeadline);
    return host_.start();
  }

 private:
  void on_host_connected() override {
    trials_.cancel_all();  // of a host that this one replaces
    connections_changed();
  }
  void on_host_gone() override {
    trials_.cancel_all();
    connections_changed();
  }
  std::vector<FailedSegment> on_registry(const RegistrySnapshot& /*registry*/) override {
    return {};
  }
  void on_listener(const std::string& /*port*/) override {}
  void on_host_message(ControlMessage& message) override {
    if (trials_.handle(message)) return;
    if (message.type == "stop") return end();
    if (message.type == "gateway" && message.fd) {
      gateway_.connect(std::move(message.fd));
      return connections_changed();
    }
    log_line(fmt::format("unexpected message of the host: {}", message.type), LogLevel::kWarning);
  }

  // While a gateway is there, it is what is asked to stop, and drains first.
  void on_stop_asked() override {
    if (!gateway_.is_open()) end_of_instance();
  }
  void on_gateway_gone() override { connections_changed(); }
  // With a host, it is the host who decides.
  void on_gateway_stop() override {
    if (!host_.has_host()) end();
  }

  void connections_changed() {
    host_.set_hello(hello_with(arithmetic_, gateway_.is_open()));
    if (host_.has_host() || gateway_.is_open()) return alone_.clear();
    if (end_alone_) return end_of_instance();
    alone_.set_after(limits::kAloneDeadline);
  }

  // Nobody else is left who knows the segments.
  void end_of_instance() {
    host_.close_rendezvous();  // a host that starts now shall not take over from here
    remove_names_of_the_dead(instance_, host_.kept());
    end();
  }

  void end() {
    children_.kill_all(limits::kKillDeadline);
    loop_.stop();
  }

  EventLoop& loop_;
  std::string instance_;
  bool end_alone_;
  Json arithmetic_;
  Children children_;
  HostLink host_;
  GatewayLink gateway_;
  Trials trials_;
  Timer alone_;
};

}  // namespace

int run_nursery(NurseryOptions options, char** argv) {
  auto loop = EventLoop::create();
  if (!loop) {
    log_line(loop.error().text, LogLevel::kError);
    return 1;
  }
  Nursery nursery(**loop, std::move(options), argv);
  if (const Status started = nursery.start(); !started) {
    log_line(started.error().text, LogLevel::kError);
    return 1;
  }
  (*loop)->run();
  return 0;
}

}  // namespace onecopy::worker
