// Bodies and queries of every endpoint. What is accepted keeps to the limits and is valid UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/api/json_text.h"
#include "gateway/api/request_json.h"
#include "shared/base/limits.h"
#include "shared/base/utf8.h"

namespace gateway = onecopy::gateway;

namespace {

void check(const gateway::Work& work) {
  if (work.texts.empty() || work.texts.size() > onecopy::limits::kEmbedInputs) std::abort();
  for (const auto& text : work.texts) {
    if (text.text.size() > onecopy::limits::kTextBytes) std::abort();
    if (!onecopy::utf8::is_valid(text.text)) std::abort();
    if (text.pair && !onecopy::utf8::is_valid(*text.pair)) std::abort();
    // What goes in comes out, through our writer and the library's reader.
    std::string json;
    gateway::append_json_string(text.text, json);
    if (onecopy::Json::parse(json).get<std::string>() != text.text) std::abort();
  }
}

template <class T>
void check_error(const onecopy::Result<T>& result) {
  if (result) return;
  if (!onecopy::utf8::is_valid(
          onecopy::Json::parse(gateway::error_body(result.error().text)).dump())) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto fields = data[0] % 2 == 0 ? gateway::RequestFields::from_json(body)
                                 : gateway::RequestFields::from_query(
                                       {{"question", std::string(body.substr(0, body.size() / 2))},
                                        {"context", "c"},
                                        {std::string(body.substr(body.size() / 2)), "1"}});
  check_error(fields);
  if (fields) {
    const auto question = gateway::parse_question(*fields);
    const auto classification = gateway::parse_classification(*fields);
    const auto embed = gateway::parse_embed(*fields);
    check_error(question);
    check_error(classification);
    check_error(embed);
    if (question) check(*question);
    if (classification) check(*classification);
    if (embed) check(embed->work);
  }
  const auto plain = gateway::parse_plain_text(std::string(body));
  if (plain) check(*plain);
  (void)gateway::parse_timeout(std::string(body));
  return 0;
}
