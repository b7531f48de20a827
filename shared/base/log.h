// The log: lines on standard error, which whoever started onecopy reads (systemd, a container).
// Standard output is for scripts and not written here.
//
//   2026-11-28T07:13:20.123Z warning onecopy-gateway[4711] default: worker 3: ...
//
// time (UTC), level, process and its number, instance where it is known, text.
//
// Writing never waits: a process must go on serving, supervising and ending whether somebody reads
// its standard error or not. Where there is no room, the line is dropped, and the next one that
// finds room says how many were.
#pragma once

#include <string_view>

namespace onecopy {

enum class LogLevel {
  kInfo,     // what an operator may want to know: nothing has to be done
  kWarning,  // something ended or was refused, and onecopy goes on by itself
  kError,    // something does not work until somebody acts
};

// One line; control characters become blanks, and what is longer than limits::kLogTextBytes is
// cut. Any thread may call it.
void log_line(std::string_view text, LogLevel level = LogLevel::kInfo);

// The instance that all later lines name. At the start, before there are threads.
void set_log_instance(std::string_view instance);

}  // namespace onecopy
