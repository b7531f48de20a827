#include "shared/base/format_bytes.h"

#include <fmt/format.h>

#include <array>

namespace onecopy {

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  constexpr std::size_t kGb = 3;  // from here on a tenth is much
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, unit < kGb ? 1 : 2, kUnits[unit]);
}

}  // namespace onecopy
