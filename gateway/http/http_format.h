// The head of a reply as bytes.
#pragma once

#include <string>
#include <string_view>

#include "gateway/http/http_message.h"

namespace onecopy::gateway {

std::string_view reason_phrase(int status);

std::string format_reply_head(const HttpReply& reply, bool keep_alive);

// What every reply's head begins with.
inline constexpr std::string_view kReplyBeginning = "HTTP/1.1 ";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace onecopy::gateway
