// SPDX-License-Identifier: Apache-2.0
// Reads event files back with a decoder of its own: frames, checksums bit by bit, and the fields of the messages.
#include "normdescent/files/event_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

template <class T>
T number_at(const std::string& text, std::size_t at) {
  T value{};
  if (at + sizeof value > text.size()) throw std::runtime_error("cut off");
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

std::uint32_t expected_mask(const std::string& text) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U;
}

std::vector<std::string> messages_in(const std::string& file) {
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < file.size();) {
    const auto length = number_at<std::uint64_t>(file, at);
    EXPECT_EQ(number_at<std::uint32_t>(file, at + 8), expected_mask(file.substr(at, 8)));
    messages.push_back(file.substr(at + 12, length));
    EXPECT_EQ(number_at<std::uint32_t>(file, at + 12 + length), expected_mask(messages.back()));
    at += 16 + length;
  }
  return messages;
}

/// Field number -> its contents; varints as 8 bytes.
std::multimap<unsigned, std::string> fields_of(const std::string& message) {
  std::multimap<unsigned, std::string> fields;
  std::size_t at = 0;
  const auto read_varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) return value;
    }
  };
  while (at < message.size()) {
    const auto key = read_varint();
    const auto wire = key & 7U;
    std::string content;
    if (wire == 0) {
      const std::uint64_t value = read_varint();
      content.assign(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      const std::size_t length = wire == 1 ? 8 : wire == 5 ? 4 : read_varint();
      content = message.substr(at, length);
      at += length;
    }
    fields.emplace(static_cast<unsigned>(key >> 3U), content);
  }
  return fields;
}

std::string field(const std::string& message, unsigned number) {
  const auto fields = fields_of(message);
  const auto found = fields.find(number);
  return found == fields.end() ? "" : found->second;
}

TEST(EventFile, HoldsVersionStartAndScalarsThatADecoderFinds) {
  const test::TemporaryFolder folder;
  std::filesystem::path path;
  {
    EventFile events(folder.path(), 300);
    path = events.path();
    events.append(301, std::vector<Scalar>{{"train_loss", 2.5}, {"val_loss", std::nan("")}, {"tokens", 1e6}});
  }
  EXPECT_EQ(path.filename().string().find("events.out.tfevents."), 0U);
  const auto messages = messages_in(read_text(path));
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(field(messages[0], 3), "brain.Event:2");
  EXPECT_GT(number_at<double>(field(messages[0], 1), 0), 1.5e9) << "seconds since 1970";
  EXPECT_EQ(number_at<std::uint64_t>(field(messages[1], 2), 0), 300U);
  EXPECT_EQ(number_at<std::uint64_t>(field(field(messages[1], 7), 1), 0), 1U) << "SessionLog START";
  EXPECT_EQ(number_at<std::uint64_t>(field(messages[2], 2), 0), 301U);
  std::map<std::string, float> scalars;
  const auto summary = fields_of(field(messages[2], 5));
  for (const auto& [number, value] : summary) {
    EXPECT_EQ(number, 1U);
    scalars[field(value, 1)] = number_at<float>(field(value, 2), 0);
  }
  EXPECT_EQ(scalars, (std::map<std::string, float>{{"train_loss", 2.5F}, {"tokens", 1e6F}})) << "without NaN";
}

TEST(EventFile, UnwritableFolderIsAUserError) { EXPECT_THROW(EventFile("/nonexistent", 0), UserError); }

}  // namespace
}  // namespace normdescent
