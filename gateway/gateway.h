// The gateway as a whole: puts its parts together and follows the host's word.
#pragma once

#include <memory>
#include <optional>

#include "gateway/api/api.h"
#include "gateway/api/routes.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/dispatch/model_catalogue.h"
#include "gateway/drain.h"
#include "gateway/host_link.h"
#include "gateway/http/http_server.h"
#include "gateway/http/listener.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"

namespace onecopy::gateway {

// What the host hands over at the start.
struct Sockets {
  UniqueFd control;
  UniqueFd listener;
  UniqueFd management_listener;  // none: no management port
};

// Class Gateway: owns everything. One thread, which run() keeps until the gateway has drained.
class Gateway final : private HostLink::Events {
 public:
  static Result<std::unique_ptr<Gateway>> create(Sockets sockets, Settings settings = {},
                                                 ReadModelInfo read_info = read_model_info);
  ~Gateway() override = default;

  void run();
  // As the host's "drain"; only from the loop's thread.
  void drain() { on_drain(); }
  EventLoop& loop() { return *loop_; }

 private:
  Gateway(std::unique_ptr<EventLoop> loop, Sockets sockets, Settings settings,
          ReadModelInfo read_info);
  Status start();
  void add_listener(UniqueFd socket, Port port);
  void on_connections_changed();

  void on_model(std::string name, std::uint32_t version, std::string segment) override;
  void on_worker(std::uint64_t id, UniqueFd socket) override;
  void on_ready() override;
  void on_drain() override;
  void on_host_gone() override;

  // In the order of dependence: what is destroyed first is used by none of the others.
  const Settings settings_;
  const ReadModelInfo read_info_;
  std::unique_ptr<EventLoop> loop_;
  Lifecycle lifecycle_;
  ModelCatalogue models_;
  HostLink host_;
  Dispatcher dispatcher_;
  Router router_;
  HttpServer server_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener> management_listener_;
  Drain drain_;
};

}  // namespace onecopy::gateway
