// Writing JSON piece by piece into one buffer.
#pragma once

#include <string>
#include <string_view>

namespace onecopy::gateway {

// A string in quotes, as UTF-8. Bytes that are not UTF-8 become U+FFFD, so that the result is
// always valid.
void append_json_string(std::string_view text, std::string& to);

// The shortest decimal that reads back as the same value, laid out as Python's json does (1.0,
// 5e-07, 1e+16). Precondition: finite.
void append_json_number(double value, std::string& to);
void append_json_number(float value, std::string& to);

// {"error": text}
std::string error_body(std::string_view text);

}  // namespace onecopy::gateway
