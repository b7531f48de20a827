#include "tools/cli/ask_command.h"

#include <fmt/format.h>
#include <httplib.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "shared/base/limits.h"
#include "shared/segment/names.h"

namespace onecopy::tools {
namespace {

int complain(int exit_code, const std::string& text) {
  fmt::print(stderr, "onecopy ask: {}\n", text);
  return exit_code;
}

// http://HOST[:PORT] and perhaps a last slash: what the client library takes without guessing.
bool is_server_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  return !url.empty() && url.find_first_of("/?#@ ") == std::string_view::npos;
}

// The reply's own words, if it is one of ours.
std::string error_text(const httplib::Response& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  const std::string text = json.is_object() && json.contains("error") && json["error"].is_string()
                               ? json["error"].get<std::string>()
                               : "is this a onecopy server?";
  return fmt::format("the server answered {}: {}", response.status, text);
}

std::string no_reply_text(const std::string& url, httplib::Error error) {
  if (error == httplib::Error::Connection) {
    return fmt::format("cannot connect to {}; is onecopy serve running there?", url);
  }
  return fmt::format("{} ended the connection without a reply (client library: {}); try again", url,
                     httplib::to_string(error));
}

std::string request_body(const AskOptions& options) {
  using Json = nlohmann::json;
  return Json{{"question", options.question}, {"context", options.context}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

int run_ask(const AskOptions& options) {
  std::string url = options.url;
  if (url.ends_with('/')) url.pop_back();
  if (!is_server_url(url)) {
    return complain(2, fmt::format("--url {}: must be http://HOST:PORT", options.url));
  }
  if (!is_valid_name(options.model)) {
    return complain(2, fmt::format("--model {}: {}", options.model, kNameRule));
  }
  httplib::Client client(url);
  if (!client.is_valid()) {
    return complain(2, fmt::format("--url {}: must be http://HOST:PORT", options.url));
  }
  client.set_connection_timeout(std::chrono::seconds(5));
  client.set_read_timeout(limits::kMaxRequestDeadline);
  const httplib::Result reply =
      client.Post("/qa/" + options.model, request_body(options), "application/json");
  if (!reply) return complain(1, no_reply_text(url, reply.error()));
  if (reply->status != 200) return complain(1, error_text(*reply));
  fmt::print("{}\n", reply->body);
  return 0;
}

}  // namespace onecopy::tools
