#include "shared/protocol/control.h"

#include <utility>

namespace onecopy {

Result<ControlMessage> parse_control(Message message) {
  auto body = parse_json(message.bytes);
  if (!body || !body->is_object())
    return fail(ErrorCode::kCorrupt, "control message: not a JSON object");
  ASSIGN_OR_RETURN(std::string type, text_field(*body, "type"));
  return ControlMessage{std::move(type), std::move(*body), std::move(message.fd)};
}

Status send_control(int channel, const Json& message, int fd) {
  const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  return send_message(channel, std::as_bytes(std::span(text)), fd);
}

Result<ControlMessage> receive_control(int channel) {
  ASSIGN_OR_RETURN(Message message, receive_message(channel));
  return parse_control(std::move(message));
}

const Json* find_field(const Json& body, const char* key) {
  const auto found = body.find(key);
  return found == body.end() ? nullptr : &*found;
}

Result<std::uint64_t> number_field(const Json& body, const char* key) {
  const Json* const found = find_field(body, key);
  if (found == nullptr || !found->is_number_unsigned()) {
    return fail(ErrorCode::kCorrupt, "control message: no number \"{}\"", key);
  }
  return found->get<std::uint64_t>();
}

Result<std::string> text_field(const Json& body, const char* key) {
  const Json* const found = find_field(body, key);
  if (found == nullptr || !found->is_string()) {
    return fail(ErrorCode::kCorrupt, "control message: no text \"{}\"", key);
  }
  return found->get<std::string>();
}

Json to_json(const Hello& hello) {
  return {{"type", "hello"},
          {"protocol", hello.protocol},
          {"version", hello.version},
          {"role", hello.role},
          {"pid", hello.pid}};
}

Result<Hello> check_hello(const ControlMessage& message) {
  if (message.type != "hello") {
    return fail(ErrorCode::kCorrupt, "control message: '{}' came before a hello", message.type);
  }
  Hello hello;
  ASSIGN_OR_RETURN(hello.protocol, number_field(message.body, "protocol"));
  ASSIGN_OR_RETURN(hello.version, text_field(message.body, "version"));
  ASSIGN_OR_RETURN(hello.role, text_field(message.body, "role"));
  ASSIGN_OR_RETURN(const std::uint64_t pid, number_field(message.body, "pid"));
  hello.pid = static_cast<std::int64_t>(pid);
  if (hello.protocol != kProtocolVersion) {
    return fail(ErrorCode::kUnsupported,
                "the {} (process {}) is onecopy {} and speaks protocol {}; this is onecopy {} with "
                "protocol {}: end "
                "the other first",
                hello.role, hello.pid, hello.version, hello.protocol, ONECOPY_VERSION,
                kProtocolVersion);
  }
  return hello;
}

}  // namespace onecopy
