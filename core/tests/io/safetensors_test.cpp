// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/safetensors.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

StateTensor tensor(std::string dtype, std::vector<Index> shape, std::size_t bytes, int first = 1) {
  StateTensor made{std::move(dtype), std::move(shape), std::vector<std::byte>(bytes)};
  for (std::size_t i = 0; i < bytes; ++i) made.bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return made;
}

/// A file from its parts, so that each part can be wrong.
std::string file_of(const std::string& header, const std::string& data, std::uint64_t stated_length) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &stated_length, 8);
  return text + header + data;
}
std::string file_of(const std::string& header, const std::string& data) { return file_of(header, data, header.size()); }

class Safetensors : public testing::Test {
 protected:
  /// What reading `content` complains about; empty if it is accepted.
  std::string complaint(const std::string& content) {
    write_text_atomically(path_, content);
    try {
      (void)read_safetensors(path_);
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos) << error.what();
      return error.what();
    }
    return {};
  }
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "a.safetensors";
};

TEST_F(Safetensors, RoundTripKeepsEverything) {
  StateDict state;
  state.tensors["wte.weight"] = tensor("F32", {3, 2}, 24);
  state.tensors["b"] = tensor("BF16", {5}, 10, 77);
  state.tensors["scalar"] = tensor("I64", {}, 8);
  state.tensors["empty"] = tensor("F64", {0, 4}, 0);
  state.metadata = {{"step", "17"}, {"optimizer", "s\"ign\n"}};
  write_safetensors(path_, state);
  EXPECT_EQ(read_safetensors(path_), state);
  write_safetensors(path_, StateDict{});
  EXPECT_EQ(read_safetensors(path_), StateDict{});
}

TEST_F(Safetensors, BytesAreWhatTheFormatSays) {
  StateDict state;
  state.tensors["a"] = tensor("U8", {3}, 3);
  write_safetensors(path_, state);
  const std::string header = R"({"a":{"data_offsets":[0,3],"dtype":"U8","shape":[3]}})";
  const std::size_t padded = (header.size() + 7) / 8 * 8;
  EXPECT_EQ(read_text(path_), file_of(header + std::string(padded - header.size(), ' '), "\x01\x02\x03", padded));
}

TEST_F(Safetensors, WriterRefusesBytesThatDoNotFitTheShape) {
  StateDict state;
  state.tensors["a"] = tensor("F32", {3}, 11);
  EXPECT_THROW(write_safetensors(path_, state), std::invalid_argument);
  state.tensors["a"] = tensor("F31", {3}, 12);
  EXPECT_THROW(write_safetensors(path_, state), std::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  StateDict state;
  state.tensors["a"] = tensor("F32", {2, 2}, 16);
  state.metadata = {{"k", "v"}};
  write_safetensors(path_, state);
  const std::string whole = read_text(path_);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(complaint(whole.substr(0, length)), "") << "first " << length << " bytes";
  EXPECT_EQ(complaint(whole), "");
  EXPECT_NE(complaint(whole + "x"), "");
}

TEST_F(Safetensors, CorruptHeadersAreRefused) {
  EXPECT_NE(complaint(file_of("{\"a\":", "")), "");
  EXPECT_NE(complaint(file_of("[]", "")), "");
  EXPECT_NE(complaint(file_of(R"({"a":3})", "")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[1]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U9","shape":[1],"data_offsets":[0,1]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", "x")), "");
  EXPECT_NE(complaint(file_of(R"({"__metadata__":{"k":1}})", "")), "");
  EXPECT_EQ(complaint(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x")), "");
}

TEST_F(Safetensors, OverlapsAndGapsAreRefused) {
  const auto two = [](int begin, int end) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[)" +
           std::to_string(begin) + "," + std::to_string(end) + "]}}";
  };
  EXPECT_NE(complaint(file_of(two(1, 3), "xyz")).find("overlap"), std::string::npos);
  EXPECT_NE(complaint(file_of(two(3, 5), "vwxyz")).find("belong to none"), std::string::npos);
  EXPECT_EQ(complaint(file_of(two(2, 4), "wxyz")), "");
}

TEST_F(Safetensors, HugeSizesAreRefusedWithoutAllocation) {
  EXPECT_NE(complaint(file_of("{}", "", ~std::uint64_t{0})), "");
  EXPECT_NE(complaint(file_of("{}", "", 1ULL << 40U)), "");
  // 2^32 * 2^32 wraps to 0 bytes in 64-bit arithmetic.
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", "")), "");
  EXPECT_NE(complaint(file_of(
                R"({"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,9223372036854775808]}})", "")),
            "");
  EXPECT_NE(complaint(file_of(R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", "x")), "");
}

TEST_F(Safetensors, MissingFileIsAUserError) { EXPECT_THROW((void)read_safetensors(folder_ / "none"), UserError); }

}  // namespace
}  // namespace normdescent
