// The messages by which the host steers nursery and gateway: small JSON objects over a channel.
//
//   host -> gateway   {"type":"model","name","version","segment"}   a model to serve
//                     {"type":"worker","id"} + the worker's socket   a worker to give requests to
//                     {"type":"ready"}                               all is loaded: report ready
//                     {"type":"drain"}                               finish, take nothing new, exit
//   gateway -> host   {"type":"serving"}, {"type":"worker_gone","id"}, {"type":"drained"}
//   host -> nursery   {"type":"model","segment"}                     attach it before forking
//   workers
//                     {"type":"fork","id"} + the worker's end of its socket
//                     {"type":"stop"}                                the gateway has ended: end all
//                                                                    workers, exit
//   nursery -> host   {"type":"hello"} once; {"type":"forked","id"} and later
//                     {"type":"exited","id","pid","how"} for each worker
#pragma once

#include "shared/base/json.h"
#include "shared/base/status.h"
#include "shared/protocol/channel.h"

namespace onecopy {

Status send_control(int channel, const Json& message, int fd = -1);

struct ControlMessage {
  std::string type;
  Json body;
  UniqueFd fd;
};
// Waits for one message; errors as receive_message, and kCorrupt for one that is no object with a
// type.
Result<ControlMessage> receive_control(int channel);

// A non-negative integer field; kCorrupt when it is missing or another thing.
Result<std::uint64_t> number_field(const Json& body, const char* key);
Result<std::string> text_field(const Json& body, const char* key);

}  // namespace onecopy
