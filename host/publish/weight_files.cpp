#include "host/publish/weight_files.h"

#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/small_file.h"

namespace onecopy::host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShards = 1000;

// A shard is a file of the folder itself, whatever the index says.
bool is_file_name(std::string_view name) {
  return name.size() <= 255 && name.ends_with(".safetensors") &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

tl::unexpected<Error> refuse_pickle(const fs::path& folder) {
  return fail(ErrorCode::kUnsupported,
              "{}: only a pickled pytorch_model.bin, which could run code; convert it: python3 -c "
              "\"import sys, glob, "
              "torch; from safetensors.torch import save_file; d = {{}}; [d.update(torch.load(f, "
              "map_location='cpu', "
              "weights_only=True)) for f in glob.glob(sys.argv[1] + '/pytorch_model*.bin')]; "
              "save_file({{k: "
              "v.clone().contiguous() for k, v in d.items()}}, sys.argv[1] + '/model.safetensors', "
              "metadata={{'format': 'pt'}})\" '{}'",
              folder.string(), folder.string());
}

}  // namespace

Result<WeightFiles> WeightFiles::open(const fs::path& folder) {
  if (is_there(folder / "model.safetensors")) return open_file(folder / "model.safetensors");
  const fs::path index = folder / "model.safetensors.index.json";
  if (is_there(index)) return open_sharded(folder, index);
  if (is_there(folder / "pytorch_model.bin") || is_there(folder / "pytorch_model.bin.index.json")) {
    return refuse_pickle(folder);
  }
  return fail(ErrorCode::kNotFound, "{}: no model.safetensors in it", folder.string());
}

Result<WeightFiles> WeightFiles::open_file(const fs::path& path) {
  WeightFiles all;
  all.path_ = path;
  ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  const auto& kept = all.files_[path.filename().string()] =
      std::make_unique<SafetensorsFile>(std::move(file));
  for (const auto& [name, tensor] : kept->tensors())
    all.tensors_.emplace(name, TensorRef{kept.get(), &tensor});
  return all;
}

Result<WeightFiles> WeightFiles::open_sharded(const fs::path& folder, const fs::path& index) {
  ASSIGN_OR_RETURN(const Json json, read_json_file(index));
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object() ||
      map->size() > limits::kTensorsPerFile) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: weight_map is not an object of at most {} tensors", index.string(),
                limits::kTensorsPerFile);
  }
  WeightFiles all;
  all.path_ = index;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string() || !is_file_name(shard.get_ref<const std::string&>())) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: {} is not the name of a .safetensors file of this folder", index.string(),
                  shown(shard));
    }
    auto& file = all.files_[shard.get<std::string>()];
    if (all.files_.size() > kShards) {
      return fail(ErrorCode::kTooLarge, "{}: more than {} files", index.string(), kShards);
    }
    if (file == nullptr) {
      ASSIGN_OR_RETURN(SafetensorsFile opened,
                       SafetensorsFile::open(folder / shard.get<std::string>()));
      file = std::make_unique<SafetensorsFile>(std::move(opened));
    }
    const SourceTensor* tensor = file->find(name);
    if (tensor == nullptr) {
      return fail(ErrorCode::kCorrupt, "{}: has no tensor {}, which {} expects in it",
                  file->path().string(), name, index.filename().string());
    }
    all.tensors_.emplace(name, TensorRef{file.get(), tensor});
  }
  return all;
}

TensorRef WeightFiles::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? TensorRef{} : found->second;
}

std::vector<std::string> WeightFiles::names() const {
  std::vector<std::string> list;
  list.reserve(tensors_.size());
  for (const auto& [name, ref] : tensors_) list.push_back(name);
  return list;
}

}  // namespace onecopy::host
