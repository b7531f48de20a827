// The messages by which host, gateway and nursery work together: small JSON objects over a channel,
// some with a descriptor beside them. docs/control_protocol.md lists all of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/json.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/channel.h"

namespace onecopy {

// Raise it with every change of what the messages, the registry's JSON or the mailbox mean:
// processes of different versions refuse each other by name instead of guessing.
inline constexpr std::uint64_t kProtocolVersion = 3;

struct ControlMessage {
  std::string type;
  Json body;
  UniqueFd fd;
};

// kCorrupt: not a JSON object with a text "type".
Result<ControlMessage> parse_control(Message message);

Status send_control(int channel, const Json& message, int fd = -1);
// Waits for one message unless the channel does not block; errors as receive_message's and
// parse_control's.
Result<ControlMessage> receive_control(int channel);

// A field of a message; kCorrupt when it is missing or of another type.
Result<std::uint64_t> number_field(const Json& body, const char* key);
Result<std::string> text_field(const Json& body, const char* key);
// Null where it is missing.
const Json* find_field(const Json& body, const char* key);

// ---- hello: the first message of each side of every channel ----

struct Hello {
  std::uint64_t protocol = kProtocolVersion;
  std::string version = ONECOPY_VERSION;  // of the program
  std::string role;
  std::int64_t pid = 0;
};
Json to_json(const Hello& hello);
// kUnsupported when it speaks another protocol; the text names both versions and who it is.
Result<Hello> check_hello(const ControlMessage& message);

}  // namespace onecopy
