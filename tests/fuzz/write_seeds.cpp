// SPDX-License-Identifier: Apache-2.0
// Writes the seeds that only a program can write into a corpus folder:  fuzz_write_seeds tests/fuzz/corpus
// The others there are written by hand, or are inputs that once broke a reader (refused-*).
#include <array>
#include <cstdint>

#include "fuzz/checkpoint_run.hpp"
#include "fuzz/scratch.hpp"
#include "normdescent/data/token_corpus.hpp"
#include "normdescent/gpt/weights.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/safetensors.hpp"
#include "normdescent/scoreboard/record.hpp"
#include "normdescent/tokens/shard.hpp"

namespace {

namespace fs = std::filesystem;
using namespace normdescent;

const GptShape kShape{.layers = 1, .width = 4, .heads = 2, .context = 3, .vocabulary = 5};

std::string joined(std::initializer_list<std::string> parts) {
  std::string all;
  for (const auto& part : parts) all += (&part == parts.begin() ? "" : std::string(fuzz::kSeparator)) + part;
  return all;
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  write_text_atomically(path, content);
}

std::string shard(const fs::path& folder, const std::string& prefix, std::vector<Token> tokens) {
  ShardWriter writer(folder, prefix, 100);
  writer.append(tokens);
  writer.finish();
  return read_text(writer.files().front());
}

std::string llmc_file(bool is_bfloat16) {
  constexpr int kPadded = 8;
  std::array<std::int32_t, 256> header{20240326, is_bfloat16 ? 5 : 3, 3, 5, 1, 2, 4, kPadded};
  const auto entries = static_cast<std::size_t>(parameter_count(kShape) + (kPadded - kShape.vocabulary) * kShape.width);
  return std::string(reinterpret_cast<const char*>(header.data()), sizeof header) +
         std::string(entries * (is_bfloat16 ? 2 : 4), '\1');
}

std::string safetensors_file(const fs::path& folder) {
  StateDict state;
  state.metadata["step"] = "3";
  state.tensors["weight"] = {.dtype = "F32", .shape = {2, 2}, .bytes = std::vector<std::byte>(16)};
  state.tensors["scale"] = {.dtype = "BF16", .shape = {}, .bytes = std::vector<std::byte>(2)};
  state.tensors["none"] = {.dtype = "U8", .shape = {0, 7}, .bytes = {}};
  write_safetensors(folder / "state.safetensors", state);
  return read_text(folder / "state.safetensors");
}

std::string hugging_face_folder(const fs::path& folder) {
  GptWeights weights{.shape = kShape, .values = std::vector<float>(static_cast<std::size_t>(parameter_count(kShape)))};
  write_hugging_face(folder, weights);
  return joined({read_text(folder / kConfigFile), read_text(folder / kWeightsFile)});
}

std::string checkpoint_folder(const fs::path& folder) {
  fuzz::CheckpointRun run;
  run.objective->gradient(Batch::number(1, 1, 1));
  run.optimizer.step(run.objective->parameters(), 0.5);
  const auto path = write_checkpoint(
      folder, run.checkpoint(),
      {.weights = [&] { return weights_of(*run.objective); }, .optimizer = [&] { return run.optimizer.state(); }}, 1);
  return joined({read_text(path / "checksums.txt"), read_text(path / "position.json"),
                 read_text(path / "model.safetensors"), read_text(path / "optimizer.safetensors")});
}

std::string record_folder() {
  ProblemRecord record{.problem = "toy",
                       .family = "toys",
                       .plan = {.steps = 100, .batch_size = 4.0},
                       .evidence = {},
                       .evidence_cost = {10, 9, 2, 0.5},
                       .race = {},
                       .race_cost = {1000, 0, 20, 5.0}};
  record.evidence.short_steps = 5;
  record.evidence.short_runs = {
      {.optimizer = "sgd", .learning_rate = 0.2, .steps = {0.0, 5.0}, .losses = {4.0, 3.5}, .trials = {{5, 0.2, 3.5}}}};
  RunRecord run{.contestant = "sgd",
                .learning_rate = 0.1,
                .seed = 5,
                .is_final = true,
                .status = RunStatus::completed,
                .reason = {},
                .curve = {{.step = 0, .train_loss = 4.0, .validation_loss = 4.0},
                          {.step = 100, .train_loss = 3.0, .validation_loss = 3.5}},
                .first_loss = 4.0,
                .final_loss = 3.5};
  ContestantResult sgd{.name = "sgd", .learning_rate = 0.1, .search = {}, .finals = {run}, .speedup = {}};
  record.race.reference = "sgd";
  record.race.contestants = {sgd};
  return joined({evidence_text(record), race_text(record, "PREDICTION-HASH")});
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", words[0]);
    return 2;
  }
  const fs::path to = words[1];
  const test::TemporaryFolder folder;
  const std::string training = shard(folder.path(), "train", {1, 2, 3, 50256, 5, 6, 7, 8, 9, 10});
  const std::string validation = shard(folder.path(), "val", {4, 0, 65535, 2, 2, 2, 2, 2, 2, 2});
  const TokenManifest manifest{.source = "text",
                               .tokenizer = "gpt2",
                               .hash = "0123456789abcdef",
                               .vocabulary = 50257,
                               .documents = 2,
                               .bytes = 40,
                               .training_tokens = 10,
                               .validation_tokens = 10};
  put(to / "shard" / "seed-tokens", training);
  put(to / "token_folder" / "seed-folder", joined({manifest.to_json(), training, validation}));
  put(to / "safetensors" / "seed-tensors", safetensors_file(folder.path()));
  put(to / "llmc" / "seed-float32", llmc_file(false));
  put(to / "llmc" / "seed-bfloat16", llmc_file(true));
  put(to / "hugging_face" / "seed-folder", hugging_face_folder(folder.path()));
  put(to / "config" / "seed-gpt2", to_config(kShape));
  put(to / "checkpoint" / "seed-adamw", checkpoint_folder(folder.path()));
  put(to / "record" / "seed-toy", record_folder());
  put(to / "prediction" / "seed-sealed", sealed(R"({"problem": "toy", "prediction": [1.5, null]})"));
  return 0;
}
