#include "shared/protocol/control.h"

namespace onecopy {

Status send_control(int channel, const Json& message, int fd) {
  const std::string text = message.dump();
  return send_message(channel, std::as_bytes(std::span(text)), fd);
}

Result<ControlMessage> receive_control(int channel) {
  ASSIGN_OR_RETURN(Message message, receive_message(channel));
  auto body = parse_json(message.bytes);
  if (!body || !body->is_object())
    return fail(ErrorCode::kCorrupt, "control message: not a JSON object");
  ASSIGN_OR_RETURN(std::string type, text_field(*body, "type"));
  return ControlMessage{std::move(type), std::move(*body), std::move(message.fd)};
}

Result<std::uint64_t> number_field(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_number_unsigned()) {
    return fail(ErrorCode::kCorrupt, "control message: no number \"{}\"", key);
  }
  return found->get<std::uint64_t>();
}

Result<std::string> text_field(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_string()) {
    return fail(ErrorCode::kCorrupt, "control message: no text \"{}\"", key);
  }
  return found->get<std::string>();
}

}  // namespace onecopy
