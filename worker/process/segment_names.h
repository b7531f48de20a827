// What an instance leaves in /dev/shm when its last process goes.
#pragma once

#include <string>

#include "shared/protocol/kept_state.h"

namespace onecopy::worker {

// Removes the names of the kept segments, unless a host or gateway of the instance answers: then
// it is theirs to do. A name that means another file by now stays.
void remove_names_of_the_dead(const std::string& instance, const KeptState& kept);

}  // namespace onecopy::worker
