// What has to change so that the models served are those asked for.
#pragma once

#include <string>
#include <vector>

#include "host/control/registrations.h"
#include "host/options.h"

namespace onecopy::host {

struct ConfigChanges {
  std::vector<NewModel> load;      // new ones and changed ones, in the order asked for
  std::vector<ModelEntry> remove;  // that came from the config and are no longer in it
  std::vector<std::string> notes;  // what is left alone although it was asked for, and why
};

// Models that were registered through the API stay as they are. A model is changed when its
// folder, precision or adapter is another, or when their files were written to since (`stamp`).
ConfigChanges plan_changes(const RegistrySnapshot& served, const std::vector<ModelSource>& asked);

// A line for each setting that is different and can only be changed by starting anew.
std::vector<std::string> needs_restart(const ServeOptions& before, const ServeOptions& after);

}  // namespace onecopy::host
