// What a person or a script reads on standard output while the host starts.
#pragma once

#include <memory>
#include <string>

#include "host/control/progress_bar.h"
#include "host/control/registrations.h"

namespace onecopy::host {

// Class StartReport: lines for scripts and people alike, whole and at once, also into a pipe; the
// progress of a load on a terminal. One thread.
class StartReport {
 public:
  void progress(const std::string& model, std::uint64_t done, std::uint64_t total);
  void loaded(const Served& model);
  void load_ended() { bar_.reset(); }
  void ready(std::uint64_t workers, const std::string& management_url, const std::string& url);

 private:
  std::unique_ptr<ProgressBar> bar_;
  std::string loading_;
};

}  // namespace onecopy::host
