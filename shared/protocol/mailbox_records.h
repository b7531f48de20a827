// One request or reply as a record of a mailbox, and back. What is read was copied out of shared
// memory before, and every field is checked. Only for mailbox.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared/protocol/mailbox.h"
#include "shared/protocol/mailbox_format.h"

namespace onecopy {

RequestRecord record_of(const WorkRequest& request);
Status check_batch(const RequestBatch& batch, std::uint64_t epoch);
// `room` is what the requests before this one left of the area for texts.
Status check_request(const RequestRecord& record, std::size_t room);
// `texts` begins with the request's own, whose sizes were checked.
void fill(WorkRequest& request, const RequestRecord& record, std::string_view texts);

// Writes the payload to `to`, where there is room for kItemReplyBytes. What does not fit becomes
// an error.
ReplyRecord write_reply(const WorkReply& reply, std::byte* to);
// `payload` are kItemReplyBytes, of which the record says how many are the reply's; `context_bytes`
// is the length of the request's pair, which answers must lie in.
Result<WorkReply> read_reply(const ReplyRecord& record, const std::byte* payload, Task task,
                             std::size_t context_bytes);

}  // namespace onecopy
