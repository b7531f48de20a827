#include "shared/base/run_on_cores.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

#include "shared/base/cpu_count.h"

namespace onecopy {

void run_on_cores(std::size_t count, const std::function<void(SharedItems& items)>& work) {
  SharedItems items(count);
  const std::size_t threads = std::min<std::size_t>(count, usable_cores());
  std::vector<std::jthread> helpers;
  try {
    for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back([&] { work(items); });
  } catch (const std::system_error&) {  // no thread left: those that are there do it
  }
  work(items);
}

}  // namespace onecopy
