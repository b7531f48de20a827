// The connections of the gateway, within their bound.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "gateway/http/http_connection.h"
#include "gateway/http/http_message.h"
#include "gateway/http/listener.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"

namespace onecopy::gateway {

// Class HttpServer: owns the connections; borrows the loop and what answers the requests.
class HttpServer final : public Listener::Room {
 public:
  HttpServer(EventLoop& loop, const Settings& settings, HttpHandler& handler);
  ~HttpServer() override;

  bool has_room() const override { return connections_.size() < max_connections_; }
  // Closes the connection that has been idle for longest, unless its client may just be about to
  // send on it.
  bool make_room() override;
  void add(UniqueFd socket, Port port) override;

  // From now on every reply ends its connection, and idle connections are closed.
  void drain();
  bool draining() const { return draining_; }
  // So few places are left that replies end their connections, for others to have one.
  bool is_crowded() const;
  // Connections on which a request or a reply is under way.
  std::size_t active() const { return connections_.size() - idle_.size(); }

  // Called whenever a connection has become idle or was closed.
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

 private:
  friend class HttpConnection;
  void became_idle(HttpConnection& connection);
  void became_active(HttpConnection& connection);
  void closed(HttpConnection& connection);
  // Whether all connections together may hold so many bytes more. Small ones always may.
  bool may_hold(std::size_t bytes) const;

  EventLoop& loop_;
  Settings settings_;
  HttpHandler& handler_;
  std::list<std::shared_ptr<HttpConnection>> connections_;
  std::list<HttpConnection*> idle_;  // longest idle first
  std::function<void()> changed_ = [] {};
  std::size_t max_connections_;
  std::size_t held_bytes_ = 0;  // of bodies and replies, of all connections
  bool draining_ = false;
};

}  // namespace onecopy::gateway
