// onecopy: the command line. Each command is one file beside this one; serve is the program
// onecopy-host.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/process.h"
#include "shared/base/status.h"
#include "tools/cli/ask_command.h"
#include "tools/cli/clean_command.h"
#include "tools/cli/inspect_command.h"
#include "tools/cli/instance_command.h"
#include "tools/cli/tokenize_command.h"

namespace {

// Becomes onecopy-host with the arguments after "serve"; returns only when that fails.
int become_host(char** argv) {
  const std::string program = (onecopy::program_folder() / "onecopy-host").string();
  std::string name = "onecopy-host";
  argv[1] = name.data();
  ::execv(program.c_str(), argv + 1);
  fmt::print(stderr, "onecopy: cannot run {}: {}\n", program, onecopy::errno_text());
  return 1;
}

struct Commands {
  CLI::App app{"onecopy: one copy of every model in memory, any worker serves any model.",
               "onecopy"};
  std::optional<std::string> instance;
  std::string running = "default";
  bool json = false;
  std::string folder;
  onecopy::tools::AskOptions ask;

  CLI::App* serve =
      app.add_subcommand("serve", "load models and serve them over HTTP (serve --help)");
  CLI::App* inspect = app.add_subcommand("inspect", "what lies in shared memory and who maps it");
  CLI::App* clean =
      app.add_subcommand("clean", "remove what dead instances left behind, never a live one's");
  CLI::App* stop = app.add_subcommand("stop", "end an instance in order and wait for that");
  CLI::App* reload =
      app.add_subcommand("reload", "have an instance read its config file anew, as SIGHUP does");
  CLI::App* tokenize = app.add_subcommand(
      "tokenize",
      R"(stdin: lines of {"text","pair"}; stdout: lines of {"ids","type_ids","offsets"})");
  CLI::App* asking = app.add_subcommand("ask", "ask a running server one question");

  Commands() {
    app.set_version_flag("--version", "onecopy " ONECOPY_VERSION);
    app.require_subcommand(1);
    inspect->add_option("--instance", instance, "this instance only");
    inspect->add_flag("--json", json, "for scripts");
    for (CLI::App* command : {stop, reload}) {
      command->add_option("--instance", running, "which")->capture_default_str();
    }
    tokenize->add_option("DIR", folder, "model folder with the tokenizer's files")->required();
    asking->add_option("--url", ask.url, "the server")->capture_default_str();
    asking->add_option("--model", ask.model, "the model's name")->required();
    asking->add_option("QUESTION", ask.question)->required();
    asking->add_option("CONTEXT", ask.context, "the text to find the answer in")->required();
  }
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc > 1 && std::string_view(argv[1]) == "serve") return become_host(argv);
  Commands commands;
  try {
    commands.app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return commands.app.exit(e) == 0 ? 0 : 2;
  }
  if (*commands.inspect) return onecopy::tools::run_inspect(commands.instance, commands.json);
  if (*commands.clean) return onecopy::tools::run_clean();
  if (*commands.stop) return onecopy::tools::run_stop(commands.running);
  if (*commands.reload) return onecopy::tools::run_reload(commands.running);
  if (*commands.tokenize) return onecopy::tools::run_tokenize(commands.folder);
  return onecopy::tools::run_ask(commands.ask);
} catch (const std::exception& error) {
  fmt::print(stderr, "onecopy: {}\n", error.what());
  return 1;
}
