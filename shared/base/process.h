// What every process of onecopy does when it starts, whichever it is.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace onecopy {

// The name that ps shows, at most 15 characters: the kernel's name of the process and, for a forked
// worker, also its first argument. `argv` is main's; nothing may have kept a pointer into argv[0].
void set_process_name(std::string_view name, char** argv);
// Another name, in a process forked from one that has set its own.
void set_process_name(std::string_view name);

// That name; "onecopy" where none was set.
std::string_view process_name();

// The folder of the running program: the others lie beside it.
std::filesystem::path program_folder();

// Of a status that waitpid gave: "killed by signal 9", "exit code 1".
std::string how_it_ended(int status);

// Closes every descriptor but the three standard ones and these: what a forked process must not
// inherit.
void close_descriptors_except(std::span<const int> kept);

}  // namespace onecopy
