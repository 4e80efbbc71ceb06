// Recorded evidence of a real machine in the place of a report: everything behind it runs as with hardware, and everybody refuses it, since no
// recording can hold a B that was made afterwards.
#pragma once

#include <filesystem>

#include "openpcc/collect/source.h"

namespace openpcc::collect {

class Recording final : public Source {
 public:
  // open reads a folder with one report or quote, and beside it whatever vouches for it.
  //   collect.folder.*
  //   collect.replay.report   no report or quote among the files, more than one, or evidence of another kind
  static Result<std::unique_ptr<Source>> open(const std::filesystem::path& folder);

  Word name() const override { return "recording"; }
  bool recorded() const override { return true; }
  Result<Collected> collect(const attest::Binding& binding) override;

 private:
  explicit Recording(Collected collected) : collected_(std::move(collected)) {}
  Collected collected_;
};

}  // namespace openpcc::collect
