// Any bytes as a message of a control channel: refused, or an object with a type whose fields are
// read with their types.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "shared/protocol/control.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onecopy;  // NOLINT: a program of one file
  Message message;
  message.bytes.assign(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_control(std::move(message));
  if (!parsed) return 0;
  if (!parsed->body.is_object() || parsed->body.at("type") != parsed->type) std::abort();
  for (const char* key : {"id", "pid", "revision", "protocol"}) {
    const auto number = number_field(parsed->body, key);
    if (number && parsed->body.at(key) != *number) std::abort();
  }
  for (const char* key : {"segment", "version", "role", "error"}) {
    const auto text = text_field(parsed->body, key);
    if (text && parsed->body.at(key) != *text) std::abort();
  }
  (void)check_hello(*parsed);
  return 0;
}
