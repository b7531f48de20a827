// The gateway as a whole: puts its parts together and follows the host's word while there is a
// host.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/api/api.h"
#include "gateway/api/routes.h"
#include "gateway/control/host_commands.h"
#include "gateway/control/nursery_link.h"
#include "gateway/control/open_models.h"
#include "gateway/control/termination.h"
#include "gateway/dispatch/answers.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/dispatch/model_catalogue.h"
#include "gateway/dispatch/shadow_traffic.h"
#include "gateway/dispatch/worker_pool.h"
#include "gateway/drain.h"
#include "gateway/http/http_server.h"
#include "gateway/http/listener.h"
#include "gateway/lifecycle.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/host_link.h"

namespace onecopy::gateway {

// Class Gateway: owns everything. One thread, which run() keeps until the gateway has drained.
// Without a host it goes on serving; what it needs for that it has by descriptor.
class Gateway final : private HostLink::Events,
                      private NurseryLink::Events,
                      private Dispatcher::Events {
 public:
  // `rendezvous`: the listening socket at which hosts connect.
  static Result<std::unique_ptr<Gateway>> create(UniqueFd rendezvous, Settings settings = {},
                                                 ReadSegment read = read_segment);
  ~Gateway() override = default;

  // From now on the signals that block_termination() blocked end it where there is no host.
  Status watch_termination() { return termination_.start(); }
  void run();

 private:
  Gateway(std::unique_ptr<EventLoop> loop, UniqueFd rendezvous, Settings settings,
          ReadSegment read);
  Status start();
  void on_connections_changed();
  void on_termination(int signal);
  void apply_settings(const Json& message);
  Json hello() const;
  void tell_workers();
  void drain();
  void finish();
  void end_alone();

  void on_host_connected() override;
  void on_host_gone() override;
  std::vector<FailedSegment> on_registry(const RegistrySnapshot& registry) override;
  void on_listener(const std::string& port) override;
  void on_host_message(ControlMessage& message) override;
  void on_stop_asked() override;

  void on_nursery_changed() override;
  void on_forked(std::uint64_t id, pid_t pid, UniqueFd process) override;
  void on_fork_failed(std::uint64_t id, const std::string& why) override;
  void on_exited(std::uint64_t id, const std::string& how) override;

  void on_worker_gone(std::uint64_t id) override;
  void on_load_changed() override;

  // In the order of dependence: what is destroyed first is used by none of the others.
  const Settings settings_;
  std::unique_ptr<EventLoop> loop_;
  Lifecycle lifecycle_;
  ManagementAccess access_;
  ModelCatalogue models_;
  Dispatcher dispatcher_;
  Answers answers_;
  OpenModels open_models_;
  ShadowTraffic shadows_;
  NurseryLink nursery_;
  WorkerPool pool_;
  HostLink host_;
  HostCommands commands_;
  Router router_;
  HttpServer server_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener> management_listener_;
  Drain drain_;
  Termination termination_;
  Timer last_words_;  // armed: for messages on their way, before the end
};

}  // namespace onecopy::gateway
