#include "worker/kernels/back_ends_text.h"

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <map>

#include "worker/kernels/amx_product.h"

namespace onecopy::worker::kernels {
namespace {

constexpr std::string_view kWidened = "widened";
constexpr std::string_view kBf16 = "bf16";
constexpr std::string_view kI16 = "i16";

using Entries = std::map<std::string_view, std::string_view>;

Result<Entries> split(std::string_view text) {
  Entries entries;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "back ends: \"{}\" is not of the form key=value",
                  entry);
    }
    if (!entries.emplace(entry.substr(0, equals), entry.substr(equals + 1)).second) {
      return fail(ErrorCode::kInvalidArgument, "back ends: {} is there twice",
                  entry.substr(0, equals));
    }
  }
  return entries;
}

// The entry's value, which is taken out: what is left at the end is unknown.
Result<std::string_view> take(Entries& entries, std::string_view key) {
  const auto found = entries.find(key);
  if (found == entries.end())
    return fail(ErrorCode::kInvalidArgument, "back ends: {} is missing", key);
  const std::string_view value = found->second;
  entries.erase(found);
  return value;
}

tl::unexpected<Error> lacks(std::string_view key, std::string_view value) {
  return fail(ErrorCode::kUnsupported, "back ends: {}={}: this machine has no such back end", key,
              value);
}

// The candidate of this name, tested. Candidates that the machine lacks are null.
template <class Product>
Result<const Product*> find(std::string_view key, std::string_view value,
                            std::initializer_list<const Product*> candidates) {
  for (const Product* const product : candidates) {
    if (product == nullptr || product->name != value) continue;
    if (const std::string wrong = self_test(*product); !wrong.empty()) {
      return fail(ErrorCode::kUnsupported, "back ends: {}={}: failed its self-test ({})", key,
                  value, wrong);
    }
    return product;
  }
  return lacks(key, value);
}

Status check_simd(Entries& entries) {
  ASSIGN_OR_RETURN(const std::string_view simd, take(entries, "simd"));
  if (simd == simd_name()) return {};
  return fail(ErrorCode::kUnsupported, "back ends: simd={}: this machine's is {}", simd,
              simd_name());
}

Result<double> take_speedup(Entries& entries, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string_view value, take(entries, key));
  double number = 0;
  const char* const end = value.data() + value.size();
  const auto [last, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && last == end && std::isfinite(number) && number >= 0) return number;
  return fail(ErrorCode::kInvalidArgument, "back ends: {}={}: not a number of 0 or more", key,
              value);
}

Status read_bf16(Entries& entries, BackEnds& back_ends) {
  ASSIGN_OR_RETURN(const std::string_view bf16, take(entries, "bf16"));
  if (bf16 != kWidened) {
    ASSIGN_OR_RETURN(back_ends.bf16,
                     find<Bf16Product>("bf16", bf16, {amx_bf16_product(), dot_bf16_product()}));
  }
  ASSIGN_OR_RETURN(const std::string_view attention, take(entries, "attention"));
  if (attention == kI16) return {};
  // Only AMX's are ever chosen for it.
  if (attention != kBf16 || back_ends.bf16 == nullptr || back_ends.bf16 != amx_bf16_product())
    return lacks("attention", attention);
  back_ends.attention = back_ends.bf16;
  return {};
}

}  // namespace

std::string describe(const BackEnds& back_ends) {
  return fmt::format("simd={} f32={} bf16={} int8={} attention={} bf16_speedup={} int8_speedup={}",
                     simd_name(), back_ends.f32->name,
                     back_ends.bf16 == nullptr ? kWidened : back_ends.bf16->name,
                     back_ends.int8->name, back_ends.attention == nullptr ? kI16 : kBf16,
                     back_ends.bf16_speedup, back_ends.int8_speedup);
}

Result<BackEnds> back_ends_from_text(std::string_view text) {
  ASSIGN_OR_RETURN(Entries entries, split(text));
  RETURN_IF_ERROR(check_simd(entries));
  BackEnds back_ends;
  ASSIGN_OR_RETURN(const std::string_view f32, take(entries, "f32"));
  ASSIGN_OR_RETURN(
      back_ends.f32,
      find<BlockProduct>("f32", f32, {&highway_product(), brgemm_product(), &scalar_product()}));
  back_ends.any_shape = &any_shape_product(*back_ends.f32);
  RETURN_IF_ERROR(read_bf16(entries, back_ends));
  ASSIGN_OR_RETURN(const std::string_view int8, take(entries, "int8"));
  ASSIGN_OR_RETURN(back_ends.int8, find<Int8Product>("int8", int8,
                                                     {&highway_int8_product(), amx_int8_product(),
                                                      &scalar_int8_product()}));
  ASSIGN_OR_RETURN(back_ends.bf16_speedup, take_speedup(entries, "bf16_speedup"));
  ASSIGN_OR_RETURN(back_ends.int8_speedup, take_speedup(entries, "int8_speedup"));
  if (entries.empty()) return back_ends;
  return fail(ErrorCode::kInvalidArgument, "back ends: {}: no such entry", entries.begin()->first);
}

}  // namespace onecopy::worker::kernels
