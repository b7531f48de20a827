// `onecopy ask`: one question to a running server.
#pragma once

#include <string>

namespace onecopy::tools {

struct AskOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string model;
  std::string question;
  std::string context;
};

// Prints the server's reply, one line of JSON, and returns 0; or one line on standard error and 1,
// or 2 when the command itself is wrong.
int run_ask(const AskOptions& options);

}  // namespace onecopy::tools
