#include "gateway/http/http_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace onecopy::gateway {
namespace {

// Half of the descriptors are kept for workers, mailboxes and segments.
std::size_t bounded_by_descriptors(std::size_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  return std::min<std::size_t>(connections, std::max<std::size_t>(1, limit.rlim_cur / 2));
}

}  // namespace

HttpServer::HttpServer(EventLoop& loop, const Settings& settings, HttpHandler& handler)
    : loop_(loop),
      settings_(settings),
      handler_(handler),
      max_connections_(bounded_by_descriptors(settings.connections)) {}

HttpServer::~HttpServer() {
  changed_ = [] {};
  while (!connections_.empty()) connections_.front()->close();
}

bool HttpServer::is_crowded() const {
  return connections_.size() * limits::kCrowdedParts >=
         max_connections_ * (limits::kCrowdedParts - 1);
}

bool HttpServer::make_room() {
  if (idle_.empty() || Clock::now() < idle_.front()->idle_since_ + settings_.idle_grace)
    return false;
  idle_.front()->close();
  return true;
}

void HttpServer::add(UniqueFd socket, Port port) {
  auto connection = std::make_shared<HttpConnection>(*this, std::move(socket), port);
  HttpConnection& added = *connection;
  added.place_ = connections_.insert(connections_.end(), std::move(connection));
  added.idle_place_ = idle_.insert(idle_.end(), &added);
  added.idle_since_ = Clock::now();
  if (!added.start()) added.close();
}

void HttpServer::drain() {
  draining_ = true;
  const std::list<HttpConnection*> idle = idle_;
  for (HttpConnection* connection : idle) {
    connection->advance();  // a request that has arrived already is still taken
    if (connection->is_idle()) connection->close();
  }
}

bool HttpServer::may_hold(std::size_t bytes) const {
  constexpr std::size_t kSmall = 64u << 10;
  return bytes <= kSmall || held_bytes_ + bytes <= settings_.buffered_bytes;
}

void HttpServer::became_idle(HttpConnection& connection) {
  connection.idle_place_ = idle_.insert(idle_.end(), &connection);
  connection.idle_since_ = Clock::now();
  changed_();
}

void HttpServer::became_active(HttpConnection& connection) { idle_.erase(connection.idle_place_); }

void HttpServer::closed(HttpConnection& connection) {
  if (connection.is_idle()) idle_.erase(connection.idle_place_);
  loop_.dispose(std::move(*connection.place_));
  connections_.erase(connection.place_);
  changed_();
}

}  // namespace onecopy::gateway
