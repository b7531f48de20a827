// The connections of the gateway, within their bound.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "gateway/event_loop.h"
#include "gateway/head_parser.h"
#include "gateway/http_connection.h"
#include "gateway/http_message.h"
#include "gateway/settings.h"

namespace onecopy::gateway {

// Class HttpServer: owns the connections; borrows the loop and what answers the requests.
class HttpServer {
 public:
  HttpServer(EventLoop& loop, const Settings& settings, HttpHandler& handler);
  ~HttpServer();

  // Whether one more connection may be accepted. When all places are taken, the connection that has
  // been idle for longest gives its own up.
  bool make_room();
  void add(UniqueFd socket, Port port);

  // From now on every reply ends its connection, and idle connections are closed.
  void drain();
  bool draining() const { return draining_; }
  // Connections on which a request or a reply is under way.
  std::size_t active() const { return connections_.size() - idle_.size(); }

  // Called whenever a connection has become idle or was closed.
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

 private:
  friend class HttpConnection;
  void became_idle(HttpConnection& connection);
  void became_active(HttpConnection& connection);
  void closed(HttpConnection& connection);

  EventLoop& loop_;
  Settings settings_;
  HttpHandler& handler_;
  HeadParser parser_;
  std::list<std::shared_ptr<HttpConnection>> connections_;
  std::list<HttpConnection*> idle_;  // longest idle first
  std::function<void()> changed_ = [] {};
  std::size_t max_connections_;
  bool draining_ = false;
};

}  // namespace onecopy::gateway
