// An HTTP client that sends exactly the bytes it is told to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "shared/base/json.h"
#include "shared/base/unique_fd.h"

namespace onecopy::gateway {

struct RawReply {
  int status = 0;  // 0: the connection ended before a reply
  std::string head;
  std::string body;

  // The value of a header; empty if it is not there.
  std::string header(std::string_view name) const;
  std::string error() const { return Json::parse(body).at("error").get<std::string>(); }
  Json json() const { return Json::parse(body); }
};

// Waits until nothing is left in the socket's buffer: TCP's other end has it in its own, a local
// socket's has read it.
void wait_until_sent(int socket);

// Class RawClient: one connection to 127.0.0.1. Reads give up after 30 s, so that a test fails and
// never hangs.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);

  bool send(std::string_view bytes);
  RawReply read_reply(bool to_head = false);
  // Whether the gateway has ended the connection (waits for it).
  bool ended();
  // Waits until what was sent, and the end if it was, lies in the gateway's socket.
  void wait_until_delivered() const;
  void finish_sending();
  void close();
  int fd() const { return socket_.get(); }

  RawReply get(std::string_view target, std::string_view headers = "");
  RawReply post(std::string_view target, std::string_view body, std::string_view headers = "");

 private:
  bool read_more();

  UniqueFd socket_;
  std::string input_;
};

std::string get_request(std::string_view target, std::string_view headers = "");
std::string post_request(std::string_view target, std::string_view body,
                         std::string_view headers = "");

}  // namespace onecopy::gateway
