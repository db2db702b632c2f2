// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/json_depth.hpp"

namespace normdescent {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian; so are all machines so far");

namespace {

using Json = nlohmann::json;

/// The format's own limit for the header (100 MB, reference implementation of safetensors).
constexpr std::uint64_t kMaximumHeaderBytes = 100'000'000;
constexpr const char* kMetadataKey = "__metadata__";

constexpr std::array<std::pair<const char*, std::uint64_t>, 12> kDtypeBytes{{{"BOOL", 1},
                                                                             {"U8", 1},
                                                                             {"I8", 1},
                                                                             {"I16", 2},
                                                                             {"U16", 2},
                                                                             {"F16", 2},
                                                                             {"BF16", 2},
                                                                             {"I32", 4},
                                                                             {"U32", 4},
                                                                             {"F32", 4},
                                                                             {"F64", 8},
                                                                             {"I64", 8}}};

/// Bytes of a tensor; empty if the dtype is unknown, a dimension is negative or the product overflows.
std::optional<std::uint64_t> expected_bytes(const std::string& dtype, const std::vector<Index>& shape) {
  const auto* known = std::find_if(kDtypeBytes.begin(), kDtypeBytes.end(), [&](auto& d) { return dtype == d.first; });
  if (known == kDtypeBytes.end()) return std::nullopt;
  std::uint64_t bytes = known->second;
  for (const auto extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) return std::nullopt;
  }
  return bytes;
}

/// One entry of the header: where a tensor's bytes lie behind the header.
struct Entry {
  std::string name;
  std::string dtype;
  std::vector<Index> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& defect) {
  throw UserError(path.string() + " is not a readable safetensors file: " + defect,
                  "the file may be truncated or of another format");
}

Entry parse_entry(const std::filesystem::path& path, const std::string& name, const Json& value) {
  Entry entry{.name = name, .dtype = {}, .shape = {}};
  const auto has = [&](const char* key) { return value.is_object() && value.contains(key); };
  if (!has("dtype") || !has("shape") || !has("data_offsets")) refuse(path, "tensor " + name + " is incomplete");
  const auto& offsets = value["data_offsets"];
  const auto is_size = [](const Json& number) { return number.is_number_unsigned(); };
  const auto& shape = value["shape"];
  if (!value["dtype"].is_string() || !offsets.is_array() || offsets.size() != 2 || !shape.is_array() ||
      !std::all_of(offsets.begin(), offsets.end(), is_size) || !std::all_of(shape.begin(), shape.end(), is_size))
    refuse(path, "tensor " + name + " has a malformed header entry");
  entry.dtype = value["dtype"].get<std::string>();
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  for (const auto& extent : shape) {
    const auto size = extent.get<std::uint64_t>();
    if (size > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
      refuse(path, "tensor " + name + " has an impossible shape");
    entry.shape.push_back(static_cast<Index>(size));
  }
  const auto bytes = expected_bytes(entry.dtype, entry.shape);
  if (!bytes) refuse(path, "tensor " + name + " has an unknown dtype or an impossible shape");
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes)
    refuse(path, "tensor " + name + " has " + std::to_string(*bytes) + " bytes by its shape, other by its offsets");
  return entry;
}

/// The format wants the tensors to cover the data without gaps and overlaps.
void check_coverage(const std::filesystem::path& path, const std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& entry : entries) ranges.emplace_back(entry.begin, entry.end);
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t covered = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < covered) refuse(path, "tensors overlap");
    if (begin > covered) refuse(path, "bytes between tensors belong to none");
    covered = end;
  }
  if (covered != data_bytes)
    refuse(path, "tensors need " + std::to_string(covered) + " bytes, the file has " + std::to_string(data_bytes));
}

}  // namespace

FileDigest write_safetensors(const std::filesystem::path& path, const StateDict& state) {
  Json header = Json::object();
  if (!state.metadata.empty()) header[kMetadataKey] = state.metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const auto bytes = expected_bytes(tensor.dtype, tensor.shape);
    if (name == kMetadataKey || !bytes || *bytes != tensor.bytes.size())
      throw std::invalid_argument("tensor " + name + " = " + std::to_string(tensor.bytes.size()) + " bytes of dtype " +
                                  tensor.dtype + ", must be " + (bytes ? std::to_string(*bytes) : "of a known dtype"));
    header[name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + *bytes}}};
    offset += *bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data starts at a multiple of 8, so that it can be mapped
  const std::uint64_t length = text.size();

  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const auto& [name, tensor] : state.tensors) file.write(tensor.bytes);
  file.commit();
  return file.digest();
}

StateDict read_safetensors(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_file_error("read", path, errno);
  std::error_code error;
  const std::uint64_t file_bytes = std::filesystem::file_size(path, error);
  if (error) throw_file_error("read", path, error.value());

  std::uint64_t length = 0;
  if (file_bytes < sizeof length) refuse(path, "shorter than its 8-byte length field");
  file.read(reinterpret_cast<char*>(&length), sizeof length);
  const std::uint64_t after_length = file_bytes - sizeof length;
  if (length > kMaximumHeaderBytes || length > after_length)
    refuse(path, "header of " + std::to_string(length) + " bytes in a file of " + std::to_string(file_bytes));
  std::string text(length, '\0');
  file.read(text.data(), static_cast<std::streamsize>(length));
  if (json_nests_too_deep(text)) refuse(path, "its header nests too deep");
  const Json header = Json::parse(text, nullptr, false);
  if (!file || header.is_discarded() || !header.is_object()) refuse(path, "the header is not a JSON object");

  StateDict state;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != kMetadataKey) {
      entries.push_back(parse_entry(path, name, value));
      continue;
    }
    if (!value.is_object()) refuse(path, "the metadata is not a JSON object");
    for (const auto& [key, item] : value.items()) {
      if (!item.is_string()) refuse(path, "metadata " + key + " is not a string");
      state.metadata[key] = item.get<std::string>();
    }
  }
  check_coverage(path, entries, after_length - length);

  const std::uint64_t data_start = sizeof length + length;
  for (auto& entry : entries) {
    StateTensor tensor{.dtype = entry.dtype, .shape = entry.shape, .bytes = {}};
    tensor.bytes.resize(entry.end - entry.begin);
    file.seekg(static_cast<std::streamoff>(data_start + entry.begin));
    file.read(reinterpret_cast<char*>(tensor.bytes.data()), static_cast<std::streamsize>(tensor.bytes.size()));
    if (!file) refuse(path, "the data of tensor " + entry.name + " could not be read");
    state.tensors.emplace(std::move(entry.name), std::move(tensor));
  }
  return state;
}

}  // namespace normdescent
